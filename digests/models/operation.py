"""What operators hear and decide: the switch, alerts, notices and the heartbeat."""

import secrets
import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from digests.models.events import ProviderEvent
from newsletter import clock
from newsletter.issues.models import Issue


def new_message_secret() -> str:
    return secrets.token_hex(32)


class SendingSwitch(models.Model):
    """Whether digests may leave: one row, read before each call."""

    lineage = models.UUIDField(default=uuid.uuid4)  # this database's name in the markers outside of it
    epoch = models.BigIntegerField(default=0)  # rises for as long as workers run
    alive_at = models.DateTimeField(default=clock.now)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(blank=True, default="")
    hold_reason = models.TextField(blank=True, default="")  # why this database may be a restored one
    message_secret = models.CharField(max_length=64, default=new_message_secret, editable=False)  # hexadecimal
    # Names given to this database: [id of the last delivery before it, name], for its Message-IDs.
    message_names = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "sending"
        permissions = [("pause_sending", "Can pause sending")]
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
        SIGNATURE = "signature", "A signature was used again"

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
