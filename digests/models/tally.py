"""Counts that a task keeps, so that no page has to count."""

from django.db import models

from newsletter import clock
from newsletter.issues.models import Issue


class DayOfReaders(models.Model):
    """How many readers were active at the end of a UTC day (or so far), and how many joined and left on it."""

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
    """The states of an issue's deliveries when they were last counted."""

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
