"""Fetch the sources' listings and store them: each source fails alone, and arXiv is asked at its own pace."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.models.functions import MD5

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers.ingest import store
from newsletter.papers.models import Paper, Source
from newsletter.papers.sources import READERS, SourceError, arxiv_api, guarded_fetch, sandbox
from newsletter.papers.sources.finding import Listing

MAX_WAIT = timedelta(hours=6)
DESCRIBE_WITHIN = timedelta(days=14)
MAX_UNDESCRIBED = 500
LISTING_DAYS = 3
ALL_PORTS = range(1, 65_536)
MAX_REFUSED = 100  # lines kept of one address
RETRY_FAULTY_AFTER = timedelta(minutes=15)
CUT_SHORT = "The response was cut short: items at its end are missing."
USUAL_SHARE = 0.3  # weight of the newest listing in the moving average of sizes
logger = logging.getLogger(__name__)
OUTCOME_FIELDS = (
    "validators", "last_error", "failure_count", "fresh_on", "listing_size", "usual_size", "is_empty", "new_count",
    "warning", "refused",
)  # fmt: skip


def fetch_source(source: Source) -> bool:
    """Fetch one source's last listing days, store the papers, and record the outcome on its row.

    Return False where another worker is fetching it, or where it failed.
    """
    if not claim(source):
        return False
    faulty_before, source.warning, source.new_count = bool(source.warning), "", 0
    try:
        for address in addresses_of(source):
            listing = fetch_listing(source, address)
            if listing is not None:
                source.new_count += store.store_findings(source, listing.findings).new
                update_freshness(source, listing)
                note_faults(source, address, listing)
    except SourceError as exc:
        record_failure(source, exc)
        return False
    record_success(source)
    if source.warning and not faulty_before:
        retry_soon(source)
    return True


def addresses_of(source: Source) -> list[str]:
    """Return the addresses to fetch: the last listing days, or the papers that arXiv's API should describe."""
    if source.kind == Source.Kind.ARXIV_API:
        return arxiv_api.addresses_for_ids(source.url, undescribed_ids())
    return READERS[source.kind].addresses(source.url, listing_days())


def undescribed_ids() -> list[str]:
    """Return the arXiv ids of recent papers without a primary category: arXiv itself has not described them yet."""
    since = clock.today() - DESCRIBE_WITHIN
    papers = Paper.objects.present().filter(key__startswith="arxiv:", primary_category="", listed_on__gt=since)
    keys = papers.order_by("-score", MD5("key")).values_list("key", flat=True)[:MAX_UNDESCRIBED]
    return [key.removeprefix("arxiv:") for key in keys]


def claim(source: Source) -> bool:
    """Claim this fetch; return False where another worker was first. The next one is due after `every` in any case."""
    now = clock.now()
    mine = Source.objects.filter(pk=source.pk).filter(
        Q(next_try_at=source.next_try_at) if source.next_try_at else Q(next_try_at=None)
    )
    return bool(mine.update(last_tried_at=now, next_try_at=now + source.every))


def listing_days() -> list[date]:
    """Return the last LISTING_DAYS weekdays up to today, oldest first."""
    days: list[date] = []
    day = clock.today()
    while len(days) < LISTING_DAYS:
        if day.weekday() < 5:
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


def fetch_listing(source: Source, address: str) -> Listing | None:
    """Fetch and parse one address; return None where it has not changed since the last fetch."""
    etag, last_modified = source.validators.get(address, ("", ""))
    with hold_arxiv_turn(source):
        answer = guarded_fetch.get(address, fetch_policy(), etag=etag, last_modified=last_modified)
    if answer.unchanged:
        return None
    listing = parse_response(source, answer, address)
    # An unchanged answer brings nothing, so a faulty one must be sent again.
    source.validators[address] = ("", "") if listing.warning else (answer.etag, answer.last_modified)
    return listing


def parse_response(source: Source, answer: guarded_fetch.FetchResponse, address: str) -> Listing:
    """Parse what came of a response; a warning says where its end is missing."""
    try:
        listing = sandbox.parse(source.kind, answer.body, address)
    except SourceError as exc:
        if answer.is_whole:
            raise
        raise SourceError(f"{CUT_SHORT} What came could not be read: {exc}") from exc
    return listing if answer.is_whole else replace(listing, warning=CUT_SHORT)


def fetch_listing_now(source: Source, address: str, most_seconds: float) -> Listing:
    """Fetch and parse one address while a person waits: at most `most_seconds` for arXiv's turn, and for the answer.

    Raise SourceError where there is no answer by then.
    """
    with hold_arxiv_turn(source, most_seconds):
        answer = guarded_fetch.get(address, replace(fetch_policy(), deadline_seconds=most_seconds))
    return parse_response(source, answer, address)


@contextmanager
def hold_arxiv_turn(source: Source, most_seconds: float = math.inf) -> Iterator[None]:
    """Hold the lock on arXiv during a request: arXiv asks for one connection, and a pause between requests.

    Do nothing for other sources. Raise SourceError where the lock is not free within `most_seconds`.
    """
    if not source.is_arxiv:
        yield
        return
    with advisory_locks.held(Lock.ARXIV, wait_seconds=most_seconds) as is_mine:
        if not is_mine:
            raise SourceError("A worker is fetching the day’s listings from it.")
        yield
        time.sleep(settings.ARXIV_PAUSE_SECONDS)


def validate_address(url: str, *, any_port: bool = False) -> None:
    """Raise ValidationError where `url` can never be fetched, in the words a fetch would use.

    `any_port` is for links that readers open: they are not bound to the ports that feeds are fetched from.
    """
    policy = fetch_policy()
    try:
        guarded_fetch.check_address(url, replace(policy, ports=ALL_PORTS) if any_port else policy)
    except SourceError as exc:
        raise ValidationError(str(exc)) from exc


def fetch_policy() -> guarded_fetch.Policy:
    return guarded_fetch.Policy(
        allow_loopback=settings.FEED_ALLOW_LOOPBACK,
        ports=frozenset(settings.FEED_PORTS),
        user_agent=f"{settings.PUBLICATION_NAME} (+{settings.SITE_URL})",
    )


def update_freshness(source: Source, listing: Listing) -> None:
    """Update the newest listing day of the source, its size and the usual size."""
    source.is_empty = not listing.findings
    if source.is_empty or listing.listed_on is None:
        return
    if source.fresh_on is None or listing.listed_on > source.fresh_on:
        usual = source.usual_size or source.listing_size
        source.usual_size = usual + (source.listing_size - usual) * USUAL_SHARE
        source.fresh_on = listing.listed_on
    if listing.listed_on == source.fresh_on:
        source.listing_size = len(listing.findings)


def note_faults(source: Source, address: str, listing: Listing) -> None:
    """Keep what the source's listing lacks, and why; log it, but an item only when it was not refused last time."""
    before, now = source.refused.get(address, {}), clock.now().isoformat()
    source.refused[address] = {line: before.get(line, now) for line in listing.refused[:MAX_REFUSED]}
    if listing.warning:
        source.warning = listing.warning
    for line in source.refused[address].keys() - before.keys():
        logger.warning("Source %s: refused %s", source.pk, line)


def record_success(source: Source) -> None:
    kept = set(addresses_of(source))
    source.validators = {address: v for address, v in source.validators.items() if address in kept}
    source.refused = {address: lines for address, lines in source.refused.items() if address in kept and lines}
    source.last_success_at, source.last_error, source.failure_count = clock.now(), "", 0
    if not source.is_empty:
        source.reported_at = None
    source.save(update_fields=[*OUTCOME_FIELDS, "last_success_at", "reported_at"])


def retry_soon(source: Source) -> None:
    """Fetch again sooner than usual: a fault is often gone then. One that stays is told, and retried as usual."""
    logger.warning("Source %s: %s", source.pk, source.warning)
    source.next_try_at = clock.now() + min(source.every, RETRY_FAULTY_AFTER)
    source.save(update_fields=["next_try_at"])


def record_failure(source: Source, error: SourceError) -> None:
    source.failure_count += 1
    wait = error.retry_after or min(source.every * 2 ** min(source.failure_count - 1, 8), MAX_WAIT)
    source.last_error = str(error)
    source.next_try_at = clock.now() + wait
    source.save(update_fields=[*OUTCOME_FIELDS, "next_try_at"])
