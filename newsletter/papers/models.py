"""What came in: sources, papers, what was seen of them, and topics."""

from datetime import timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models, transaction
from django.db.models import F, Q

from newsletter import clock
from newsletter.papers import identity
from newsletter.papers.community_models import Proposal as Proposal
from newsletter.papers.community_models import Vote as Vote
from newsletter.papers.fit import CERTAIN, WEAK
from newsletter.papers.freshness import Health
from newsletter.papers.matching import named_by


class SourceQuerySet(models.QuerySet["Source"]):
    def fetched(self) -> Self:
        """Keep the sources that are asked over the network."""
        return self.filter(is_active=True).exclude(kind__in=Source.INSIDE)

    def listing(self) -> Self:
        """Keep the sources that bring a listing a day."""
        return self.filter(is_active=True, kind__in=(Source.Kind.HF_DAILY, Source.Kind.ARXIV))

    def pause(self) -> int:
        """Fetch nothing from these until they are resumed; return how many were not paused before."""
        return self.fetched().update(is_active=False)

    def paused(self) -> Self:
        return self.filter(is_active=False).exclude(kind__in=Source.INSIDE)

    def resume(self) -> int:
        """Fetch from these again, from the next round on; return how many were paused."""
        return self.paused().update(is_active=True, next_try_at=None)

    def due(self) -> Self:
        return self.fetched().filter(Q(next_try_at=None) | Q(next_try_at__lte=clock.now()))


class Source(models.Model):
    """A feed that papers come from, and how it fares."""

    class Kind(models.TextChoices):
        HF_DAILY = "hf_daily", "Hugging Face daily papers"
        ARXIV = "arxiv", "arXiv listing of a category (RSS or Atom)"
        ARXIV_API = "arxiv_api", "arXiv API (fills in what is known of a paper)"
        FEED = "feed", "Feed that mentions papers (RSS, Atom, JSON Feed)"
        READERS = "readers", "Readers of this publication"
        EDITORS = "editors", "Editors of this publication"
        SAMPLE = "sample", "Sample that ships with the product"

    INSIDE = (Kind.READERS, Kind.EDITORS, Kind.SAMPLE)

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
        )


class PaperQuerySet(models.QuerySet["Paper"]):
    def present(self) -> Self:
        """Keep papers that were neither withdrawn nor merged into another."""
        return self.filter(withdrawn_at=None, merged_into=None)

    def rising(self) -> Self:
        return self.order_by("-score", "-listed_on", "key")


class Paper(models.Model):
    """One research paper, whatever sources and versions it came in."""

    key = models.CharField(max_length=500, unique=True, help_text="arxiv:2605.00658, doi:… or url:…")
    version = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=500)
    abstract = models.TextField(blank=True)
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
    # An editor split it from another paper: no DOI merges it again.
    stands_alone = models.BooleanField(default=False, editable=False)
    # Whose word each column is, and which columns came under its own key where others were merged into it: merging.py.
    origins = models.JSONField(default=dict, editable=False)
    own = models.JSONField(null=True, editable=False)
    votes = models.PositiveIntegerField(default=0, editable=False)
    comments = models.PositiveIntegerField(default=0, editable=False)
    # No index: it would have to follow every rescoring, and papers are asked for by their listing day.
    score = models.FloatField(default=0.0, editable=False)
    topics: "models.ManyToManyField[Topic, PaperTopic]" = models.ManyToManyField(
        "Topic", through="PaperTopic", through_fields=("paper", "topic"), related_name="papers"
    )

    objects = PaperQuerySet.as_manager()

    class Meta:
        ordering = ("-listed_on", "-score", "key")

    def __str__(self) -> str:
        return self.title

    @property
    def pdf_url(self) -> str:
        return identity.pdf_url(self.key)

    def line(self) -> "list[Paper]":
        """Return this paper, the one it was merged into, the one that was merged into, to the one that is left."""
        line = [self]
        while (above := line[-1].merged_into) is not None:
            line.append(above)
        return line


class PaperWords(models.Model):
    """The words of a paper's title and authors, to be searched; the database writes them as the paper changes.

    Apart from the paper, so that a new score touches no index.
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


class Sighting(models.Model):
    """What one source showed of a paper at one moment; written when a figure changed."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="sightings", db_index=False)
    source = models.ForeignKey(Source, models.CASCADE, related_name="sightings")
    seen_at = models.DateTimeField()
    votes = models.PositiveIntegerField(null=True)
    comments = models.PositiveIntegerField(null=True)
    stars = models.PositiveIntegerField(null=True)
    rank = models.PositiveIntegerField(null=True)
    # The merged paper under whose key it came.
    came_as = models.ForeignKey(Paper, models.CASCADE, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            # With the figures aboard, scoring reads them in order from this index alone. It serves `paper` as well.
            models.UniqueConstraint(
                fields=("paper", "source", "seen_at"),
                include=("votes", "comments", "stars"),
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
    """A day whose order of papers was published: when, and by which parameters and weights of sources."""

    day = models.DateField(primary_key=True)
    ranked_at = models.DateTimeField()
    parameters = models.JSONField()

    class Meta:
        ordering = ("-day",)

    def __str__(self) -> str:
        return self.day.isoformat()


class DayRank(models.Model):
    """One paper's place in a published day's order, with its inputs: see trending.Inputs. Written once."""

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

    class Meta:
        ordering = ("-day", "place")
        constraints = [
            models.UniqueConstraint(fields=("day", "place"), name="place_once_a_day"),
            models.UniqueConstraint(fields=("day", "paper"), name="paper_ranked_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.place}. on {self.day_id}"


class TopicQuerySet(models.QuerySet["Topic"]):
    def current(self) -> Self:
        return self.filter(retired_into=None)


class Topic(models.Model):
    """What papers are about, in the words readers choose by."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    description = models.CharField(max_length=200, blank=True)
    categories = ArrayField(
        models.CharField(max_length=30),
        default=list,
        blank=True,
        help_text="arXiv categories that give a paper this topic by themselves, separated by commas.",
    )
    phrases = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Words that give a paper this topic where its title or abstract holds them, separated by commas.",
    )
    weak_phrases = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Words of which one alone is not enough.",
    )
    exclusions = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Words that take the topic away where only phrases gave it.",
    )
    retired_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="heir_of",
        help_text="The topic that took over the readers of this one.",
    )
    retired_at = models.DateTimeField(null=True, editable=False)
    # Where its readers went on that day; `retired_into` moves on when that topic is retired too.
    first_heir = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    # Its rule changed, and the papers of the last days are not tagged anew yet.
    retag_asked_at = models.DateTimeField(null=True, editable=False)

    objects = TopicQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=~Q(retired_into=F("id")), name="topic_retires_into_another"),
        ]

    def __str__(self) -> str:
        return self.name

    def retire(self, into: "Topic") -> None:
        """Give the readers of this topic, and of those retired into it before, to `into`.

        Raise ValueError where `into` is this topic or is retired itself.
        """
        if into.pk == self.pk or into.retired_into_id is not None:
            raise ValueError(f"“{into}” is retired itself, or the same topic: choose one that stays.")
        with transaction.atomic():
            Topic.objects.filter(retired_into=self).update(retired_into=into)
            self.retired_into = self.first_heir = into
            self.retired_at = clock.now()
            self.save(update_fields=["retired_into", "first_heir", "retired_at"])
            PaperTopic.objects.filter(topic=self).delete()


class PaperTopic(models.Model):
    """One topic of one paper, and what speaks for it."""

    class Origin(models.TextChoices):
        RULE = "rule", "by the topic’s rule"
        CURATOR = "curator", "by an editor"

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="paper_topics")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="paper_topics")
    origin = models.CharField(max_length=7, choices=Origin, default=Origin.RULE)
    fit = models.FloatField(
        default=CERTAIN, editable=False, help_text="How well the paper fits the topic, from 0 to 1; see fit.py."
    )
    evidence = ArrayField(models.TextField(), default=list, blank=True)
    # The merged paper whose correction this is.
    came_as = models.ForeignKey(Paper, models.CASCADE, null=True, editable=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("paper", "topic"), name="topic_once_a_paper")]

    def __str__(self) -> str:
        return self.topic.name

    @property
    def is_weak(self) -> bool:
        return self.fit < WEAK

    @property
    def given_by(self) -> str:
        """Return the phrase or category that gave the topic; nothing where an editor did."""
        return named_by(self.evidence[0]) if self.evidence else ""


class RefusedTopic(models.Model):
    """An editor's word that a paper is not of a topic, whatever the topic's rule says."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="refused_topics")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="refused_topics")
    came_as = models.ForeignKey(Paper, models.CASCADE, null=True, editable=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("paper", "topic"), name="topic_refused_once_a_paper")]

    def __str__(self) -> str:
        return f"not {self.topic}"
