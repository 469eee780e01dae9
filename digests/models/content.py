"""The content of mails: cards and frames, rendered once for each issue, and digests, which are lists of cards."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from subscribers.choice_bounds import USUAL_DETAIL
from subscribers.models import Preferences


class Frame(models.Model):
    """The outer part of the mails of one issue, rendered once, with its slots still to fill."""

    issue = models.OneToOneField(Issue, models.CASCADE, related_name="frame")
    html = models.TextField()
    text = models.TextField()

    def __str__(self) -> str:
        return f"Frame of {self.issue_id}"


class Card(models.Model):
    """One entry as readers see it who get it for one reason in one detail; rendered at its first hand-over."""

    entry = models.ForeignKey(IssueEntry, models.CASCADE, related_name="cards")
    reason = models.CharField(max_length=500)
    detail = models.CharField(
        max_length=8,
        choices=Preferences.Detail,
        default=USUAL_DETAIL,
        db_default=USUAL_DETAIL,
    )
    html = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("entry", "reason", "detail"), name="card_once_a_reason_and_detail")
        ]

    def __str__(self) -> str:
        return self.reason


class CardsPruned(Exception):
    """Some cards of this digest have been deleted: it is too old to be shown or explained."""


class Digest(models.Model):
    """One selection of papers, shared by every reader whose preferences lead to it. Stores the order of cards only."""

    class Kind(models.TextChoices):
        DAY = "day", "One issue"
        DAYS = "days", "Several issues"
        WEEK = "week", "A weekly reader’s issues"
        WELCOME = "welcome", "A reader’s first digest"

    class FallbackReason(models.TextChoices):
        NO_CHOICE = "no_choice", "nothing was chosen"
        NO_PAPER = "no_paper", "no paper matched"
        MUTED = "muted", "every matching paper was muted"
        LOW_SCORE = "low_score", "every matching paper was below the minimum score"
        WEAK = "weak", "the papers fit the topics only weakly"

    content_key = models.UUIDField(unique=True)
    # The newest issue of the span, whose frame the mail has.
    issue = models.ForeignKey(Issue, models.PROTECT, related_name="digests", db_constraint=False, db_index=False)
    card_ids = ArrayField(models.BigIntegerField())
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.DAY, db_default=Kind.DAY.value)
    first_day = models.DateField(null=True)  # of the oldest issue of its span, if there are several
    is_fallback = models.BooleanField(default=False)  # nothing matched, so it has the front's best
    fallback_reason = models.CharField(max_length=9, choices=FallbackReason, blank=True, default="", db_default="")
    subject = models.CharField(max_length=200)
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [BrinIndex(fields=("made_at",), name="digest_made_at")]
        permissions = [("view_statistics", "Can see the statistics of issues")]

    def __str__(self) -> str:
        return self.subject

    @property
    def cards(self) -> list[Card]:
        """The cards in order, with their entries; one query. Raises CardsPruned."""
        found = Card.objects.select_related("entry").in_bulk(self.card_ids)
        if len(found) < len(self.card_ids):
            raise CardsPruned
        return [found[pk] for pk in self.card_ids]

    @property
    def paper_ids(self) -> list[int]:
        """The ids of the papers in order, without free items; one query."""
        return [card.entry.paper_id for card in self.cards if card.entry.paper_id]
