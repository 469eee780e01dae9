"""How fast a million readers are served who have a week of digests behind them, as on every day but the first ones."""

import random
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q

from digests.models import Delivery
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper, PaperTopic, Topic
from subscribers.models import Subscriber
from tests.benchmarks.delivery.digests import (
    ASSEMBLERS,
    FRONT,
    NOW,
    READERS,
    SHELF,
    make_issue,
    make_paper,
    make_readers,
    run_assemblers,
)
from tests.benchmarks.registry import Figure, bench, shown

DAYS = 7  # of digests behind each reader
RISEN = 10  # papers of each front that stood on the shelf of the day before


@bench("assemble_again", unit="s", target=60, higher_is_better=False)
def assemble_again(scale: float) -> Figure:
    readers = round(READERS * scale)
    with clock.at(NOW):
        make_issue()
        make_readers(readers)
        first, _ = run_assemblers()
    dice = random.Random(4)
    for day in shown(range(1, DAYS + 1), "days", DAYS):
        seconds, peak_mb = serve_day(NOW + timedelta(days=day), dice)
    counts = Delivery.objects.filter(made_at=NOW + timedelta(days=DAYS)).aggregate(
        all=Count("pk"), served=Count("pk", Q(digest__gt=0))
    )
    assert counts["all"] == readers, f"{counts['all']} of {readers} readers have an answer"
    return Figure(
        seconds,
        f"{readers:,} readers, each with the digests of {DAYS} days, {RISEN} papers of each front of {FRONT} from the "
        f"shelf of the day before: {counts['served']:,} get a digest; {seconds / readers * 1e6:.0f} µs a reader, on "
        f"the first day {first / readers * 1e6:.0f} µs; {ASSEMBLERS} processes; peak of one assembler (target 300 MB)",
        peak_mb,
    )


def serve_day(at: datetime, dice: random.Random) -> tuple[float, float]:
    """Publish the issue of a day and serve everybody; return the seconds of assembly and the peak of an assembler."""
    with clock.at(at):
        make_next_issue(at, dice)
        Subscriber.objects.update(next_digest_at=at)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        return run_assemblers(at)


def make_next_issue(at: datetime, dice: random.Random) -> None:
    topics = list(Topic.objects.order_by("slug"))
    yesterday = IssueEntry.objects.filter(shelf=IssueEntry.Shelf.SHELF, issue__date=at.date() - timedelta(days=1))
    risen = [entry.paper for entry in yesterday.select_related("paper").order_by("position")[: 5 * RISEN : 5]]
    first = 10_000 + 1000 * (at - NOW).days
    fresh = Paper.objects.bulk_create(make_paper(dice, first + number) for number in range(FRONT - RISEN + SHELF))
    PaperTopic.objects.bulk_create(
        PaperTopic(paper=paper, topic=topic, evidence=["cs.CL"])
        for paper in fresh
        for topic in set(dice.choices(topics, [1 / rank for rank in range(1, len(topics) + 1)], k=dice.randint(1, 3)))
    )
    issue = Issue.objects.create(date=at.date(), cutoff_at=cutoff_of(at.date()))
    IssueEntry.objects.bulk_create(
        IssueEntry(
            issue=issue,
            paper=paper,
            position=place,
            shelf=IssueEntry.Shelf.FRONT if place < FRONT else IssueEntry.Shelf.SHELF,
        )
        for place, paper in enumerate([*risen, *fresh])
    )
    publish(issue)
