from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q

from newsletter import clock
from newsletter.papers.topic_fit import CERTAIN, WEAK


class TopicQuerySet(models.QuerySet["Topic"]):
    def current(self) -> Self:
        return self.filter(retired_into=None)


class Topic(models.Model):
    """A subject that readers can choose, and the rule by which papers get it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    group = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The heading under which readers find this topic. Topics without one stand last.",
    )
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
    # The topic its readers got on that day; `retired_into` changes when that topic is retired too.
    first_heir = models.ForeignKey("self", models.PROTECT, null=True, editable=False, related_name="+")
    # When its rule changed; None once the recent papers are tagged by the new rule.
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
        """Retire this topic: its readers, and those of topics retired into it before, get `into`.

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
    """One topic of one paper, with the evidence for it."""

    class Origin(models.TextChoices):
        RULE = "rule", "by the topic’s rule"
        CURATOR = "curator", "by an editor"

    paper = models.ForeignKey("Paper", models.CASCADE, related_name="paper_topics")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="paper_topics")
    origin = models.CharField(max_length=7, choices=Origin, default=Origin.RULE)
    fit = models.FloatField(
        default=CERTAIN, editable=False, help_text="How well the paper fits the topic, from 0 to 1; see topic_fit.py."
    )
    evidence = ArrayField(models.TextField(), default=list, blank=True)
    # The merged paper that this correction was made on.
    came_as = models.ForeignKey("Paper", models.CASCADE, null=True, editable=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("paper", "topic"), name="topic_once_a_paper")]

    def __str__(self) -> str:
        return self.topic.name

    @property
    def is_weak(self) -> bool:
        return self.fit < WEAK


class RefusedTopic(models.Model):
    """An editor's decision that a paper does not have a topic, whatever the topic's rule says."""

    paper = models.ForeignKey("Paper", models.CASCADE, related_name="refused_topics")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="refused_topics")
    came_as = models.ForeignKey("Paper", models.CASCADE, null=True, editable=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("paper", "topic"), name="topic_refused_once_a_paper")]

    def __str__(self) -> str:
        return f"not {self.topic}"
