"""Readers' votes, objections and proposals. The reader is an opaque key or number here."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from newsletter import clock
from newsletter.state_machine import StatefulModel

LONGEST_WHY = 500  # characters


class Vote(models.Model):
    """One reader's vote for a paper. An erased reader's vote has no key, and still counts."""

    paper = models.ForeignKey("papers.Paper", models.CASCADE, related_name="reader_votes", db_index=False)
    reader_key = models.CharField(max_length=64, null=True, editable=False)
    at = models.DateTimeField(default=clock.now)
    # The date of the issue whose digest the vote came from; None where it came from a page.
    issue_day = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("paper", "reader_key"), name="vote_once_a_reader_and_paper")]
        indexes = [
            models.Index(fields=("reader_key", "at"), name="vote_of_a_reader"),
            models.Index(fields=("at",), name="vote_by_time"),
            models.Index(fields=("issue_day", "paper"), condition=~Q(issue_day=None), name="vote_from_a_digest"),
        ]

    def __str__(self) -> str:
        return f"A vote for {self.paper_id}"


class Objection(StatefulModel):
    """One reader's word that a paper does not belong to a topic.

    It holds for that reader whatever editors decide. Open ones on the same paper and topic are decided together.
    """

    class Status(models.TextChoices):
        NEW = "new", "New"
        ACCEPTED = "accepted", "Accepted"
        DISMISSED = "dismissed", "Dismissed"

    MOVES = {Status.ACCEPTED: {Status.NEW}, Status.DISMISSED: {Status.NEW}}

    paper = models.ForeignKey("papers.Paper", models.CASCADE, related_name="objections")
    topic = models.ForeignKey("papers.Topic", models.CASCADE, related_name="objections")
    # The id of the reader's row, so that assembly can join objections in SQL.
    reader_id = models.BigIntegerField(editable=False)
    at = models.DateTimeField("said at", default=clock.now)
    status = models.CharField(max_length=9, choices=Status, default=Status.NEW, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = "wrong topic"
        ordering = ("-at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=("reader_id", "paper", "topic"), name="objection_once_a_reader_paper_and_topic"
            )
        ]
        indexes = [
            models.Index(fields=("paper", "topic"), condition=Q(status="new"), name="objection_to_decide"),
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} is not {self.topic_id}"


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def alike(self, key: str) -> Self:
        """Keep the proposals of the paper with this key, the first one first."""
        return self.filter(key=key).order_by("pk")


class Proposal(StatefulModel):
    """One reader's proposal of a paper. Proposals with the same key are one row of the queue, decided together."""

    class Status(models.TextChoices):
        NEW = "new", "New"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

    MOVES = {
        Status.NEW: {Status.ACCEPTED},  # the paper could not be found
        Status.ACCEPTED: {Status.NEW},
        Status.DECLINED: {Status.NEW},
    }

    # None until the paper is stored, and where the link is not a paper.
    paper = models.ForeignKey("papers.Paper", models.SET_NULL, null=True, blank=True, related_name="proposals")
    link = models.URLField(max_length=500)
    key = models.CharField(max_length=500, db_index=True, help_text="As of a paper: arxiv:2605.00658, doi:… or url:…")
    why = models.TextField(max_length=LONGEST_WHY, blank=True)
    reader_key = models.CharField(max_length=64, null=True, editable=False)
    at = models.DateTimeField("proposed at", default=clock.now)
    status = models.CharField(max_length=8, choices=Status, default=Status.NEW, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    answer = models.CharField("word to the proposer", max_length=300, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True, editable=False)  # into an issue's draft
    trouble = models.CharField(max_length=300, blank=True, editable=False)  # why it could not be found

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [models.UniqueConstraint(fields=("key", "reader_key"), name="proposal_once_a_reader_and_paper")]
        indexes = [
            models.Index(fields=("reader_key", "at"), name="proposal_of_a_reader"),
            models.Index(fields=("id",), condition=Q(status="accepted", entered_at=None), name="proposal_to_enter"),
        ]

    def __str__(self) -> str:
        return self.key
