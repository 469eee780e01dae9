"""Subscribers with their schedule, their consents and their reasons for leaving."""

from datetime import date, datetime, time, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q
from timezone_field import TimeZoneField

from newsletter import clock
from newsletter.state_machine import StatefulModel
from subscribers import digest_schedule
from subscribers.addresses.canonical import LONGEST_ADDRESS
from subscribers.models.choice import Preferences

UNDO_WINDOW = timedelta(hours=1)  # how long an unsubscription can be undone


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> Self:
        return self.filter(status=Subscriber.Status.ACTIVE)

    def due(self) -> Self:
        return self.active().filter(next_digest_at__lte=clock.now())


class Subscriber(StatefulModel):
    """A person and an address."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    class Frequency(models.TextChoices):
        DAILY = "daily", "Every day"
        WEEKDAYS = "weekdays", "Weekdays"
        WEEKLY = "weekly", "Once a week"

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    MOVES = {
        Status.PENDING: {Status.UNSUBSCRIBED},
        Status.ACTIVE: {Status.PENDING, Status.UNSUBSCRIBED},
        Status.UNSUBSCRIBED: {Status.PENDING, Status.ACTIVE},
    }

    email = models.EmailField(max_length=LONGEST_ADDRESS, help_text="As typed.")
    canonical = models.CharField(
        max_length=LONGEST_ADDRESS, editable=False, db_collation="C"
    )  # so that its index serves prefix searches
    address_hash = models.CharField(max_length=64, editable=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING, editable=False)
    preferences = models.ForeignKey(Preferences, models.PROTECT, related_name="subscribers", db_index=False)
    frequency = models.CharField(max_length=8, choices=Frequency, default=Frequency.WEEKDAYS)
    weekday = models.PositiveSmallIntegerField(choices=Weekday, default=Weekday.MONDAY)
    send_time = models.TimeField(default=time(7, 0))
    timezone = TimeZoneField(default="UTC")
    covered_through = models.DateTimeField(null=True, editable=False)
    next_digest_at = models.DateTimeField(null=True, editable=False)
    last_slot_at = models.DateTimeField(null=True, editable=False)  # the last slot served or skipped
    paused_until = models.DateField(null=True, blank=True)
    token_epoch = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    unsubscribed_at = models.DateTimeField(null=True, editable=False)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        # Few indexes, because every digest updates the row and with it each index.
        constraints = [
            models.UniqueConstraint(fields=("canonical",), name="address_once_among_subscribers"),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(next_digest_at__isnull=False),
                name="active_subscriber_has_a_next_digest",
            ),
            # Deliveries are unique per slot; a repeated slot would fail the assembly of a whole chunk of readers.
            models.CheckConstraint(
                condition=Q(next_digest_at__isnull=True)
                | Q(last_slot_at__isnull=True)
                | Q(next_digest_at__gt=F("last_slot_at")),
                name="next_digest_is_after_the_last_slot",
            ),
        ]
        indexes = [
            models.Index(fields=("next_digest_at",), condition=Q(status="active"), name="subscriber_due"),
        ]
        permissions = [("export_subscriber", "Can export all subscribers")]

    def __str__(self) -> str:
        return self.email

    @property
    def audit_name(self) -> str:
        return f"Reader {self.pk}"

    def confirm(self) -> bool:
        """Activate the subscription, with a first digest due now; return False unless the reader is pending.

        A returning reader counts as new: the first digest covers the current issue only, and an old pause is cleared.
        """
        now = clock.now()
        # Always after the last slot, even if the clock was set back.
        first = max(now, self.last_slot_at + timedelta(microseconds=1)) if self.last_slot_at else now
        changes: dict[str, Any] = {"confirmed_at": now, "next_digest_at": first, "covered_through": None}
        is_pending = Q(status=self.Status.PENDING)
        return self.move_to(self.Status.ACTIVE, is_pending, **changes, paused_until=None, unsubscribed_at=None)

    def unsubscribe(self) -> bool:
        """End the subscription; return False if it had ended. Safe to repeat."""
        return self.move_to(self.Status.UNSUBSCRIBED, unsubscribed_at=clock.now(), next_digest_at=None)

    def pause_instead(self, until: date) -> bool:
        """Undo an unsubscription of the last hour and pause until `until`; return False if it is too late.

        covered_through and last_slot_at stay, as if the reader had never left.
        """
        self.paused_until = until
        now = clock.now()
        upcoming = digest_schedule.next_slot(self.rhythm, after=max(now, self.last_slot_at or now))
        return self.move_to(
            self.Status.ACTIVE,
            Q(status=self.Status.UNSUBSCRIBED, unsubscribed_at__gte=now - UNDO_WINDOW, confirmed_at__isnull=False),
            unsubscribed_at=None,
            next_digest_at=upcoming,
            paused_until=until,
        )

    @transaction.atomic
    def reschedule(self) -> None:
        """Save this instance's schedule and the next_digest_at that follows from it.

        Safe during an assembly: it waits for the row lock and starts from the slot just served. Readers who are not
        active get no next digest.
        """
        stored = Subscriber.objects.select_for_update(no_key=True).get(pk=self.pk)
        for name in ("status", "next_digest_at", "last_slot_at", "confirmed_at"):
            setattr(self, name, getattr(stored, name))
        if self.status == self.Status.ACTIVE:
            assert self.next_digest_at is not None
            self.next_digest_at = digest_schedule.slot_after_change(
                self.rhythm,
                clock.now(),
                pending=self.next_digest_at,
                last=self.last_slot_at,
                welcomed_at=self.confirmed_at,
            )
        self.save(update_fields=["frequency", "weekday", "send_time", "timezone", "paused_until", "next_digest_at"])

    def pause(self, until: date) -> None:
        """Pause digests until the day `until`; a longer pause stays. Safe to repeat."""
        self.paused_until = max(until, self.paused_until or until)
        self.reschedule()

    @property
    def was_known(self) -> bool:
        """Return True if the reader has ever confirmed or left; such a reader is not deleted as an unused sign-up.

        Otherwise a stranger's sign-up would make us forget that somebody left, and a later import of an old list would
        mail the address again.
        """
        return self.confirmed_at is not None or self.unsubscribed_at is not None

    @property
    def can_undo_unsubscribe(self) -> bool:
        """Return True if the reader unsubscribed within UNDO_WINDOW."""
        if self.status != self.Status.UNSUBSCRIBED or self.unsubscribed_at is None:
            return False
        return self.unsubscribed_at >= clock.now() - UNDO_WINDOW

    @property
    def is_weekly(self) -> bool:
        return self.frequency == self.Frequency.WEEKLY

    @property
    def rhythm(self) -> digest_schedule.Rhythm:
        return digest_schedule.Rhythm(
            self.frequency, self.weekday, self.send_time, str(self.timezone), self.paused_until
        )

    @property
    def local_today(self) -> date:
        return clock.now().astimezone(self.timezone).date()

    @property
    def next_digest_local(self) -> datetime | None:
        return self.next_digest_at and self.next_digest_at.astimezone(self.timezone)


class Consent(models.Model):
    """An act of the reader that permits or ends mail. A trigger keeps rows from being changed or deleted."""

    class Act(models.TextChoices):
        ASKED = "asked", "asked to subscribe"
        CONFIRMED = "confirmed", "confirmed the address"
        UNSUBSCRIBED = "unsubscribed", "unsubscribed"
        IMPORTED = "imported", "agreed elsewhere and was imported"
        STAYED = "stayed", "paused instead of unsubscribing"
        MOVED = "moved", "moved to another address"

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="consents")
    act = models.CharField(max_length=12, choices=Act)
    at = models.DateTimeField(default=clock.now)
    ip = models.GenericIPAddressField(null=True)  # cleared after 30 days
    text_version = models.CharField(max_length=20)
    # The form, page or file that the act came from.
    source = models.CharField(max_length=200, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.get_act_display()} at {self.at:%Y-%m-%d %H:%M} UTC"


class Farewell(models.Model):
    """Why a reader left, if the reader said so; erased with the reader."""

    class Reason(models.TextChoices):
        TOO_MANY = "too_many", "Too many emails"
        OFF_TOPIC = "off_topic", "The papers are not for me"
        NO_TIME = "no_time", "No time to read them"
        NEVER_ASKED = "never_asked", "I never signed up"
        OTHER = "other", "Something else"

    subscriber = models.OneToOneField(Subscriber, models.CASCADE, related_name="farewell")
    reason = models.CharField(max_length=11, choices=Reason, blank=True, default="")
    words = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.get_reason_display() or "No reason given"
