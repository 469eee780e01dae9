"""Papers, their other keys and their search index."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, OuterRef, Subquery, When
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.functions import MD5, Coalesce

from newsletter import clock
from newsletter.papers import paper_key
from newsletter.papers.models.topic import PaperTopic, Topic
from newsletter.papers.topic_fit import WEAK


def best_fit() -> Coalesce:
    """Return the fit of a paper's best topic as an expression; 0 without a topic."""
    fits = PaperTopic.objects.filter(paper=OuterRef("pk")).order_by("-fit").values("fit")
    return Coalesce(Subquery(fits[:1]), 0.0)


def best_first() -> tuple[str | Combinable | OrderBy, ...]:
    return "-score", "-listed_on", best_fit().desc(), MD5("key")


class PaperQuerySet(models.QuerySet["Paper"]):
    def present(self) -> Self:
        """Keep papers that are neither withdrawn nor merged into another."""
        return self.filter(withdrawn_at=None, merged_into=None)

    def rising(self) -> Self:
        """Put the best first.

        Ties are broken by the fit of a paper's best topic, then by a hash of its key, which favours no number.
        """
        return self.order_by(*best_first())

    def fitting_first(self) -> Self:
        """Put papers that fit a topic well before all others; among each, the best first as in `rising`."""
        return self.alias(fit=best_fit()).order_by(Case(When(fit__gte=WEAK, then=0), default=1), *best_first())


class Paper(models.Model):
    """One research paper: one row for all its sources and versions."""

    key = models.CharField(max_length=500, unique=True, help_text="arxiv:2605.00658, doi:… or url:…")
    version = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=500)
    abstract = models.TextField(blank=True)
    # Of Hugging Face's language model. Only shown; ranking, topics and search read the authors' words alone.
    machine_summary = models.TextField(blank=True, default="", db_default="", editable=False)
    authors = ArrayField(models.TextField(), default=list, blank=True)
    categories = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    primary_category = models.CharField(max_length=30, blank=True)
    url = models.URLField("page", max_length=500)
    code_url = models.URLField("code", max_length=500, blank=True)
    project_url = models.URLField("project", max_length=500, blank=True)
    proposed_by = models.CharField(max_length=100, blank=True)
    first_seen_at = models.DateTimeField(default=clock.now)
    listed_on = models.DateField(db_index=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="twins")
    # An editor split it from another paper, so a shared DOI does not merge it again.
    stands_alone = models.BooleanField(default=False, editable=False)
    # The origin of each column, and the columns under its own key where others are merged into it: field_priority.py.
    origins = models.JSONField(default=dict, editable=False)
    own = models.JSONField(null=True, editable=False)
    votes = models.PositiveIntegerField(default=0, editable=False)
    comments = models.PositiveIntegerField(default=0, editable=False)
    # No index: each rescoring would update it, and queries filter by listing day.
    score = models.FloatField(default=0.0, editable=False)
    topics: "models.ManyToManyField[Topic, PaperTopic]" = models.ManyToManyField(
        "Topic", through="PaperTopic", through_fields=("paper", "topic"), related_name="papers"
    )

    objects = PaperQuerySet.as_manager()

    class Meta:
        ordering = ("-listed_on", "-score", MD5("key"))

    def __str__(self) -> str:
        return self.title

    @property
    def pdf_url(self) -> str:
        return paper_key.pdf_url(self.key)

    def line(self) -> "list[Paper]":
        """Return this paper and the chain of papers it is merged into; the last one is the surviving paper."""
        line = [self]
        while (above := line[-1].merged_into) is not None:
            line.append(above)
        return line


class PaperWords(models.Model):
    """The search vector of a paper's title and authors; a database trigger keeps it up to date.

    In a table of its own, so that rescoring a paper updates no index.
    """

    paper = models.OneToOneField(Paper, models.CASCADE, primary_key=True, related_name="words")
    words = SearchVectorField()

    class Meta:
        verbose_name_plural = "paper words"
        indexes = [GinIndex(fields=("words",), name="papers_by_words")]

    def __str__(self) -> str:
        return str(self.words)


class Alias(models.Model):
    """Another key of the same paper."""

    key = models.CharField(max_length=500, unique=True)
    paper = models.ForeignKey(Paper, models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.key
