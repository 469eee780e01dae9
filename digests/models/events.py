"""Events that providers report."""

from typing import Self

from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.mail.refusal import Blame


class ProviderEventQuerySet(models.QuerySet["ProviderEvent"]):
    def pending(self) -> Self:
        return self.filter(applied_at=None)

    def counted(self) -> Self:
        """Keep events that were not put aside."""
        return self.filter(put_aside="")

    def held(self) -> Self:
        """Keep bounces whose suppression waits for an operator."""
        return self.filter(held=ProviderEvent.Held.WAITING)


class ProviderEvent(models.Model):
    """A provider's report about one mail, stored as posted and applied later. It holds no address."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "Accepted by the provider"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced for good"
        SOFT_BOUNCED = "soft_bounced", "Bounced for now"
        COMPLAINED = "complained", "Called spam"
        REJECTED = "rejected", "Rejected by the provider"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed at the provider"
        OTHER = "other", "Something else"

    class Aside(models.TextChoices):
        REFUSED = "refused", "Refused for a signature that is too old or was used before"
        UNREADABLE = "unread", "Not readable"
        UNKNOWN = "unknown", "Of no mail we know"
        ADDRESS = "address", "Of a mail to another address"
        FAILED = "failed", "Cannot be applied: see the log"

    class Stop(models.TextChoices):
        """Why a provider no longer mails an address."""

        BOUNCED = "bounced", "It bounced before"
        COMPLAINED = "complained", "The reader called it spam"
        UNSUBSCRIBED = "unsubscribed", "The reader unsubscribed at the provider"
        INVALID = "invalid", "It is no valid address"
        BLOCKED = "blocked", "It is on the provider’s own list"

    class Held(models.TextChoices):
        WAITING = "waiting", "Waits for an operator"
        SUPPRESSED = "suppressed", "An operator suppressed the address"
        LET_GO = "let_go", "An operator let it go"

    provider = models.CharField(max_length=20)
    key = models.CharField(max_length=64, unique=True)  # a hash of provider, kind, address, mail and moment
    kind = models.CharField(max_length=12, choices=Kind)
    provider_word = models.CharField(
        max_length=60, blank=True, default="", db_default=""
    )  # a row of the provider's table
    stopped_for = models.CharField(max_length=12, choices=Stop, blank=True, default="", db_default="")
    # Whose fault a refusal is, and the receiver's own sentence without addresses; both empty of everything else.
    blame = models.CharField(max_length=8, choices=Blame, blank=True, default="", db_default="")
    answer = models.CharField(max_length=500, blank=True, default="", db_default="")
    body = models.JSONField()
    delivery_id = models.BigIntegerField(null=True)
    letter_id = models.BigIntegerField(null=True)
    issue_id = models.BigIntegerField(null=True)
    message_id = models.CharField(max_length=200, blank=True, default="")
    address_hash = models.CharField(max_length=64, blank=True, default="")
    domain = models.CharField(max_length=255, blank=True, default="")  # forgotten after two days
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField(default=clock.now)
    applied_at = models.DateTimeField(null=True)
    put_aside = models.CharField(max_length=8, choices=Aside, blank=True, default="")
    held = models.CharField(max_length=10, choices=Held, blank=True, default="")  # bounces of a troubled domain

    objects = ProviderEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=("id",), condition=Q(applied_at=None), name="event_pending"),
            models.Index(fields=("id",), condition=Q(held="waiting"), name="event_held"),
            models.Index(fields=("delivery_id",), condition=~Q(delivery_id=None), name="event_of_delivery"),
            models.Index(fields=("letter_id",), condition=~Q(letter_id=None), name="event_of_letter"),
            models.Index(fields=("domain", "received_at"), condition=~Q(domain=""), name="event_of_domain"),
            models.Index(
                fields=("issue_id", "kind"),
                condition=Q(kind__in=("bounced", "complained")) & ~Q(issue_id=None),
                name="event_against_issue",
            ),
            models.Index(fields=("received_at",), name="event_received"),
            # For the list of events: what is rare among deliveries.
            models.Index(
                fields=("kind", "id"), condition=~Q(kind__in=("accepted", "delivered")), name="event_by_rare_kind"
            ),
            models.Index(fields=("put_aside", "id"), condition=~Q(put_aside=""), name="event_by_aside"),
            models.Index(fields=("held", "id"), condition=~Q(held=""), name="event_by_held"),
            models.Index(fields=("received_at",), condition=Q(blame="us"), name="event_about_us"),
            models.Index(fields=("stopped_for", "id"), condition=~Q(stopped_for=""), name="event_by_stop"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.provider})"


class SignatureToken(models.Model):
    """The token of a signature that covers no body, with the one body it was accepted for."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    body_hash = models.CharField(max_length=64)
    signed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.token_hash[:12]}, signed {self.signed_at:%Y-%m-%d %H:%M} UTC"
