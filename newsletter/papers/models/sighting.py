from django.db import models
from django.db.models import Q

from newsletter.papers.models.paper import Paper
from newsletter.papers.models.source import Source


class Sighting(models.Model):
    """The figures one source showed for a paper at one moment; written when a figure changed."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="sightings", db_index=False)
    source = models.ForeignKey(Source, models.CASCADE, related_name="sightings")
    seen_at = models.DateTimeField()
    votes = models.PositiveIntegerField(null=True)
    comments = models.PositiveIntegerField(null=True)
    stars = models.PositiveIntegerField(null=True)
    rank = models.PositiveIntegerField(null=True)
    # The probability that it gets votes, in parts per million; only sightings of our own forecast have one.
    forecast = models.PositiveIntegerField(null=True)
    # The merged paper under whose key the source shows it.
    came_as = models.ForeignKey(Paper, models.CASCADE, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            # It includes the figures, so that scoring needs this index only. Look-ups by `paper` use it too.
            models.UniqueConstraint(
                fields=("paper", "source", "seen_at"),
                include=("votes", "comments", "stars", "forecast"),
                name="paper_seen_once_a_moment",
            ),
        ]
        indexes = [
            models.Index(fields=("seen_at",), name="sighting_by_time"),
            models.Index(fields=("came_as",), condition=Q(came_as__isnull=False), name="sighting_by_merged_paper"),
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} at {self.source_id}"


class RankedDay(models.Model):
    """A day whose ranking was published, with the parameters and source weights that it used."""

    day = models.DateField(primary_key=True)
    ranked_at = models.DateTimeField()
    parameters = models.JSONField()

    class Meta:
        ordering = ("-day",)

    def __str__(self) -> str:
        return self.day.isoformat()


class DayRank(models.Model):
    """One paper's place in a published ranking, with its inputs (trending.formula.Inputs). Never updated."""

    day = models.ForeignKey(RankedDay, models.CASCADE, related_name="ranks", db_index=False)
    place = models.PositiveIntegerField()
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="ranks")
    score = models.FloatField()
    votes = models.PositiveIntegerField()
    new_votes = models.PositiveIntegerField()
    comments = models.PositiveIntegerField()
    stars_gained = models.PositiveIntegerField()
    sources = models.PositiveIntegerField()
    picks = models.PositiveIntegerField()
    heard_votes = models.FloatField()
    heard_new_votes = models.FloatField()
    heard_comments = models.FloatField()
    heard_sources = models.FloatField()
    listed_days = models.PositiveIntegerField()
    age_hours = models.PositiveIntegerField()
    # Days that were ranked before there was a forecast have none.
    forecast = models.PositiveIntegerField(default=0, db_default=0)
    is_likely = models.BooleanField(default=False, db_default=False)
    # Days that were ranked before fits broke ties have none.
    fit = models.FloatField(default=0.0, db_default=0.0)

    class Meta:
        ordering = ("-day", "place")
        constraints = [
            models.UniqueConstraint(fields=("day", "place"), name="place_once_a_day"),
            models.UniqueConstraint(fields=("day", "paper"), name="paper_ranked_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.place}. on {self.day_id}"
