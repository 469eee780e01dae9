"""Mail that a person waits for, and what was posted to ask for it."""

from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.state_machine import StatefulModel
from subscribers.models.reader import Subscriber


class Letter(StatefulModel):
    """A mail that a person waits for, on its way."""

    class Kind(models.TextChoices):
        CONFIRM = "confirm", "Confirm the address"
        PREFERENCES = "preferences", "Link to the preferences"
        LINK = "link", "Link that was asked for"
        ADDRESS = "address", "Confirm another address"
        MOVED = "moved", "Tell the address left"
        EXPORT = "export", "Link to all that is kept"
        ERASE = "erase", "Link to erase it"

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    MOVES = {
        Status.SENDING: {Status.PLANNED},
        Status.SENT: {Status.SENDING, Status.FAILED},  # a worker taken for lost may know better
        Status.FAILED: {Status.SENDING},
        Status.SKIPPED: {Status.PLANNED},
        Status.PLANNED: {Status.SENDING, Status.PLANNED},
    }

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=11, choices=Kind)
    address = models.CharField(max_length=320, blank=True, default="")  # where it goes, if not to the reader's own
    status = models.CharField(max_length=8, choices=Status, default=Status.PLANNED)
    created_at = models.DateTimeField(default=clock.now)
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    used_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=("id",), condition=Q(status__in=("planned", "sending")), name="letter_unfinished"),
            models.Index(fields=("address",), condition=~Q(address=""), name="letter_elsewhere"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_status_display()})"

    @property
    def recipient(self) -> str:
        """The canonical address it goes to."""
        return self.address or self.subscriber.canonical


class SignupRequest(models.Model):
    """What was asked for an address as it was posted, until mail answers it; who it was goes with the answer."""

    class Wish(models.TextChoices):
        SUBSCRIBE = "subscribe", "To subscribe"
        LINK = "link", "A link to the choices"
        MOVE = "move", "Digests to this address"

    class Outcome(models.TextChoices):
        CONFIRM = "confirm", "Asked to confirm"
        SUBSCRIBED = "subscribed", "Told to be subscribed already"
        LINKED = "linked", "Mailed a link"
        UNKNOWN = "unknown", "Not mailed: no such reader, or enough of it"
        LIMITED = "limited", "Not mailed again so soon"
        SUPPRESSED = "suppressed", "Not mailed: suppressed"
        THROW_AWAY = "throw-away", "Not mailed: a throw-away domain"

    MAILED = (Outcome.CONFIRM, Outcome.SUBSCRIBED, Outcome.LINKED)

    wish = models.CharField(max_length=9, choices=Wish, default=Wish.SUBSCRIBE, db_default=Wish.SUBSCRIBE.value)
    email = models.CharField(max_length=320, blank=True)
    choice = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    network = models.CharField(max_length=50)
    source = models.CharField(max_length=100, blank=True, help_text="The form, or the site it stands on.")
    text_version = models.CharField(max_length=20)
    proof = models.CharField(max_length=64, null=True, unique=True)  # of work, where one was asked for
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
        """Record what became of it, and forget who asked."""
        self.answered_at, self.outcome = clock.now(), outcome
        self.email, self.choice, self.ip = "", {}, None
        self.save(update_fields=["answered_at", "outcome", "email", "choice", "ip"])
