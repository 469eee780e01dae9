"""What goes out: a digest is content, a delivery is a person, a batch is the work."""

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
        return self.filter(status=Batch.Status.PLANNED).filter(Q(not_before=None) | Q(not_before__lte=clock.now()))

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
        Status.SUBMITTING: {Status.LEASED},
        Status.PLANNED: {Status.LEASED, Status.SUBMITTING},
        Status.DONE: {Status.SUBMITTING},
        Status.DROPPED: {Status.PLANNED},
    }

    lane = models.CharField(max_length=10, default="single")
    status = models.CharField(max_length=10, choices=Status, default=Status.PLANNED)
    position = models.PositiveIntegerField(default=0)  # calls that are behind us
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=clock.now)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=("id",), condition=~Q(status__in=("done", "dropped")), name="batch_unfinished")]

    def __str__(self) -> str:
        return f"Batch {self.pk} ({self.get_status_display()})"


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
    provider_id = models.CharField(max_length=200, blank=True, default="")
    made_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=("subscriber", "slot"), name="delivery_once_a_slot")]
        indexes = [BrinIndex(fields=("made_at",), name="delivery_made_at")]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"

    @property
    def is_sent(self) -> bool:
        """Say whether the provider accepted it, as far as its batch tells. Costs a query without select_related."""
        if self.status is not None:
            return self.status == self.Status.SENT
        return self.batch is not None and self.call_no is not None and self.call_no < self.batch.position
