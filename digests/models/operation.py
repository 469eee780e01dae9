"""What operators decide and are notified of: the switch, alerts, notices and the heartbeat."""

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
    """Whether digests may be sent: one row, read before each call."""

    lineage = models.UUIDField(default=uuid.uuid4)  # identifies this database in the markers outside it
    epoch = models.BigIntegerField(default=0)  # raised while workers run
    alive_at = models.DateTimeField(default=clock.now)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(blank=True, default="")
    hold_reason = models.TextField(blank=True, default="")  # why this database may be a copy
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
    """Who paused or resumed sending, when and why."""

    class Act(models.TextChoices):
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Resumed"
        HELD = "held", "Held: this database may be a copy"
        ALLOWED = "allowed", "Allowed after a hold"

    at = models.DateTimeField(default=clock.now)
    act = models.CharField(max_length=7, choices=Act)
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True, default="")
    # Set by an automatic pause: `count` events of `kind` against one issue.
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
    """A trouble that operators are notified of once when it begins and once when it is over."""

    class Kind(models.TextChoices):
        PAUSED = "paused", "Sending paused itself"
        HELD = "held", "The database may be a copy"
        BREAKER = "breaker", "A provider fails"
        REFUSED = "refused", "Mails are refused"
        CAP = "cap", "The daily cap leaves readers waiting"
        SOURCE = "source", "A source brings nothing"
        UNCERTAIN = "uncertain", "Deliveries stay uncertain"
        LETTERS = "letters", "Letters are stuck"
        SIGNATURE = "signature", "A signature was used again"
        RETURNED = "returned", "Returned mail is not read"

    kind = models.CharField(max_length=9, choices=Kind)
    key = models.CharField(max_length=100, blank=True)  # distinguishes troubles of one kind
    since = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(null=True)  # when it was first not found; it is over once it stays away
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
    def undelivered(self) -> Self:
        """Keep undelivered notices whose next attempt is due."""
        return self.filter(told_at=None, not_before__lte=clock.now())


class Notice(models.Model):
    """A message to operators on its way to each of them. The addresses are operators', never a reader's."""

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


class MailSetup(models.Model):
    """The last check of what receivers look up about a sending domain; one row for each domain of FROM_EMAIL."""

    domain = models.CharField(max_length=255, unique=True)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    done_count = models.PositiveSmallIntegerField(default=0)  # checks of the present run that have ended
    findings = models.JSONField(default=list)  # of the last run that ended
    passed_at = models.DateTimeField(null=True)  # when a run last found nothing wrong
    settings_hash = models.CharField(max_length=64, blank=True, default="", db_default="")  # of what was judged

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.domain


class Heartbeat(models.Model):
    """Whether HEARTBEAT_URL was pinged for a finished issue."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="heartbeat")
    not_before = models.DateTimeField(default=clock.now)
    pinged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Heartbeat of {self.issue_id}"
