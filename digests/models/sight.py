"""What editors see of an issue before it is sent, computed in the background."""

from django.db import models

from newsletter import clock
from newsletter.issues.models import Issue


class ReachFigure(models.Model):
    """The reach of an issue when it was last computed."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="reach_figure")
    revision = models.PositiveIntegerField()  # the issue's revision and status at that time
    status = models.CharField(max_length=9)
    at = models.DateTimeField(default=clock.now)
    figure = models.JSONField()

    class Meta:
        permissions = [("preview_as_reader", "Can see an issue as any reader gets it")]

    def __str__(self) -> str:
        return f"Reach of {self.issue_id}"


class LinkCheck(models.Model):
    """The result of following a link of an issue for the last time."""

    url = models.CharField(max_length=2000, unique=True)
    checked_at = models.DateTimeField(default=clock.now)
    trouble = models.CharField(max_length=300, blank=True)  # why it failed; empty if it works
    is_dead = models.BooleanField(default=False)  # the server says that the page is gone for good

    def __str__(self) -> str:
        return self.url
