"""One round of questions: each provider with deliveries in doubt is asked with the few calls of its minute."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from anymail.exceptions import AnymailConfigurationError
from django.conf import settings
from django.db import transaction

from digests.models import ProviderEvent
from digests.provider_events.event_rows import build_rows
from digests.provider_events.posted_events import UNREADABLE, PostedEvents
from digests.provider_lookups import LOOKUPS, due
from digests.provider_lookups.interface import NOT_ALLOWED_WAIT, Doubt, Lookup, LookupFailed, Reply
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock

logger = logging.getLogger(__name__)
MINUTE = timedelta(seconds=55)  # between two rounds of a provider; a task that runs each minute may be a little early
LONGEST_ROUND_SECONDS = 40.0  # with a provider that answers slowly


def ask_providers(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Ask about deliveries in doubt whose time has come; return how many calls were made.

    Safe to repeat: a second round within the minute, or beside another one, makes no call.
    """
    if not settings.PROVIDER_LOOKUPS:
        return 0
    with advisory_locks.held(Lock.PROVIDER_LOOKUPS) as is_mine:
        if not is_mine:
            return 0
        due.note_doubts(LOOKUPS)
        asked_before = clock.now() - MINUTE
        waiting = [name for name in due.due_providers() if not due.was_asked_since(name, asked_before)]
        return sum(ask_provider(name, is_stopping) for name in waiting)


def ask_provider(provider: str, is_stopping: Callable[[], bool]) -> int:
    """Make the calls of one minute; return how many. What the provider does not answer is put off and logged."""
    calls = 0
    try:
        with LOOKUPS[provider]() as lookup:
            deadline = time.monotonic() + LONGEST_ROUND_SECONDS
            while calls < lookup.calls_a_minute and time.monotonic() < deadline and not is_stopping():
                doubts, after = askable(lookup, provider)
                if not doubts:
                    break
                calls += 1
                ask_about(lookup, doubts, after)
    except AnymailConfigurationError:
        put_off(provider, "Its key is not set any more.", NOT_ALLOWED_WAIT)
    except LookupFailed as exc:
        put_off(provider, str(exc), exc.wait)
    return calls


def ask_about(lookup: Lookup, doubts: list[Doubt], after: str) -> None:
    """Make one call, and store what it says. Raise LookupFailed."""
    try:
        reply = lookup.ask(doubts, after)
    except UNREADABLE as exc:
        logger.warning("Cannot read what %s says of deliveries in doubt: %s", lookup.name, type(exc).__name__)
        due.record_reply(doubts, (), said=due.UNREADABLE_ANSWER)
    else:
        store_reply(lookup, doubts, reply)


def askable(lookup: Lookup, provider: str) -> due.Due:
    """Return the deliveries of the next call. Those that no answer could name are set aside first."""
    while True:
        doubts, after = due.next_due(provider, lookup.most)
        gone = [doubt for doubt in doubts if not doubt.to]
        alike = [doubt for doubt in doubts if doubt.to and lookup.needs_alone and not doubt.is_alone]
        due.set_aside(gone, due.GONE)
        due.set_aside(alike, due.NOT_TOLD_APART)
        left = [doubt for doubt in doubts if doubt not in gone and doubt not in alike]
        if left or not doubts:
            return due.Due(left, after)


@transaction.atomic
def store_reply(lookup: Lookup, doubts: list[Doubt], reply: Reply) -> None:
    """Store the events of a reply, to be applied like those of the webhook, and what was asked."""
    asked = {doubt.delivery_id for doubt in doubts}
    rows = [row for row in build_rows(lookup.name, PostedEvents(reply.events, [])) if row.delivery_id in asked]
    ProviderEvent.objects.bulk_create(rows, ignore_conflicts=True)
    found = {row.delivery_id for row in rows if row.delivery_id}
    due.record_reply(doubts, found, reply.after, reply.unread & asked)


def put_off(provider: str, why: str, wait: timedelta) -> None:
    logger.warning("Cannot ask %s about deliveries in doubt: %s", provider, why)
    due.put_off(provider, why, wait)
