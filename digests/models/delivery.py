"""Deliveries, one for each reader and slot, and the batches they are sent in."""

from typing import Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from digests.models.content import Digest
from newsletter import clock
from newsletter.state_machine import StatefulModel
from subscribers.models import Preferences, Subscriber


class BatchQuerySet(models.QuerySet["Batch"]):
    def ready(self) -> Self:
        """Keep batches that a worker may take now."""
        return self.filter(Batch.is_ready(), status=Batch.Status.PLANNED)

    def unfinished(self) -> Self:
        return self.exclude(status__in=(Batch.Status.DONE, Batch.Status.DROPPED))


class Batch(StatefulModel):
    """Deliveries that one worker leases and sends together."""

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
    position = models.PositiveIntegerField(default=0)  # of the next call; all calls before it were answered
    open_calls = models.PositiveIntegerField(default=0)  # from `position` on, calls that may be in flight
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=clock.now)
    provider = models.CharField(max_length=40, blank=True, default="")  # that its calls went to
    started_at = models.DateTimeField(null=True)  # when its first call was opened
    finished_at = models.DateTimeField(null=True)  # when its last call was answered

    left_over_id: int | None = None  # not stored: the batch for mails this batch's worker leaves over

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
        """Keep the batch only if no other worker has leased it since `attempt`."""
        return Q(attempt=attempt)


class Assembly(models.Model):
    """How many due readers one transaction served; counted independently of deliveries, to check their number."""

    at = models.DateTimeField(db_index=True)
    due = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "assemblies"

    def __str__(self) -> str:
        return f"{self.due} readers at {self.at:%Y-%m-%d %H:%M} UTC"


class Delivery(models.Model):
    """One reader's copy of a digest, or the reason why there is none. See `delivery_state` for where it stands."""

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
    settled_by = models.CharField(max_length=200, null=True, blank=True)  # the person who said whether it was sent
    settled_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=200, blank=True, default="")
    made_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    # Facts that the provider reported, each with its earliest moment; they come in any order.
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)  # for good
    soft_bounced_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)  # for a fault of ours

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=("subscriber", "slot"), name="delivery_once_a_slot")]
        indexes = [
            BrinIndex(fields=("made_at",), name="delivery_made_at"),
            models.Index(fields=("provider_id",), condition=~Q(provider_id=""), name="delivery_provider_id"),
            models.Index(fields=("id",), condition=Q(status="uncertain"), name="delivery_uncertain"),
            models.Index(
                fields=("subscriber", "slot"),
                condition=Q(status="abandoned", settled_by=None),
                name="delivery_abandoned",
            ),
            # For the admin's list, filtered by an outcome other than sent.
            models.Index(
                fields=("status", "reason", "id"), condition=Q(status__isnull=False), name="delivery_by_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"

    @property
    def state(self) -> str:
        """The delivery's own status, else "sent" or "planned". Costs a query without select_related("batch")."""
        if self.status is not None:
            return self.status
        is_answered = self.batch is not None and self.call_no is not None and self.call_no < self.batch.position
        return self.Status.SENT if is_answered else "planned"

    @property
    def state_label(self) -> str:
        return "Planned" if self.state == "planned" else self.Status(self.state).label

    @property
    def is_sent(self) -> bool:
        """Whether the provider accepted it. Costs a query without select_related("batch")."""
        return self.state == self.Status.SENT
