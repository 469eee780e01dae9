"""How fast a million readers are served who were all served the day before, as on every day but the first."""

import random
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Q

from digests.models import Delivery
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper, PaperTopic, Topic
from subscribers.models import Subscriber
from tests.benchmarks.digests import (
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
from tests.benchmarks.registry import Figure, bench

NEXT_DAY = NOW + timedelta(days=1)
RISEN = 10  # papers of the front that stood on the shelf of the day before


@bench("assemble_again", unit="s", target=60, higher_is_better=False)
def assemble_again(scale: float) -> Figure:
    readers = round(READERS * scale)
    with clock.at(NOW):
        make_issue()
        make_readers(readers)
        first, _ = run_assemblers()
    with clock.at(NEXT_DAY):
        make_next_issue()
        Subscriber.objects.update(next_digest_at=NEXT_DAY)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        seconds, peak_mb = run_assemblers(NEXT_DAY)
    counts = Delivery.objects.filter(made_at=NEXT_DAY).aggregate(all=Count("pk"), served=Count("pk", Q(digest__gt=0)))
    assert counts["all"] == readers, f"{counts['all']} of {readers} readers have an answer"
    return Figure(
        seconds,
        f"{readers:,} readers, each with a delivery of the day before, {RISEN} papers of the front of {FRONT} from "
        f"its shelf: {counts['served']:,} get a digest; {seconds / readers * 1e6:.0f} µs a reader, on the first day "
        f"{first / readers * 1e6:.0f} µs; {ASSEMBLERS} processes; peak of one assembler (target 300 MB)",
        peak_mb,
    )


def make_next_issue() -> None:
    dice, topics = random.Random(4), list(Topic.objects.order_by("slug"))
    shelf = Paper.objects.filter(entries__shelf=IssueEntry.Shelf.SHELF).order_by("entries__position")
    risen = list(shelf[: 5 * RISEN : 5])
    fresh = Paper.objects.bulk_create(make_paper(dice, 10_000 + number) for number in range(FRONT - RISEN + SHELF))
    PaperTopic.objects.bulk_create(
        PaperTopic(paper=paper, topic=topic, evidence=["cs.CL"])
        for paper in fresh
        for topic in set(dice.choices(topics, [1 / rank for rank in range(1, len(topics) + 1)], k=dice.randint(1, 3)))
    )
    issue = Issue.objects.create(date=NEXT_DAY.date(), cutoff_at=cutoff_of(NEXT_DAY.date()))
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
