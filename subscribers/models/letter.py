"""Letters (mail that a person is waiting for) and the requests that cause them."""

from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.state_machine import StatefulModel
from subscribers.addresses.canonical import LONGEST_ADDRESS
from subscribers.models.reader import Subscriber


class LetterQuerySet(models.QuerySet["Letter"]):
    def void(self) -> int:
        """End the links of unused letters, and keep those not yet sent from being sent; return how many.

        Notices of a move stay: they hold no link, and warn the reader.
        """
        return self.filter(used_at=None).exclude(kind=Letter.Kind.MOVED).update(used_at=clock.now())


class Letter(StatefulModel):
    """A mail that a person is waiting for, and its delivery state."""

    class Kind(models.TextChoices):
        CONFIRM = "confirm", "Confirm the address"
        PREFERENCES = "preferences", "Link to preferences, after a repeated sign-up"
        LINK = "link", "Requested link to preferences"
        ADDRESS = "address", "Confirm a new address"
        MOVED = "moved", "Notice to the old address"
        EXPORT = "export", "Link to the reader's data"
        ERASE = "erase", "Link to erase the reader's data"

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    MOVES = {
        Status.SENDING: {Status.PLANNED},
        Status.SENT: {Status.SENDING, Status.FAILED},  # a worker presumed lost may still report success
        Status.FAILED: {Status.SENDING},
        Status.SKIPPED: {Status.PLANNED},
        Status.PLANNED: {Status.SENDING, Status.PLANNED},
    }

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=11, choices=Kind)
    address = models.CharField(max_length=LONGEST_ADDRESS, blank=True, default="")  # if not the reader's own
    status = models.CharField(max_length=8, choices=Status, default=Status.PLANNED)
    created_at = models.DateTimeField(default=clock.now)
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    used_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=("id",), condition=Q(status__in=("planned", "sending")), name="letter_unfinished"),
            models.Index(fields=("address",), condition=~Q(address=""), name="letter_elsewhere"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_status_display()})"

    @property
    def recipient(self) -> str:
        """The canonical address of the recipient."""
        return self.address or self.subscriber.canonical


class SignupRequest(models.Model):
    """A stranger's request for mail to an address, as posted. Answering it erases the personal data."""

    class Kind(models.TextChoices):
        SUBSCRIBE = "subscribe", "Subscribe"
        LINK = "link", "Link to preferences"
        MOVE = "move", "Move digests to this address"

    class Outcome(models.TextChoices):
        CONFIRM = "confirm", "Confirmation mailed"
        SUBSCRIBED = "subscribed", "Link mailed: already subscribed"
        LINKED = "linked", "Link mailed"
        UNKNOWN = "unknown", "Not mailed: no such reader, or limit reached"
        LIMITED = "limited", "Not mailed: mailed recently"
        LEFT = "left", "Not mailed: the reader left since"
        SUPPRESSED = "suppressed", "Not mailed: suppressed"
        THROW_AWAY = "throw-away", "Not mailed: disposable address"

    MAILED = (Outcome.CONFIRM, Outcome.SUBSCRIBED, Outcome.LINKED)

    wish = models.CharField(max_length=9, choices=Kind, default=Kind.SUBSCRIBE, db_default=Kind.SUBSCRIBE.value)
    email = models.CharField(max_length=LONGEST_ADDRESS, blank=True)
    choice = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    network = models.CharField(max_length=50)
    source = models.CharField(
        max_length=100, blank=True, help_text="The form, or the origin of the site that embeds it."
    )
    text_version = models.CharField(max_length=20)
    proof = models.CharField(max_length=64, null=True, unique=True)  # nonce of the proof of work, if one was needed
    created_at = models.DateTimeField(default=clock.now)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=("network", "created_at"), name="signup_of_a_network"),
            models.Index(fields=("answered_at",), name="signup_answered"),
            models.Index(fields=("id",), condition=Q(answered_at=None), name="signup_waiting"),
        ]

    def __str__(self) -> str:
        return f"Request {self.pk} ({self.get_outcome_display() or 'waiting'})"

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome, and erase the personal data."""
        self.answered_at, self.outcome = clock.now(), outcome
        self.email, self.choice, self.ip = "", {}, None
        self.save(update_fields=["answered_at", "outcome", "email", "choice", "ip"])
