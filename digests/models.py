"""What goes out: a digest is content, a delivery is a person, a batch is the work. What comes back: events."""

import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.states import StatefulModel
from subscribers.models import Preferences, Subscriber


class Frame(models.Model):
    """What surrounds the cards in the mails of one issue, rendered once; its slots are open."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="frame")
    html = models.TextField()
    text = models.TextField()

    def __str__(self) -> str:
        return f"Frame of {self.issue_id}"


class Card(models.Model):
    """One entry as readers see it who get it for one reason; rendered at its first hand-over."""

    entry = models.ForeignKey(IssueEntry, models.CASCADE, related_name="cards")
    reason = models.CharField(max_length=500)
    html = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("entry", "reason"), name="card_once_a_reason")]

    def __str__(self) -> str:
        return self.reason


class CardsPruned(Exception):
    """Cards of this digest are gone: it is too old to be shown or explained."""


class Digest(models.Model):
    """One selection of papers, shared by every reader whose preferences come to it. Only its order is stored."""

    content_key = models.UUIDField(unique=True)
    # The newest issue of its span, whose frame it has.
    issue = models.ForeignKey(Issue, models.PROTECT, related_name="digests", db_constraint=False, db_index=False)
    card_ids = ArrayField(models.BigIntegerField())
    is_fallback = models.BooleanField(default=False)  # nothing matched, and the front's best are shown instead
    subject = models.CharField(max_length=200)
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [BrinIndex(fields=("made_at",), name="digest_made_at")]

    def __str__(self) -> str:
        return self.subject

    @property
    def cards(self) -> list[Card]:
        """The cards in their order, with their entries; one query. Raise CardsPruned where some are gone."""
        found = Card.objects.select_related("entry").in_bulk(self.card_ids)
        if len(found) < len(self.card_ids):
            raise CardsPruned
        return [found[pk] for pk in self.card_ids]

    @property
    def paper_ids(self) -> list[int]:
        """The papers in their order; one query."""
        return [card.entry.paper_id for card in self.cards]


class BatchQuerySet(models.QuerySet["Batch"]):
    def ready(self) -> Self:
        """Keep batches that a worker may take now."""
        return self.filter(Batch.is_ready(), status=Batch.Status.PLANNED)

    def unfinished(self) -> Self:
        return self.exclude(status__in=(Batch.Status.DONE, Batch.Status.DROPPED))


class Batch(StatefulModel):
    """Deliveries handed over together by one worker: the claim."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        LEASED = "leased", "Leased"
        SUBMITTING = "submitting", "Submitting"
        DONE = "done", "Done"
        DROPPED = "dropped", "Dropped"

    MOVES = {
        Status.LEASED: {Status.PLANNED},
        Status.SUBMITTING: {Status.LEASED, Status.SUBMITTING},
        Status.PLANNED: {Status.LEASED, Status.SUBMITTING},
        Status.DONE: {Status.LEASED, Status.SUBMITTING},
        Status.DROPPED: {Status.PLANNED},
    }

    lane = models.CharField(max_length=10, default="single")
    status = models.CharField(max_length=10, choices=Status, default=Status.PLANNED)
    position = models.PositiveIntegerField(default=0)  # calls that are behind us
    open_calls = models.PositiveIntegerField(default=0)  # calls from there on that may be on their way
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=clock.now)
    provider = models.CharField(max_length=40, blank=True, default="")  # whom its calls went to
    started_at = models.DateTimeField(null=True)  # when its first call was opened
    finished_at = models.DateTimeField(null=True)  # when its last call was answered

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=("id",), condition=~Q(status__in=("done", "dropped")), name="batch_unfinished")]

    def __str__(self) -> str:
        return f"Batch {self.pk} ({self.get_status_display()})"

    @staticmethod
    def is_ready() -> Q:
        return Q(not_before=None) | Q(not_before__lte=clock.now())

    @staticmethod
    def is_held_by(attempt: int) -> Q:
        """Ask for a batch that the worker of this attempt has, and no other since."""
        return Q(attempt=attempt)


class Assembly(models.Model):
    """Readers who were due and served in one transaction: counted apart from their deliveries, to check those by."""

    at = models.DateTimeField(db_index=True)
    due = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "assemblies"

    def __str__(self) -> str:
        return f"{self.due} readers at {self.at:%Y-%m-%d %H:%M} UTC"


class Delivery(models.Model):
    """One reader's copy of a digest, or the one reason why there is none.

    Without a status of its own it is sent where its call lies behind the batch's position, planned where ahead.
    """

    class Status(models.TextChoices):
        SKIPPED = "skipped", "Skipped"
        REJECTED = "rejected", "Rejected"
        UNCERTAIN = "uncertain", "Uncertain"
        SENT = "sent", "Sent"
        ABANDONED = "abandoned", "Abandoned"

    class Reason(models.TextChoices):
        NO_ISSUE = "no_issue", "no issue was published since the last digest"
        NOTHING_MATCHED = "nothing_matched", "none of the papers matched"
        ALL_HAD = "all_had", "every matching paper had been sent before"
        PAUSED = "paused", "paused when it was due"
        EXPIRED = "expired", "too late for its hour; its papers come with the next digest"
        UNSUBSCRIBED = "unsubscribed", "the reader left before it was sent"
        SUPPRESSED = "suppressed", "the address is suppressed"
        WITHDRAWN = "withdrawn", "the issue was withdrawn"

    subscriber = models.ForeignKey(
        Subscriber, models.SET_NULL, null=True, db_constraint=False, db_index=False, related_name="deliveries"
    )
    slot = models.DateTimeField()
    digest = models.ForeignKey(Digest, models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    preferences = models.ForeignKey(Preferences, models.DO_NOTHING, db_constraint=False, db_index=False)
    batch = models.ForeignKey(Batch, models.DO_NOTHING, null=True, db_constraint=False)
    call_no = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=9, choices=Status, null=True)
    reason = models.CharField(max_length=15, choices=Reason, blank=True, default="")
    note = models.CharField(max_length=300, blank=True, default="")
    covered_from = models.DateTimeField(null=True)  # covered_through before this delivery moved it
    covered_to = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=200, null=True, blank=True)  # who said what became of it
    settled_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=200, blank=True, default="")
    made_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    # Facts that the provider reported, each the earliest that was heard of; they come in any order.
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)  # for good
    soft_bounced_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=("subscriber", "slot"), name="delivery_once_a_slot")]
        indexes = [
            BrinIndex(fields=("made_at",), name="delivery_made_at"),
            models.Index(fields=("provider_id",), condition=~Q(provider_id=""), name="delivery_provider_id"),
            models.Index(fields=("id",), condition=Q(status="uncertain"), name="delivery_uncertain"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"

    @property
    def is_sent(self) -> bool:
        """Say whether the provider accepted it, as far as its batch tells. Costs a query without select_related."""
        if self.status is not None:
            return self.status == self.Status.SENT
        return self.batch is not None and self.call_no is not None and self.call_no < self.batch.position


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
    """What a provider said of one mail, stored as it came and applied later. It holds no address."""

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
        REPLAY = "replay", "Older than any provider repeats an event"
        UNKNOWN = "unknown", "Of no mail we know"
        ADDRESS = "address", "Of a mail to another address"

    class Held(models.TextChoices):
        WAITING = "waiting", "Waits for an operator"
        SUPPRESSED = "suppressed", "An operator suppressed the address"
        LET_GO = "let_go", "An operator let it go"

    provider = models.CharField(max_length=20)
    key = models.CharField(max_length=64, unique=True)  # derived of who, what and when: one event has one
    kind = models.CharField(max_length=12, choices=Kind)
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
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.provider})"


class SendingSwitch(models.Model):
    """Whether digests may leave: one row, read before each call."""

    lineage = models.UUIDField(default=uuid.uuid4)  # this database's name in the markers outside of it
    epoch = models.BigIntegerField(default=0)  # rises for as long as workers run
    alive_at = models.DateTimeField(default=clock.now)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(blank=True, default="")
    hold_reason = models.TextField(blank=True, default="")  # why this database may be a restored one

    class Meta:
        verbose_name = verbose_name_plural = "sending"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="sending_has_one_switch")]

    def __str__(self) -> str:
        return "Sending"


class SwitchChange(models.Model):
    """Who turned sending off or on, when and why."""

    class Act(models.TextChoices):
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Resumed"
        HELD = "held", "Held: this may be a restored database"
        ALLOWED = "allowed", "Allowed after a hold"

    at = models.DateTimeField(default=clock.now)
    act = models.CharField(max_length=7, choices=Act)
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True, default="")
    # What sending paused itself for: these many of this kind against one issue.
    issue_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=12, choices=ProviderEvent.Kind, blank=True, default="")
    count = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.get_act_display()} by {self.by}"


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> Self:
        return self.filter(over_at=None)


class Alert(models.Model):
    """One trouble from its begin to its end, of each of which operators are told once."""

    class Kind(models.TextChoices):
        PAUSED = "paused", "Sending paused itself"
        HELD = "held", "Maybe a restored database"
        BREAKER = "breaker", "A provider fails"
        SOURCE = "source", "A source brings nothing"
        UNCERTAIN = "uncertain", "Deliveries stay uncertain"
        LETTERS = "letters", "Letters are stuck"

    kind = models.CharField(max_length=9, choices=Kind)
    key = models.CharField(max_length=100, blank=True)  # tells troubles of one kind apart
    since = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(null=True)  # not seen since; it is over where it stays away
    over_at = models.DateTimeField(null=True)
    over_words = models.CharField(max_length=300)
    url = models.CharField(max_length=500)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("kind", "key"), condition=Q(over_at=None), name="trouble_open_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}".strip()


class NoticeQuerySet(models.QuerySet["Notice"]):
    def untold(self) -> Self:
        """Keep notices that may be tried now."""
        return self.filter(told_at=None, not_before__lte=clock.now())


class Notice(models.Model):
    """What operators must hear, on its way to each of them. The addresses are theirs, never a reader's."""

    title = models.CharField(max_length=300)
    text = models.TextField()
    url = models.CharField(max_length=500)
    made_at = models.DateTimeField(default=clock.now)
    not_before = models.DateTimeField(default=clock.now)
    to_mail = ArrayField(models.CharField(max_length=320))  # addresses that have not got it yet
    is_to_post = models.BooleanField()
    told_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=("id",), condition=Q(told_at=None), name="notice_untold")]

    def __str__(self) -> str:
        return self.title


class Heartbeat(models.Model):
    """Whether the outside has heard that an issue is finished."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="heartbeat")
    not_before = models.DateTimeField(default=clock.now)
    pinged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Heartbeat of {self.issue_id}"
