"""Chooses the deliveries that a provider is asked about, and records what came of it."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import F

from digests.models import ProviderLookup
from digests.models.delivery_state import IS_UNKNOWN
from digests.provider_lookups.interface import Doubt
from newsletter import clock

ASKED_AGAIN_AFTER = timedelta(hours=1)
TIMES_ASKED = 2
ASKED_FOR = timedelta(days=2)  # after the doubt; then whoever wants to know has to ask by hand
UNREADABLE_ANSWER = "Its answer cannot be read."
NOT_FOUND = "It does not know this mail, or not yet: that proves nothing."
FOUND = "It knows this mail."
NOT_TOLD_APART = "Another digest may have gone to this reader at that time, and its records name no delivery."
GONE = "The reader is erased, and nobody can be asked for."

NOTE = """
INSERT INTO digests_providerlookup (delivery_id, provider, noted_at, next_at, asked_count, after, said)
SELECT d.id, b.provider, %(now)s, %(first)s, 0, '', ''
FROM digests_delivery d JOIN digests_batch b ON b.id = d.batch_id
WHERE d.status = 'uncertain' AND b.provider = ANY(%(providers)s)
ON CONFLICT (delivery_id) DO NOTHING
"""
# A delivery is unknown until an event or a person settles it; an abandoned one may still turn out to have arrived.
CLOSE = f"""
UPDATE digests_providerlookup l SET next_at = NULL, after = ''
WHERE l.next_at IS NOT NULL AND (
  l.noted_at < %(oldest)s OR NOT EXISTS (SELECT FROM digests_delivery d WHERE d.id = l.delivery_id AND {IS_UNKNOWN}))
"""
# Another digest went to the reader between the two moments, or may have: deliveries are sent while they are valid.
DOUBTS = """
SELECT d.id, coalesce(reader.canonical, ''), coalesce(digest.subject, ''), d.made_at, least(l.noted_at, d.expires_at),
       NOT EXISTS (
         SELECT FROM digests_delivery other
         WHERE other.subscriber_id = d.subscriber_id AND other.id <> d.id
         AND coalesce(other.status, '') NOT IN ('skipped', 'rejected')
         AND other.made_at <= l.noted_at AND other.expires_at >= d.made_at),
       l.after
FROM digests_providerlookup l
JOIN digests_delivery d ON d.id = l.delivery_id
LEFT JOIN digests_digest digest ON digest.id = d.digest_id
LEFT JOIN subscribers_subscriber reader ON reader.id = d.subscriber_id
WHERE l.provider = %(provider)s AND l.next_at <= %(now)s
ORDER BY l.next_at, l.id LIMIT %(most)s
"""


class Due(NamedTuple):
    """Deliveries that one call can ask about: all go on from the same place."""

    doubts: list[Doubt]
    after: str


def note_doubts(providers: Collection[str]) -> None:
    """Note uncertain deliveries of `providers` that are new, and close those that need no answer any more."""
    now = clock.now()
    first = now + settings.LOOKUP_DELAY
    with connection.cursor() as cursor:
        cursor.execute(NOTE, {"now": now, "first": first, "providers": list(providers)})
        cursor.execute(CLOSE, {"oldest": now - ASKED_FOR})


def due_providers() -> list[str]:
    due = ProviderLookup.objects.filter(next_at__lte=clock.now()).order_by("provider")
    return list(due.values_list("provider", flat=True).distinct())


def was_asked_since(provider: str, moment: datetime) -> bool:
    return ProviderLookup.objects.filter(provider=provider, asked_at__gt=moment).exists()


def next_due(provider: str, most: int) -> Due:
    """Return the deliveries that `provider` is asked about next, those that wait longest first."""
    with connection.cursor() as cursor:
        cursor.execute(DOUBTS, {"provider": provider, "now": clock.now(), "most": most})
        rows = cursor.fetchall()
    after = rows[0][-1] if rows else ""
    return Due([Doubt(*row[:-1]) for row in rows if row[-1] == after], after)


def set_aside(doubts: Iterable[Doubt], why: str) -> None:
    """Record that these cannot be asked about."""
    ids = [doubt.delivery_id for doubt in doubts]
    ProviderLookup.objects.filter(delivery_id__in=ids).update(next_at=None, said=why)


def record_reply(
    doubts: Iterable[Doubt],
    found: Collection[int],
    after: str = "",
    unread: Collection[int] = (),
    said: str = NOT_FOUND,
) -> None:
    """Record an answer: what it names is done, what it does not is asked about once more, the unread at once."""
    now = clock.now()
    asked = ProviderLookup.objects.filter(delivery_id__in=[doubt.delivery_id for doubt in doubts])
    asked.update(asked_at=now)
    asked.filter(delivery_id__in=unread).update(after=after)
    read = asked.exclude(delivery_id__in=unread)
    read.update(asked_count=F("asked_count") + 1, after="")
    read.filter(delivery_id__in=found).update(next_at=None, said=FOUND)
    missing = read.exclude(delivery_id__in=found)
    missing.filter(asked_count__gte=TIMES_ASKED).update(next_at=None, said=said)
    missing.filter(asked_count__lt=TIMES_ASKED).update(next_at=now + ASKED_AGAIN_AFTER, said=said)


def put_off(provider: str, why: str, wait: timedelta) -> None:
    """Record that the provider did not answer: none of its deliveries is asked about before `wait` is over."""
    now = clock.now()
    mine = ProviderLookup.objects.filter(provider=provider, next_at__lte=now + wait)
    mine.update(next_at=now + wait, asked_at=now, said=why[:300])
