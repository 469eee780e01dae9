"""Preferences: one row shared by all readers who chose the same."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction

from newsletter.papers.models import Topic
from subscribers.choice_bounds import USUAL_DETAIL, USUAL_MAX_PAPERS
from subscribers.phrases import MAX_ENTRY_LENGTH


class PreferencesQuerySet(models.QuerySet["Preferences"]):
    def for_choice(self, topics: Iterable[Topic], **choice: Any) -> "Preferences":
        """Get or create the row of this choice, and clear its unused_since."""
        chosen = sorted(topics, key=lambda topic: topic.pk)
        row = Preferences(**choice)
        row.key = row.fingerprint([topic.pk for topic in chosen])
        with transaction.atomic():
            self.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["unused_since"])
            stored = self.get(key=row.key)
            through = [Preferences.topics.through(preferences=stored, topic=topic) for topic in chosen]
            Preferences.topics.through.objects.bulk_create(through, ignore_conflicts=True)
        return stored


class Preferences(models.Model):
    """A choice of topics, phrases, number and detail; shared by readers who chose the same, never changed."""

    class Detail(models.TextChoices):
        """How much stands under each paper of a digest."""

        TITLE = "title", "Title only"
        LINES = "lines", "Two lines"
        ABSTRACT = "abstract", "The whole abstract"

    WORDS = ("followed_phrases", "followed_authors", "muted_phrases", "muted_authors")

    key = models.CharField(max_length=64, unique=True, editable=False)
    topics: "models.ManyToManyField[Topic, PreferencesTopic]" = models.ManyToManyField(
        Topic, through="PreferencesTopic", related_name="+"
    )
    followed_phrases = ArrayField(models.CharField(max_length=MAX_ENTRY_LENGTH), default=list, blank=True)
    followed_authors = ArrayField(models.CharField(max_length=MAX_ENTRY_LENGTH), default=list, blank=True)
    muted_phrases = ArrayField(models.CharField(max_length=MAX_ENTRY_LENGTH), default=list, blank=True)
    muted_authors = ArrayField(models.CharField(max_length=MAX_ENTRY_LENGTH), default=list, blank=True)
    max_papers = models.PositiveSmallIntegerField(default=USUAL_MAX_PAPERS)
    minimum_score = models.FloatField(default=0.0)
    detail = models.CharField(max_length=8, choices=Detail, default=USUAL_DETAIL, db_default=USUAL_DETAIL)
    unused_since = models.DateTimeField(
        null=True, editable=False
    )  # since when the nightly clean-up has found no reader

    objects = PreferencesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return self.key[:12]

    def fingerprint(self, topic_ids: list[int]) -> str:
        """Return the key of this choice with these topics, independent of the order of its parts.

        The usual detail is left out, so that keys from before there was a choice of it stay valid.
        """
        choice = {name: sorted(getattr(self, name)) for name in self.WORDS}
        parts: list[Any] = [sorted(topic_ids), choice, self.max_papers, self.minimum_score]
        if self.detail != USUAL_DETAIL:
            parts.append(self.detail)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class PreferencesTopic(models.Model):
    """A topic in some preferences. If the topic is retired, its readers follow its successor."""

    preferences = models.ForeignKey(Preferences, models.CASCADE, related_name="chosen")
    topic = models.ForeignKey(Topic, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("preferences", "topic"), name="topic_once_among_preferences")]

    def __str__(self) -> str:
        return str(self.topic)
