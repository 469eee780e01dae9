"""How fast papers come in: fetched, cleaned, merged, tagged, scored and stored."""

import os
import time
from collections.abc import Collection
from itertools import chain
from multiprocessing import active_children
from typing import NamedTuple

import psutil
from django.db import connection
from django.db.models import Count

from newsletter.papers.models import Paper, PaperTopic, Sighting
from newsletter.papers.topics import tagging
from tests.benchmarks.papers import feeds
from tests.benchmarks.recordings import arxiv_papers, hugging_face_papers
from tests.benchmarks.registry import Figure, bench, shown
from tests.benchmarks.usage import MemoryWatch, processor_seconds
from tests.flows.replay import replaying

# The fewest categories that list every recorded paper.
CATEGORIES = ("cs.CV", "cs.AI", "cs.CL", "cs.IT", "cs.CE", "cs.GT", "cs.GR")


@bench("papers", unit="papers/s", target=400, peak_target_mb=300, needs_recordings=True)
def papers(scale: float) -> Figure:
    tagging.load_topics()
    days = some_days(scale)
    with replaying(days[0]) as replay, feeds.feeds_workers() as workers:
        feeds.add_sources(replay.url, CATEGORIES)
        pids = [worker.pid for worker in active_children() if worker.pid]
        started = time.perf_counter()
        with MemoryWatch(pids) as memory:
            for day in shown(days, "papers"):
                feeds.fetch_day(workers, replay, day)
                feeds.score_day(workers, day)
        took = Took(time.perf_counter() - started, processor_seconds(pids), processor_seconds(database_pids()))
    served = served_on(days)
    return Figure(served / took.seconds, note(served, days, took), memory.peak_mb)


class Took(NamedTuple):
    """Hold the time that passed, and the processors' time of the workers and of PostgreSQL on the same machine."""

    seconds: float
    in_workers: float
    in_database: float


def database_pids() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = [pid for (pid,) in cursor.fetchall()]
    # A database elsewhere names processes that are not ours.
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).name() == "postgres"]


def some_days(scale: float) -> list[str]:
    """Return the recorded days, oldest first; of less than all the newest."""
    days = sorted({paper.day for paper in chain(arxiv_papers(), hugging_face_papers())})
    return days[-max(1, round(len(days) * scale)) :]


def served_on(days: Collection[str]) -> int:
    """Count the recorded papers of `days`, those of arXiv and those of Hugging Face."""
    return sum(paper.day in days for paper in chain(arxiv_papers(), hugging_face_papers()))


def note(served: int, days: Collection[str], took: Took) -> str:
    tagged = PaperTopic.objects.aggregate(papers=Count("paper", distinct=True))["papers"]
    busy = took.in_workers + took.in_database
    return (
        f"{served:,} papers of {len(days)} recorded days in {took.seconds:.1f} s by two workers, with the server of "
        f"the recordings on the same cores and the machine’s load at {os.getloadavg()[0]:.1f} (ours is 2 to 3); "
        f"processor time {took.in_workers:.1f} s in workers and parsers, {took.in_database:.1f} s in PostgreSQL: "
        f"{served / busy:,.0f} papers a second of one core; {Paper.objects.count():,} papers stored ({tagged:,} with "
        f"a topic), {Sighting.objects.count():,} sightings; peak: the workers and their parsers together (PSS)"
    )
