"""The step that asks sources what is new, politely, each for itself."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Q

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers.ingest import store
from newsletter.papers.models import Paper, Source
from newsletter.papers.sources import READERS, SourceError, arxiv_api, guarded_fetch, sandbox
from newsletter.papers.sources.finding import Listing

LONGEST_WAIT = timedelta(hours=6)
UNFILLED_FOR = timedelta(days=14)
MOST_UNFILLED = 500
LISTING_DAYS = 3
USUAL_SHARE = 0.3  # how much one listing moves what is usual
OUTCOME = (
    "validators", "last_error", "failure_count", "fresh_on", "listing_size", "usual_size", "is_empty", "new_count",
)  # fmt: skip


def fetch_source(source: Source) -> bool:
    """Ask one source for the last listing days and store what it shows; its row says how it went.

    Return False where another worker asks it already, or where it failed.
    """
    if not claim(source):
        return False
    source.new_count = 0
    try:
        for address in addresses_of(source):
            listing = ask(source, address)
            if listing is not None:
                source.new_count += store.ingest(source, listing.findings).new
                note_freshness(source, listing)
    except SourceError as exc:
        record_failure(source, exc)
        return False
    record_success(source)
    return True


def addresses_of(source: Source) -> list[str]:
    """Return what to ask: for the last listing days, or for the papers that arXiv's API is to fill in."""
    if source.kind == Source.Kind.ARXIV_API:
        return arxiv_api.addresses_for_ids(source.url, unfilled_ids())
    return READERS[source.kind].addresses(source.url, listing_days())


def unfilled_ids() -> list[str]:
    """Return the arXiv ids of recent papers that arXiv itself has not described yet."""
    since = clock.today() - UNFILLED_FOR
    papers = Paper.objects.present().filter(key__startswith="arxiv:", primary_category="", listed_on__gt=since)
    keys = papers.order_by("-score", "key").values_list("key", flat=True)[:MOST_UNFILLED]
    return [key.removeprefix("arxiv:") for key in keys]


def claim(source: Source) -> bool:
    """Take the source's turn; its next one comes after `every`, also where this worker dies."""
    now = clock.now()
    mine = Source.objects.filter(pk=source.pk).filter(
        Q(next_try_at=source.next_try_at) if source.next_try_at else Q(next_try_at=None)
    )
    return bool(mine.update(last_tried_at=now, next_try_at=now + source.every))


def listing_days() -> list[date]:
    """Return the last LISTING_DAYS weekdays, today's among them, oldest first."""
    days: list[date] = []
    day = clock.today()
    while len(days) < LISTING_DAYS:
        if day.weekday() < 5:
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


def ask(source: Source, address: str) -> Listing | None:
    """Return what one address shows, or None where it has not changed since the last time."""
    etag, last_modified = source.validators.get(address, ("", ""))
    with turn(source):
        answer = guarded_fetch.get(address, policy(), etag=etag, last_modified=last_modified)
    if answer.unchanged:
        return None
    listing = sandbox.parse(source.kind, answer.body, address)
    source.validators[address] = (answer.etag, answer.last_modified)
    return listing


def ask_once(source: Source, address: str, most_seconds: float) -> Listing:
    """Return what one address shows now, for a person who waits: so long for the turn, and as long for the answer.

    Raise SourceError where it shows nothing by then.
    """
    with turn(source, most_seconds):
        answer = guarded_fetch.get(address, replace(policy(), deadline_seconds=most_seconds))
    return sandbox.parse(source.kind, answer.body, address)


@contextmanager
def turn(source: Source, most_seconds: float = math.inf) -> Iterator[None]:
    """Wait for arXiv's turn where the source is arXiv's: one connection, and a pause between two calls.

    Raise SourceError where it does not come in `most_seconds`.
    """
    if not source.is_arxiv:
        yield
        return
    with advisory_locks.held(Lock.ARXIV, wait_seconds=most_seconds) as is_mine:
        if not is_mine:
            raise SourceError("It is being asked for the day’s listings.")
        yield
        time.sleep(settings.ARXIV_PAUSE_SECONDS)


def policy() -> guarded_fetch.Policy:
    return guarded_fetch.Policy(
        allow_loopback=settings.FEED_ALLOW_LOOPBACK,
        ports=frozenset(settings.FEED_PORTS),
        user_agent=f"{settings.PUBLICATION_NAME} (+{settings.SITE_URL})",
    )


def note_freshness(source: Source, listing: Listing) -> None:
    """Keep which listing came last, how large it is and how large one usually is."""
    source.is_empty = not listing.findings
    if source.is_empty or listing.listed_on is None:
        return
    if source.fresh_on is None or listing.listed_on > source.fresh_on:
        usual = source.usual_size or source.listing_size
        source.usual_size = usual + (source.listing_size - usual) * USUAL_SHARE
        source.fresh_on = listing.listed_on
    if listing.listed_on == source.fresh_on:
        source.listing_size = len(listing.findings)


def record_success(source: Source) -> None:
    kept = set(addresses_of(source))
    source.validators = {address: v for address, v in source.validators.items() if address in kept}
    source.last_success_at, source.last_error, source.failure_count = clock.now(), "", 0
    if not source.is_empty:
        source.reported_at = None
    source.save(update_fields=[*OUTCOME, "last_success_at", "reported_at"])


def record_failure(source: Source, error: SourceError) -> None:
    source.failure_count += 1
    wait = error.retry_after or min(source.every * 2 ** min(source.failure_count - 1, 8), LONGEST_WAIT)
    source.last_error = str(error)
    source.next_try_at = clock.now() + wait
    source.save(update_fields=[*OUTCOME, "next_try_at"])
