"""Issues, their entries and the weekly calendar of cutoffs."""

import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.urls import reverse

from newsletter import clock
from newsletter.mail.header_line import HeaderLineField
from newsletter.papers import source_health
from newsletter.papers.models import Paper
from newsletter.state_machine import StatefulModel


def default_front_size() -> int:
    return int(settings.ISSUE_FRONT_SIZE)


class IssueQuerySet(models.QuerySet["Issue"]):
    def open(self) -> Self:
        return self.filter(status__in=(Issue.Status.DRAFT, Issue.Status.HELD))

    def published(self) -> Self:
        return self.filter(status=Issue.Status.PUBLISHED)

    def out(self, at: datetime.datetime) -> Self:
        """Filter to the issues readers could receive at `at`, including those withdrawn later."""
        was_out = Q(status=Issue.Status.PUBLISHED) | Q(status=Issue.Status.WITHDRAWN, withdrawn_at__gt=at)
        return self.filter(was_out, published_at__lte=at)

    def past_cutoff(self) -> Self:
        return self.filter(status=Issue.Status.DRAFT, cutoff_at__lte=clock.now())

    def with_lead(self) -> Self:
        """Annotate `lead`, the title of each published issue’s first paper."""
        front = IssueEntry.objects.front().kept().papers().filter(issue=OuterRef("pk")).order_by("position")
        return self.annotate(lead=Subquery(front.annotate(heading=KT("snapshot__title")).values("heading")[:1]))


class Issue(StatefulModel):
    """One day's edition. Once published it does not change: its entries keep snapshots."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        HELD = "held", "Held"
        PUBLISHED = "published", "Published"
        WITHDRAWN = "withdrawn", "Withdrawn"

    MOVES = {
        Status.HELD: {Status.DRAFT},
        Status.DRAFT: {Status.HELD},
        Status.PUBLISHED: {Status.DRAFT, Status.HELD},
        Status.WITHDRAWN: {Status.PUBLISHED},
    }

    date = models.DateField(unique=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    subject = HeaderLineField(
        max_length=150, blank=True, help_text="If empty, each digest takes the title of its best-fitting paper."
    )
    intro = models.TextField(blank=True, max_length=2000, help_text="Introduction above the papers.")
    cutoff_at = models.DateTimeField(help_text="When the draft is published automatically, unless it is held.")
    published_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_because = models.CharField(max_length=300, blank=True, default="", db_default="", editable=False)
    curated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    # Since then the front keeps the editor's order.
    arranged_at = models.DateTimeField(null=True, blank=True, editable=False)
    # An editor opened it in advance; it is not filled until it becomes the next issue.
    prepared_at = models.DateTimeField(null=True, editable=False)
    # When the draft was mailed to editors.
    draft_mailed_at = models.DateTimeField(null=True, editable=False)
    front_size = models.PositiveSmallIntegerField(
        default=default_front_size, help_text="Number of papers that the front is filled up to."
    )
    listings = models.CharField(max_length=2000, blank=True, editable=False)  # the listings it contains, in words
    is_sample = models.BooleanField(default=False, editable=False)
    # Counts edits. Each edit names the revision its page was based on; a stale page overwrites nothing.
    revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering = ("-date",)
        permissions = [("publish_issue", "Can publish, hold and withdraw an issue")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=("draft", "held")) | Q(published_at__isnull=False),
                name="published_issue_knows_when",
            ),
        ]

    def __str__(self) -> str:
        return f"Issue of {self.date}"

    def get_absolute_url(self) -> str:
        return reverse("issues:issue", args=[self.date])

    def move_to(self, status: Any, only_if: Q | None = None, **changes: Any) -> bool:
        """Change the status as usual, and set withdrawn_at on withdrawal."""
        if status == self.Status.WITHDRAWN:
            changes.setdefault("withdrawn_at", clock.now())
        return super().move_to(status, only_if, **changes)

    @property
    def listings_held(self) -> str:
        """The listings it contains, for readers; those it lacks are shown to editors only."""
        return "; ".join(part for part in self.listings.split("; ") if ": " not in part and part != "no listing")

    @property
    def listings_brief(self) -> str:
        """The listings it contains, on one line of a mail."""
        return source_health.brief_listings(self.listings_held)

    @property
    def is_open(self) -> bool:
        return self.status in {self.Status.DRAFT, self.Status.HELD}


class EntryQuerySet(models.QuerySet["IssueEntry"]):
    def front(self) -> Self:
        return self.filter(shelf=IssueEntry.Shelf.FRONT)

    def papers(self) -> Self:
        """Exclude free items."""
        return self.exclude(paper=None)

    def kept(self, at: datetime.datetime | None = None) -> Self:
        """Exclude entries dropped by an editor, or dropped before `at`."""
        never = Q(dropped_at=None)
        return self.filter(never | Q(dropped_at__gt=at) if at else never)


class IssueEntry(models.Model):
    """The place of a paper in an issue, or of a free item: an editor's own title, link and text."""

    class Shelf(models.TextChoices):
        FRONT = "front", "Front"
        SHELF = "shelf", "Shelf"

    issue = models.ForeignKey(Issue, models.CASCADE, related_name="entries")
    paper = models.ForeignKey(Paper, models.PROTECT, null=True, related_name="entries")  # None for a free item
    # The merged paper this entry was created for, restored if the merge is undone while the issue is open.
    came_as = models.ForeignKey(Paper, models.PROTECT, null=True, editable=False, related_name="+")
    shelf = models.CharField(max_length=5, choices=Shelf, default=Shelf.FRONT)
    position = models.PositiveIntegerField(default=0)
    is_pick = models.BooleanField("pick", default=False, help_text="Goes to every reader, regardless of topics.")
    note = models.TextField(max_length=1000, blank=True, help_text="Your note below the summary, in Markdown.")
    # An editor placed it here: it stays, regardless of scores.
    is_placed = models.BooleanField(default=False, db_default=False, editable=False)
    # Readers do not see a draft note.
    note_is_draft = models.BooleanField(default=False, db_default=False)
    # Shown to readers instead of the paper's abstract.
    summary = models.TextField(max_length=3000, blank=True, db_default="")
    # A free item goes to every reader.
    free_title = HeaderLineField("title", max_length=200, blank=True, db_default="")
    free_url = models.URLField("link", max_length=500, blank=True, db_default="")
    free_text = models.TextField("text", max_length=3000, blank=True, db_default="")
    dropped_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What readers see, as of publication: see publish.snapshot_of. Empty while the issue is open.
    snapshot = models.JSONField(default=dict, editable=False)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ("shelf", "position", "id")
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=("issue", "paper"), name="paper_once_an_issue"),
            models.UniqueConstraint(
                fields=("paper",), condition=Q(shelf="front", dropped_at=None), name="paper_once_among_fronts"
            ),
            models.UniqueConstraint(fields=("paper",), condition=Q(shelf="shelf"), name="paper_once_on_a_shelf"),
            models.CheckConstraint(
                condition=Q(paper__isnull=False, free_title="") | (Q(paper=None, shelf="front") & ~Q(free_title="")),
                name="entry_is_a_paper_or_a_free_item",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.title}"

    @property
    def title(self) -> str:
        return self.paper.title if self.paper else self.free_title

    @property
    def is_free(self) -> bool:
        return self.paper_id is None

    @property
    def shown_note(self) -> str:
        """The note that readers see: empty for a draft note."""
        return "" if self.note_is_draft else self.note


class Cutoff(models.Model):
    """When issues of a weekday are published automatically, if not at ISSUE_CUTOFF."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, "Monday"
        TUESDAY = 1, "Tuesday"
        WEDNESDAY = 2, "Wednesday"
        THURSDAY = 3, "Thursday"
        FRIDAY = 4, "Friday"
        SATURDAY = 5, "Saturday"
        SUNDAY = 6, "Sunday"

    weekday = models.PositiveSmallIntegerField(choices=Weekday, unique=True)
    # None: no automatic issue
    at = models.TimeField("UTC time", null=True, blank=True)

    class Meta:
        ordering = ("weekday",)
        constraints = [models.CheckConstraint(condition=Q(weekday__lt=7), name="cutoff_is_of_a_weekday")]

    def __str__(self) -> str:
        return self.get_weekday_display()


def cutoff_of(day: datetime.date) -> datetime.datetime:
    """Return when the draft of `day` is published automatically, in UTC."""
    at = Cutoff.objects.filter(weekday=day.weekday()).values_list("at", flat=True).first()
    return datetime.datetime.combine(day, at or settings.ISSUE_CUTOFF, datetime.UTC)


def comes_by_itself(day: datetime.date) -> bool:
    """Return True if `day` gets an automatic issue. A calendar that excludes every weekday is ignored."""
    silent = set(Cutoff.objects.filter(at=None).values_list("weekday", flat=True))
    return day.weekday() not in silent or len(silent) == len(Cutoff.Weekday)
