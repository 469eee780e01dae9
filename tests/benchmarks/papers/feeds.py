"""The recorded days fetched from a server on loopback, by as many workers as the product has."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from functools import partial
from multiprocessing import get_context

from django.conf import settings
from django.db import connections

from newsletter import clock
from newsletter.papers.ingest import fetch
from newsletter.papers.models import Source
from newsletter.papers.trending import ranking
from tests.flows.replay import Replay

# arXiv's listing is there at midnight in New York.
FETCHED_AT = time(4, 30, tzinfo=UTC)


class Broken(Exception):
    """A recorded feed could not be fetched or stored: what was measured is worth nothing."""


def add_sources(url: str, categories: Iterable[str]) -> None:
    """Add Hugging Face's daily papers and arXiv's `categories`, as the server at `url` has them."""
    kinds = [(Source.Kind.ARXIV, f"{url}/rss/{category}") for category in categories]
    for kind, address in [(Source.Kind.HF_DAILY, f"{url}/api/daily_papers"), *kinds]:
        Source.objects.create(name=address[:100], kind=kind, url=address)


@contextmanager
def feeds_workers() -> Iterator[ProcessPoolExecutor]:
    """Keep processes that fetch, as Celery's workers of the queue `feeds` do: forked, each with its own connection."""
    connections.close_all()
    with ProcessPoolExecutor(settings.WORKER_CONCURRENCY["feeds"], get_context("fork")) as workers:
        # The first task forks them all: here and now, before a thread runs beside.
        workers.submit(clock.now).result()
        yield workers


def fetch_day(workers: ProcessPoolExecutor, replay: Replay, day: str) -> None:
    """Fetch every source as on the morning of `day`."""
    replay.move_to(day)
    sources = Source.objects.fetched().order_by("pk").values_list("pk", flat=True)
    for failure in workers.map(partial(_fetch, morning_of(day)), sources):
        if failure:
            raise Broken(failure)


def score_day(workers: ProcessPoolExecutor, day: str) -> None:
    """Score the papers as on the morning of `day`."""
    workers.submit(_score, morning_of(day)).result()


def morning_of(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), FETCHED_AT)


def _fetch(moment: datetime, source_id: int) -> str:
    """Fetch one source at `moment`; return what went wrong, or nothing."""
    source = Source.objects.get(pk=source_id)
    with clock.at(moment):
        is_fetched = fetch.fetch_source(source)
    return "" if is_fetched else f"{source} on {moment:%Y-%m-%d}: {source.last_error or 'was not fetched'}"


def _score(moment: datetime) -> None:
    with clock.at(moment):
        ranking.score_papers()
