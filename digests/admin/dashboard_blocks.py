"""The data of the admin's home page, each block in a few cheap queries that scan no table of readers or mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from digests.models import DayOfReaders, Delivery, IssueTally, ProviderEvent, PublishRequest
from digests.models.delivery_state import IS_AHEAD, IS_SENT
from digests.monitoring import obstacles
from digests.publication import approval
from digests.statistics import daily_counts, number_format, readers_chart
from newsletter import clock
from newsletter.issues import publish
from newsletter.issues.models import Issue
from newsletter.number_text import pluralize
from newsletter.papers.ingest import source_alerts
from newsletter.papers.models import Objection, Proposal, Source
from subscribers.models import Subscriber

RATE_WINDOW = timedelta(minutes=2)  # the rate is computed over this time
LARGE_RUN = 200_000  # mails in one run
ISSUES = 10
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Today:
    """The next issue, and the newest published one."""

    coming: Issue | None
    papers: int
    is_past_cutoff: bool
    left: str
    holds: str
    awaited: str
    asked: PublishRequest | None
    newest: Issue | None


def load_today() -> Today:
    now = clock.now()
    coming = Issue.objects.open().filter(date__gte=clock.today()).order_by("date").first()
    newest = Issue.objects.exclude(published_at=None).select_related("curated_by").order_by("-published_at").first()
    if coming is None:
        return Today(None, 0, False, "", "", "", None, newest)
    coming.listings = publish.listings_of(coming)
    return Today(
        coming=coming,
        papers=coming.entries.front().kept().exclude(paper=None).count(),
        is_past_cutoff=coming.cutoff_at <= now,
        left=number_format.span(coming.cutoff_at - now),
        holds=coming.listings_held,
        awaited="; ".join(part for part in coming.listings.split("; ") if ": " in part),
        asked=approval.find_valid_request(coming),
        newest=newest,
    )


class SendingRun(NamedTuple):
    """The present run: all batches made since the oldest unfinished one."""

    handed_over: int
    left: int
    a_second: float
    uncertain: int

    @property
    def total(self) -> int:
        return self.handed_over + self.left

    @property
    def refresh_seconds(self) -> int:
        """Return when to refresh: counting a run of a million mails takes a quarter of a second."""
        return 60 if not self.left else 4 if self.total < LARGE_RUN else 15

    @property
    def percent(self) -> int:
        return 100 * self.handed_over // max(1, self.total)

    @property
    def rate(self) -> str:
        if self.a_second >= 10:
            return f"{self.a_second:,.0f} a second"
        return f"{self.a_second * 60:,.0f} a minute" if self.a_second else ""

    @property
    def time_left(self) -> str:
        return number_format.span(timedelta(seconds=self.left / self.a_second)) if self.a_second else ""


# LATERAL reads each batch's deliveries by the index on batch: a join might be planned as a scan of all deliveries.
RUN_SQL = f"""
WITH run AS MATERIALIZED (
  SELECT id, position, started_at, finished_at, status FROM digests_batch
  WHERE made_at >= (SELECT min(made_at) FROM digests_batch WHERE status NOT IN ('done', 'dropped'))
)
SELECT coalesce(sum(handed_over), 0), coalesce(sum(ahead), 0),
       coalesce(sum(handed_over) FILTER (WHERE is_recent), 0),
       date_part('epoch', %(now)s - min(started_at) FILTER (WHERE is_recent))
FROM (
  SELECT b.*, counted.*,
         started_at IS NOT NULL AND (status = 'submitting' OR finished_at > %(recent)s) AS is_recent
  FROM run b, LATERAL (
    SELECT count(*) FILTER (WHERE {IS_SENT}) AS handed_over,
           count(*) FILTER (WHERE {IS_AHEAD}) AS ahead
    FROM digests_delivery d WHERE d.batch_id = b.id
  ) counted
) batches
"""


def load_sending() -> SendingRun:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(RUN_SQL, {"now": now, "recent": now - RATE_WINDOW})
        handed_over, left, recent, seconds = cursor.fetchone()
    uncertain = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).count()
    return SendingRun(int(handed_over), int(left), int(recent) / max(1.0, seconds) if seconds else 0.0, uncertain)


class WaitingMail(NamedTuple):
    """What a pause holds back."""

    ready: int
    expires_at: datetime | None  # when the first of these expires
    due: int  # readers who come due within the next hour


WAITING_SQL = f"""
SELECT coalesce(sum(ahead), 0), min(first)
FROM digests_batch b, LATERAL (
  SELECT count(*) AS ahead, min(expires_at) AS first
  FROM digests_delivery d WHERE d.batch_id = b.id AND {IS_AHEAD}
) counted
WHERE b.status NOT IN ('done', 'dropped')
"""


def load_waiting() -> WaitingMail:
    with connection.cursor() as cursor:
        cursor.execute(WAITING_SQL)
        ready, expires_at = cursor.fetchone()
    soon = clock.now() + timedelta(hours=1)
    due = Subscriber.objects.active().filter(next_digest_at__lte=soon).count()
    return WaitingMail(int(ready), expires_at, due)


@dataclass(frozen=True, slots=True)
class Readers:
    days: list[DayOfReaders]
    chart: readers_chart.ReadersChart | None
    new: int  # of the last seven days
    left: int

    @property
    def last(self) -> DayOfReaders:
        return self.days[-1]

    @property
    def newest_first(self) -> list[DayOfReaders]:
        return self.days[::-1]


def load_readers() -> Readers:
    """Return the stored counts of the last 90 days; count them now if none are stored yet."""
    since = clock.today() - timedelta(days=daily_counts.DAYS - 1)
    days = list(DayOfReaders.objects.filter(date__gte=since).order_by("date"))
    if not days:
        days = [DayOfReaders(**day._asdict(), counted_at=clock.now()) for day in daily_counts.days_since(since)]
    week = [day for day in days if day.date > clock.today() - WEEK]
    rows = [(day.date, day.active, day.new, day.left) for day in days]
    is_worth_drawing = len(days) > 1 and any(active or new for _, active, new, _ in rows)
    return Readers(
        days=days,
        chart=readers_chart.readers_chart(rows) if is_worth_drawing else None,
        new=sum(day.new for day in week),
        left=sum(day.left for day in week),
    )


class PastIssue(NamedTuple):
    issue: Issue
    tally: IssueTally | None

    @property
    def has_delivery_reports(self) -> bool:
        """Return whether the provider reports deliveries."""
        return self.tally is not None and self.tally.delivered > 0

    @property
    def handed_over(self) -> str:
        return number_format.share(self.tally.sent, self.tally.eligible) if self.tally else ""

    @property
    def delivered(self) -> str:
        return (
            number_format.share(self.tally.delivered, self.tally.sent)
            if self.tally and self.has_delivery_reports
            else ""
        )

    @property
    def bar(self) -> float:
        """Return the length of the delivered part of a bar of 60."""
        return round(60 * self.tally.delivered / self.tally.sent, 1) if self.tally and self.tally.sent else 0.0

    @property
    def bounced(self) -> str:
        return number_format.share(self.tally.bounced, self.tally.sent) if self.tally else ""

    @property
    def complained(self) -> str:
        return number_format.share(self.tally.complained, self.tally.sent) if self.tally else ""


def load_last_issues() -> list[PastIssue]:
    issues = Issue.objects.exclude(published_at=None).select_related("tally").order_by("-published_at")[:ISSUES]
    return [PastIssue(issue, getattr(issue, "tally", None)) for issue in issues]


class Sources(NamedTuple):
    troubled: list[Source]
    total: int
    failing: int  # failed at the last fetch, but not for long enough to count as troubled

    @property
    def well(self) -> int:
        return self.total - len(self.troubled)


def load_sources() -> Sources:
    fetched = list(Source.objects.fetched().order_by("name"))
    troubled = [source for source in fetched if source_alerts.is_troubled(source)]
    failing = sum(source.failure_count > 0 for source in fetched if source not in troubled)
    return Sources(troubled, len(fetched), failing)


class Errand(NamedTuple):
    """What waits for a person."""

    words: str
    page: str
    args: Sequence[object] = ()
    query: str = ""


def find_publish_requests(by_id: int | None) -> list[Errand]:
    asked = PublishRequest.objects.standing().exclude(asked_by=by_id).select_related("asked_by", "issue")
    return [
        Errand(
            f"{one.asked_by or 'An editor'} asks you to confirm the issue of {one.issue.date:%-d %B}: "
            f"{pluralize(one.papers, 'paper')}, {pluralize(one.readers, 'reader')}.",
            "admin:issues_issue_publish",
            [one.issue_id],
        )
        for one in asked
    ]


def find_held_issues() -> list[Errand]:
    """Return the issues held past their cutoff: they stay unpublished until somebody acts."""
    held = Issue.objects.filter(cutoff_at__lte=clock.now(), status=Issue.Status.HELD).order_by("date")
    return [
        Errand(f"The issue of {issue.date:%-d %B} is held past its cutoff.", "admin:issues_issue_change", [issue.pk])
        for issue in held
    ]


def find_obstacles() -> list[Errand]:
    found = obstacles.find_obstacles()
    return [Errand(str(obstacle), "admin:digests_sendingswitch_changelist") for obstacle in found]


def find_new_proposals() -> list[Errand]:
    """Return the undecided proposals of readers; a paper proposed by several readers counts once."""
    count = Proposal.objects.filter(status=Proposal.Status.NEW).values("key").distinct().count()
    words = f"Readers propose {pluralize(count, 'paper')}, to be taken or declined."
    return [Errand(words, "admin:papers_proposal_changelist", (), "?status__exact=new")] if count else []


def find_open_objections() -> list[Errand]:
    """Return the topics of papers that readers call wrong and no editor has decided on."""
    count = Objection.objects.filter(status=Objection.Status.NEW).values("paper", "topic").distinct().count()
    words = f"Readers call {pluralize(count, 'topic')} of papers wrong, to be taken away or kept."
    return [Errand(words, "admin:papers_objection_changelist", (), "?status__exact=new")] if count else []


def find_uncertain_deliveries() -> list[Errand]:
    count = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).count()
    words = f"{pluralize(count, 'mail')} may or may not have been sent."
    return [Errand(words, "admin:digests_delivery_changelist", (), "?status__exact=uncertain")] if count else []


def find_held_bounces() -> list[Errand]:
    count = ProviderEvent.objects.held().count()
    words = f"{pluralize(count, 'bounce')} of troubled domains to decide on."
    return [Errand(words, "admin:digests_providerevent_changelist", (), "?held__exact=waiting")] if count else []
