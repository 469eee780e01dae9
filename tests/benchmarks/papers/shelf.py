"""Whether each topic has enough for a reader who chose it alone."""

from collections import Counter
from collections.abc import Mapping

from digests.selection import digest_choice
from digests.selection.entry_index import Choice
from digests.selection.spans import Spans
from newsletter import clock
from newsletter.issues import draft, publish
from newsletter.papers.ingest.default_sources import ARXIV_CATEGORIES
from newsletter.papers.models import Topic
from newsletter.papers.topics import tagging
from tests.benchmarks.papers import feeds
from tests.benchmarks.recordings import arxiv_papers, hugging_face_papers
from tests.benchmarks.registry import Figure, bench, shown
from tests.flows.replay import replaying

ENOUGH = 3
MOST_DAYS = 0.8
# On a Saturday the recordings hold what was left over, which is no listing.
LISTING_PAPERS = 100


@bench("shelf", unit="share of readers", target=0.80, needs_recordings=True)
def shelf(scale: float) -> Figure:
    tagging.load_topics()
    days = listing_days(scale)
    readers: dict[str, set[int]] = {slug: set() for slug in Topic.objects.current().values_list("slug", flat=True)}
    satisfied = Counter[str]()
    with replaying(days[0]) as replay, feeds.feeds_workers() as workers:
        feeds.add_sources(replay.url, recorded_categories())
        for day in shown(days, "shelf"):
            feeds.fetch_day(workers, replay, day)
            feeds.score_day(workers, day)
            source = published_on(day)
            satisfied.update(slug for slug, had in readers.items() if serve(source, slug, had) >= ENOUGH)
    shares = {slug: satisfied[slug] / len(days) for slug in readers}
    return Figure(sum(shares.values()) / len(shares), note(shares, days))


def listing_days(scale: float) -> list[str]:
    """Return the days on which arXiv listed papers, from the first to the last that both recordings hold."""
    listed = Counter(paper.day for paper in arxiv_papers())
    last = max(paper.day for paper in hugging_face_papers())
    days = sorted(day for day, count in listed.items() if count >= LISTING_PAPERS and day <= last)
    return days[: max(1, round(len(days) * scale))]


def recorded_categories() -> list[str]:
    """Return the categories of a new deployment, without those no recorded paper is in."""
    recorded = {category for paper in arxiv_papers() for category in paper.categories}
    return [category for category in ARXIV_CATEGORIES if category in recorded]


def published_on(day: str) -> Spans:
    """Publish the issue of `day` and return what its readers choose from."""
    with clock.at(feeds.morning_of(day)):
        issue = draft.draft_next_issue()
        publish.publish(issue)
        return Spans(clock.now())


def serve(source: Spans, slug: str, had: set[int], most: int = 10) -> int:
    """Return how many papers the reader of one topic gets of the newest issue and those before; add them to `had`."""
    choice = Choice(frozenset({slug}), max_papers=most)
    places = digest_choice.draw(source.of(None, choice), choice, had, is_first=False).places
    had.update(index.entries[number].paper_id for index, number in places)
    return len(places)


def note(shares: Mapping[str, float], days: list[str]) -> str:
    best_first = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    short = [slug for slug, share in best_first if share < MOST_DAYS]
    fed = "; ".join(f"{slug} by {', '.join(categories_of(slug)) or 'words alone'}" for slug in short)
    return (
        f"share of {len(days)} listing days ({days[0]} to {days[-1]}) on which the reader of one topic alone gets "
        f"{ENOUGH} papers or more: {', '.join(f'{slug} {share:.2f}' for slug, share in best_first)}. "
        f"{len(shares) - len(short)} of {len(shares)} topics have enough on {MOST_DAYS:.0%} of the days; the others "
        f"are fed by sources whose own listings are not recorded, only what these cross-list: {fed or 'none'}"
    )


def categories_of(slug: str) -> list[str]:
    """Return the categories of a new deployment that feed a topic."""
    named = Topic.objects.get(slug=slug).categories
    archives = {name.partition(".")[0] for name in named if name.endswith(".*")}
    return [name for name in ARXIV_CATEGORIES if name in named or name.partition(".")[0] in archives]
