from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.papers.source_health import Health


class SourceQuerySet(models.QuerySet["Source"]):
    def fetched(self) -> Self:
        """Keep the active sources that are fetched over the network."""
        return self.filter(is_active=True).exclude(kind__in=Source.INSIDE)

    def listing(self) -> Self:
        """Keep the active sources that publish a daily listing."""
        return self.filter(is_active=True, kind__in=(Source.Kind.HF_DAILY, Source.Kind.ARXIV))

    def pause(self) -> int:
        """Stop fetching these until they are resumed; return how many were not paused before."""
        return self.fetched().update(is_active=False)

    def paused(self) -> Self:
        return self.filter(is_active=False).exclude(kind__in=Source.INSIDE)

    def resume(self) -> int:
        """Fetch these again at the next round; return how many were paused."""
        return self.paused().update(is_active=True, next_try_at=None)

    def due(self) -> Self:
        return self.fetched().filter(Q(next_try_at=None) | Q(next_try_at__lte=clock.now()))


class Source(models.Model):
    """A feed or list that papers come from, and the outcome of its last fetches."""

    class Kind(models.TextChoices):
        HF_DAILY = "hf_daily", "Hugging Face daily papers"
        ARXIV = "arxiv", "arXiv listing of a category (RSS or Atom)"
        ARXIV_API = "arxiv_api", "arXiv API (fills in what is known of a paper)"
        FEED = "feed", "Feed that mentions papers (RSS, Atom, JSON Feed)"
        READERS = "readers", "Readers of this publication"
        EDITORS = "editors", "Editors of this publication"
        FORECAST = "forecast", "Forecast of this publication"
        SAMPLE = "sample", "Sample that ships with the product"

    INSIDE = (Kind.READERS, Kind.EDITORS, Kind.FORECAST, Kind.SAMPLE)

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    url = models.URLField("address", max_length=500, unique=True)
    weight = models.FloatField(
        default=1.0, help_text="How much one vote or mention here counts when papers are ranked."
    )
    every = models.DurationField(default=timedelta(hours=1), help_text="How long to wait between two visits.")
    is_active = models.BooleanField(default=True)

    created_at = models.DateTimeField(default=clock.now, editable=False)
    validators = models.JSONField(default=dict, editable=False)  # address → [ETag, Last-Modified]
    last_tried_at = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    failure_count = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    fresh_on = models.DateField("newest listing", null=True, editable=False)
    listing_size = models.PositiveIntegerField("papers in it", default=0, editable=False)
    usual_size = models.FloatField("papers usually", default=0.0, editable=False)
    is_empty = models.BooleanField("its last answer listed nothing", default=False, editable=False)
    warning = models.CharField("fault of its last answer", max_length=300, blank=True, editable=False)
    refused = models.JSONField(default=dict, editable=False)  # address → {line: when it was first refused}
    new_count = models.PositiveIntegerField("new at the last visit", default=0, editable=False)
    reported_at = models.DateTimeField(null=True, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ("kind", "name")

    def __str__(self) -> str:
        return self.name

    @property
    def is_arxiv(self) -> bool:
        return self.kind in {self.Kind.ARXIV, self.Kind.ARXIV_API}

    @property
    def health(self) -> Health:
        return Health(
            name=self.name,
            fresh_on=self.fresh_on,
            listing_size=self.listing_size,
            usual_size=self.usual_size,
            answered_at=self.last_success_at,
            is_empty=self.is_empty,
            failure_count=self.failure_count,
            lists_afterwards=self.kind == self.Kind.HF_DAILY,
            group=self.kind if self.is_arxiv else "",
        )
