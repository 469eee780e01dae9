"""Figures that are counted now and then, so that no page has to."""

from django.db import models

from newsletter import clock
from newsletter.issues.models import Issue


class DayOfReaders(models.Model):
    """How many readers there were at the end of a day of UTC, or so far; who came and who left on it."""

    date = models.DateField(primary_key=True)
    active = models.PositiveIntegerField()
    new = models.PositiveIntegerField()
    left = models.PositiveIntegerField()
    counted_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("date",)
        verbose_name_plural = "days of readers"

    def __str__(self) -> str:
        return f"{self.date}: {self.active}"


class IssueTally(models.Model):
    """What became of an issue's copies, as it stood when it was counted last."""

    issue = models.OneToOneField(Issue, models.CASCADE, primary_key=True, related_name="tally")
    counted_at = models.DateTimeField()
    eligible = models.PositiveIntegerField()
    sent = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    skipped = models.PositiveIntegerField()
    uncertain = models.PositiveIntegerField()
    abandoned = models.PositiveIntegerField()
    planned = models.PositiveIntegerField()
    delivered = models.PositiveIntegerField()
    bounced = models.PositiveIntegerField()
    complained = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "issue tallies"

    def __str__(self) -> str:
        return f"{self.issue_id}: {self.sent} of {self.eligible}"
