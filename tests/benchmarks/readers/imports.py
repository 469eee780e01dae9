"""How fast a file of readers becomes subscribers."""

import csv
import os
import random
import tempfile
import time
from datetime import date
from datetime import time as time_of_day
from itertools import accumulate
from pathlib import Path

from newsletter.papers.models import Topic
from newsletter.papers.topics import tagging
from subscribers.digest_schedule import Rhythm
from subscribers.imports import import_run
from subscribers.models import ImportRun, Subscriber
from subscribers.synthetic_subscribers import MOST_TOPICS, ZONES, random_choice
from tests.benchmarks.papers.coming_in import database_pids
from tests.benchmarks.registry import Figure, bench, shown
from tests.benchmarks.usage import processor_seconds

READERS = 1_000_000
DOMAINS = 20_000
STATES = ("active",) * 90 + ("unsubscribed",) * 6 + ("bounced",) * 3 + ("complained",)


@bench("import", unit="s", target=180, higher_is_better=False, peak_target_mb=600)
def imports(scale: float) -> Figure:
    tagging.load_topics()
    count = max(1, round(READERS * scale))
    with tempfile.TemporaryDirectory(prefix="paper-round-import-") as folder:
        path = Path(folder) / "readers.csv"
        write_file(path, count)
        pids, started = database_pids(), time.perf_counter()
        before = time.process_time() + processor_seconds(pids)
        run = begun(path)
        steps = import_run.process(run, path, path.with_suffix(".report.csv"), is_dry=False)
        for _ in shown(steps, "import", total=-(-count // import_run.CHUNK)):
            pass
        seconds = time.perf_counter() - started
        busy = time.process_time() + processor_seconds(pids) - before
    counts = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(run.counts.items()))
    return Figure(
        seconds,
        f"{run.total:,} rows: {counts}; {Subscriber.objects.count():,} subscribers stored; "
        f"processor time {busy:.1f} s with PostgreSQL’s, the machine’s load at {os.getloadavg()[0]:.1f}",
    )


def begun(path: Path) -> ImportRun:
    return ImportRun.objects.create(
        name=path.name,
        file_hash=import_run.hash_of(path),
        format="csv",
        consent_source="A benchmark",
        consent_on=date(2026, 1, 1),
        defaults=import_run.stored_defaults([], Rhythm("weekdays", 0, time_of_day(7), "UTC")),
        status=ImportRun.Status.WRITING,
    )


def write_file(path: Path, count: int) -> None:
    """Write readers of many domains, with what is wrong with one in a hundred, and one in fifty twice."""
    dice, slugs = (
        random.Random(1),
        dict(Topic.objects.current().order_by("slug").values_list("pk", "slug")[:MOST_TOPICS]),
    )
    odds = list(accumulate(1 / rank for rank in range(1, len(slugs) + 1)))
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("email", "status", "topics", "frequency", "hour", "zone"))
        for n in range(count):
            name = f"First.Last{dice.randrange(n or 1) if dice.random() < 0.02 else n}"
            address = f"{name}@uni{hash_of(name) % DOMAINS}.example.org" if dice.random() < 0.99 else name
            chosen = ", ".join(slugs[pk] for pk in random_choice(dice, list(slugs), odds).topics)
            hour = f"{dice.randint(5, 21):02}:00"
            lines.writerow((address, dice.choice(STATES), chosen, "daily", hour, dice.choice(ZONES)))


def hash_of(name: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(name[-8:]))
