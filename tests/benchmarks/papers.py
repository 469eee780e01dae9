"""How fast papers come in: fetched, cleaned, merged, tagged, scored and stored."""

import os
import time
from collections.abc import Collection
from itertools import chain
from multiprocessing import active_children

from django.db.models import Count

from newsletter.papers import topics
from newsletter.papers.models import Paper, PaperTopic, Sighting
from tests.benchmarks import feeds
from tests.benchmarks.memory import MemoryWatch
from tests.benchmarks.recordings import arxiv_papers, hugging_face_papers
from tests.benchmarks.registry import Figure, bench, shown
from tests.flows.replay import replaying

# The fewest categories that list every recorded paper.
CATEGORIES = ("cs.CV", "cs.AI", "cs.CL", "cs.IT", "cs.CE", "cs.GT", "cs.GR")


@bench("papers", unit="papers/s", target=400, peak_target_mb=300, needs_recordings=True)
def papers(scale: float) -> Figure:
    topics.load_topics()
    days = some_days(scale)
    with replaying(days[0]) as replay, feeds.feeds_workers() as workers:
        feeds.add_sources(replay.url, CATEGORIES)
        started = time.perf_counter()
        with MemoryWatch(worker.pid for worker in active_children() if worker.pid) as memory:
            for day in shown(days, "papers"):
                feeds.fetch_day(workers, replay, day)
                feeds.score_day(workers, day)
        seconds = time.perf_counter() - started
    served = served_on(days)
    return Figure(served / seconds, note(served, days, seconds), memory.peak_mb)


def some_days(scale: float) -> list[str]:
    """Return the recorded days, oldest first; of less than all the newest."""
    days = sorted({paper.day for paper in chain(arxiv_papers(), hugging_face_papers())})
    return days[-max(1, round(len(days) * scale)) :]


def served_on(days: Collection[str]) -> int:
    """Count the recorded papers of `days`, those of arXiv and those of Hugging Face."""
    return sum(paper.day in days for paper in chain(arxiv_papers(), hugging_face_papers()))


def note(served: int, days: Collection[str], seconds: float) -> str:
    tagged = PaperTopic.objects.aggregate(papers=Count("paper", distinct=True))["papers"]
    return (
        f"{served:,} papers of {len(days)} recorded days in {seconds:.1f} s, by two workers, with the server of the "
        f"recordings on the same cores, the machine’s load now {os.getloadavg()[0]:.1f} (ours is 2 to 3); "
        f"{Paper.objects.count():,} papers ({tagged:,} with a topic) and {Sighting.objects.count():,} sightings stored; "
        "peak: the workers and their parsing children together (PSS)"
    )
