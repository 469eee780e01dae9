"""What editors see of an issue before it is sent, worked out in the background."""

from django.db import models

from newsletter import clock
from newsletter.issues.models import Issue


class ReachFigure(models.Model):
    """Whom an issue reaches, as it was last worked out: a row an issue."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="reach_figure")
    revision = models.PositiveIntegerField()  # of the issue at that moment, and its status
    status = models.CharField(max_length=9)
    at = models.DateTimeField(default=clock.now)
    figure = models.JSONField()

    class Meta:
        permissions = [("preview_as_reader", "Can see an issue as any reader gets it")]

    def __str__(self) -> str:
        return f"Reach of {self.issue_id}"


class LinkCheck(models.Model):
    """Where a link of an issue led when it was last followed."""

    url = models.CharField(max_length=2000, unique=True)
    checked_at = models.DateTimeField(default=clock.now)
    trouble = models.CharField(max_length=300, blank=True)  # why it leads nowhere, empty where it does
    is_dead = models.BooleanField(default=False)  # for good, as far as its server says

    def __str__(self) -> str:
        return self.url
