"""How soon the preferences page can say what the choices on its form would have brought."""

import random
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta

from digests.selection import recent_issues
from digests.selection.choice_effect import effects
from digests.selection.entry_index import Choice
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper, PaperTopic, Topic
from newsletter.papers.topics.tagging import load_topics
from tests.benchmarks.delivery.digests import FRONT, NOW, SHELF, make_paper
from tests.benchmarks.registry import Figure, bench, shown

ROUNDS = 20


@bench("effects", unit="ms", target=200, higher_is_better=False)
def effects_of_a_choice(scale: float) -> Figure:
    """Ask of seven issues what a choice with topics, words and authors would have brought, with nothing in memory."""
    make_week(max(1, round(SHELF * scale)))
    dice, slugs = random.Random(5), list(Topic.objects.order_by("slug").values_list("slug", flat=True))
    choices = [make_choice(dice, slugs) for _ in range(ROUNDS)]
    with clock.at(NOW):
        cold = list(timed(choices, is_cold=True))
        warm = list(timed(choices, is_cold=False))
    return Figure(
        statistics.median(cold),
        f"seven issues of {FRONT} + {SHELF * scale:.0f} papers, eight topics, six phrases and four authors; median of "
        f"{ROUNDS} with nothing in memory (the worst {max(cold):.0f} ms), {statistics.median(warm):.0f} ms with the "
        f"issues in memory (the worst {max(warm):.0f} ms)",
    )


def timed(choices: list[Choice], is_cold: bool) -> Iterator[float]:
    for choice in choices:
        if is_cold:
            recent_issues.indexes_in_memory.clear()
        started = time.perf_counter()
        week = effects(recent_issues.last_days(), choice)
        yield (time.perf_counter() - started) * 1000
        assert sum(effect.count for effect in week)


def make_week(shelf: int) -> None:
    """Publish seven issues of FRONT papers and a shelf, their topics by Zipf's law."""
    load_topics()
    dice, topics = random.Random(4), list(Topic.objects.order_by("slug"))
    for ago in shown(range(6, -1, -1), "issues", 7):
        with clock.at(NOW - timedelta(days=ago)):
            make_issue(dice, topics, ago * (FRONT + shelf), shelf)


def make_issue(dice: random.Random, topics: list[Topic], first: int, shelf: int) -> None:
    odds = [1 / rank for rank in range(1, len(topics) + 1)]
    papers = Paper.objects.bulk_create(make_paper(dice, first + number) for number in range(FRONT + shelf))
    PaperTopic.objects.bulk_create(
        PaperTopic(paper=paper, topic=topic, evidence=["cs.CL"])
        for paper in papers
        for topic in set(dice.choices(topics, odds, k=dice.randint(1, 3)))
    )
    issue = Issue.objects.create(date=clock.today(), cutoff_at=cutoff_of(clock.today()))
    shelves = [IssueEntry.Shelf.FRONT] * FRONT + [IssueEntry.Shelf.SHELF] * shelf
    IssueEntry.objects.bulk_create(
        IssueEntry(issue=issue, paper=paper, position=place, shelf=shelf_)
        for place, (paper, shelf_) in enumerate(zip(papers, shelves, strict=True))
    )
    publish(issue)


def make_choice(dice: random.Random, slugs: list[str]) -> Choice:
    """Return a choice with more words than most readers have; “models” stands in every text."""
    return Choice(
        frozenset(dice.sample(slugs, 8)),
        followed_phrases=("gaussian splatting", "world models", "protein design"),
        followed_authors=("Author 17", "Author 170"),
        muted_phrases=("watermark", "large models of cats", "a survey"),
        muted_authors=("Author 3", "Author 30"),
        max_papers=30,
    )
