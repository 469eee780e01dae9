"""Whether readers of one topic are shown what fits best and reach what there is, and what speaks for a front.

All three replay the same recorded days; a reader of one topic takes ten papers a day.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from statistics import mean
from typing import NamedTuple

from digests.selection import rules
from digests.selection.spans import Spans
from newsletter import clock
from newsletter.issues import draft, publish
from newsletter.issues.models import Issue
from newsletter.papers.models import Sighting, Topic
from newsletter.papers.topics import tagging
from tests.benchmarks.papers import feeds
from tests.benchmarks.papers.shelf import listing_days, recorded_categories, serve
from tests.benchmarks.registry import Figure, bench, shown
from tests.flows.replay import replaying

SHOWN = 5  # papers of a shelf that are compared with the five that fit best
TAKEN = 10  # papers a day
WINDOW = timedelta(days=7)


class Published(NamedTuple):
    """An issue and what there is to choose from on its morning."""

    issue: Issue
    source: Spans


def published_days(days: list[str], name: str) -> Iterator[Published]:
    """Fetch, rank and publish each of the listing `days`, in their order."""
    tagging.load_topics()
    with replaying(days[0]) as replay, feeds.feeds_workers() as workers:
        feeds.add_sources(replay.url, recorded_categories())
        for day in shown(days, name):
            feeds.fetch_day(workers, replay, day)
            feeds.score_day(workers, day)
            with clock.at(feeds.morning_of(day)):
                issue = draft.draft_next_issue()
                publish.publish(issue)
                issue.refresh_from_db()
                yield Published(issue, Spans(clock.now()))


def topics() -> list[str]:
    return list(Topic.objects.current().order_by("slug").values_list("slug", flat=True))


@bench("fit_shown", unit="share of the best fit", target=0.9, needs_recordings=True)
def fit_shown(scale: float) -> Figure:
    """Compare the fit of what a topic's shelf shows first with that of what fits it best, over topics and days."""
    shares = Shares()
    for day in published_days(listing_days(scale), "fit_shown"):
        index = day.source.index_of([day.issue])
        for slug, shelf in index.shelves.items():
            fits = sorted((index.entries[index.entry_at[place]].fit(slug) for place in shelf.placements), reverse=True)
            chosen = rules.entries_at(index, shelf.best[:SHOWN])
            shown_fits = [index.entries[number].fit(slug) for number in chosen]
            shares.add(slug, mean(shown_fits) / mean(fits[:SHOWN]))
    return Figure(shares.mean(), shares.note())


@bench("reachable", unit="share of papers", target=0.9, needs_recordings=True)
def reachable(scale: float) -> Figure:
    """Serve the reader of each topic every day, and count what of the last seven days' papers each got.

    As soon as seven days are behind the reader: before, older papers fill a digest that no issue of the window holds.
    """
    tagging.load_topics()
    had: dict[str, set[int]] = {slug: set() for slug in topics()}
    window: list[Published] = []
    shares, raw = Shares(), Shares()
    first: date | None = None
    for day in published_days(listing_days(scale), "reachable"):
        first = first or day.issue.date
        window = [one for one in [*window, day] if one.issue.date > day.issue.date - WINDOW]
        for slug, papers in had.items():
            serve(day.source, slug, papers, TAKEN)
            there = papers_of(window, slug)
            if there and day.issue.date - first >= WINDOW:
                reached = len(there & papers)
                shares.add(slug, reached / min(len(there), TAKEN * len(window)))
                raw.add(slug, reached / len(there))
    return Figure(shares.mean(), f"{shares.note()}; of all their papers {raw.mean():.2f}: {raw.note()}")


def papers_of(window: list[Published], slug: str) -> set[int]:
    return {
        entry.paper_id for day in window for entry in day.source.index_of([day.issue]).entries if slug in entry.topics
    }


@bench("front_without_evidence", unit="share of fronts", target=0.0, higher_is_better=False, needs_recordings=True)
def front_without_evidence(scale: float) -> Figure:
    """Count the front's papers that nobody voted for, one source alone mentions and nobody proposed or forecast."""
    fronts, bare = 0, 0
    for day in published_days(listing_days(scale), "front_without_evidence"):
        entries = list(day.issue.entries.front().kept().papers())
        mentions = mentions_of([entry.paper_id for entry in entries if entry.paper_id])
        fronts += len(entries)
        bare += sum(not (entry.snapshot["votes"] or mentions.get(entry.paper_id or 0, 0) > 1) for entry in entries)
    return Figure(bare / fronts, f"{bare} of {fronts} papers of fronts")


def mentions_of(papers: list[int]) -> dict[int, int]:
    """Return how many sources mention each paper, all of arXiv's listings as one."""
    seen = Sighting.objects.filter(paper__in=papers).values_list("paper", "source", "source__kind")
    sources = {(paper, "arxiv" if kind.startswith("arxiv") else source) for paper, source, kind in seen}
    return Counter(paper for paper, _ in sources)


class Shares:
    """Figures by topic, and what they come to."""

    def __init__(self) -> None:
        self.by_topic: dict[str, list[float]] = {}

    def add(self, slug: str, share: float) -> None:
        self.by_topic.setdefault(slug, []).append(share)

    def mean(self) -> float:
        return mean(map(mean, self.by_topic.values()))

    def note(self) -> str:
        rows = sorted((mean(shares), slug) for slug, shares in self.by_topic.items())
        return ", ".join(f"{slug} {share:.2f}" for share, slug in rows)
