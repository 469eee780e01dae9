"""Writes the rows of digests and of the cards in them, each distinct one once."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from digests.mail.subject import subject_for
from digests.selection.digest_choice import DigestContent

MOST_KNOWN = 300_000  # digest ids that a run keeps in memory


class DigestWriter:
    """Writes the digests of a run, and remembers their ids."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.known: dict[UUID, int] = {}

    def write(self, contents: Iterable[DigestContent]) -> dict[DigestContent, int]:
        """Return the id of each content's digest, which is written if it is new."""
        contents = list(contents)
        write_cards(contents)
        keys = {content: content_key_of(content) for content in contents}
        missing = {key: content for content, key in keys.items() if key not in self.known}
        if len(self.known) > MOST_KNOWN:
            self.known.clear()
            missing = {key: content for content, key in keys.items()}
        self.known |= dict(write_digests(missing, self.now))
        return {content: self.known[key] for content, key in keys.items()}


CARDS = """
INSERT INTO digests_card (entry_id, reason, detail, html, text)
SELECT entry_id, reason, detail, '', ''
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS card(entry_id, reason, detail)
ORDER BY entry_id, reason, detail ON CONFLICT DO NOTHING
"""
CARD_IDS = """
SELECT card.id
FROM unnest(%s::bigint[], %s::text[], %s::text[]) WITH ORDINALITY AS wanted(entry_id, reason, detail, place)
JOIN digests_card card USING (entry_id, reason, detail) ORDER BY place
"""


def write_cards(contents: Sequence[DigestContent]) -> None:
    """Write the cards that are missing, and set `card_id` on every item."""
    items = list({item: None for content in contents for item in content.items if item.card_id is None})
    if not items:
        return
    columns = [item.entry.id for item in items], [item.reason for item in items], [item.detail for item in items]
    with connection.cursor() as cursor:
        cursor.execute(CARDS, columns)
        cursor.execute(CARD_IDS, columns)
        for item, (card_id,) in zip(items, cursor.fetchall(), strict=True):
            item.card_id = card_id


def content_key_of(content: DigestContent) -> UUID:
    """Return a hash that equal digests share: of the frame, what is said above the cards, and the cards in order.

    A card's detail is part of its id.
    """
    above = f"{content.kind}:{content.first_day}:{content.fallback_reason}"
    order = ",".join([str(item.card_id) for item in content.items])
    return UUID(bytes=hashlib.md5(f"{content.span.issues[0].pk}:{above}:{order}".encode()).digest())


# Sorted by key, so that two assemblers cannot deadlock.
DIGESTS = """
INSERT INTO digests_digest
  (content_key, issue_id, card_ids, kind, first_day, is_fallback, fallback_reason, subject, made_at)
SELECT content_key, issue_id, card_ids::bigint[], kind, first_day, fallback_reason <> '', fallback_reason, subject, %s
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[])
     AS digest(content_key, issue_id, card_ids, kind, first_day, fallback_reason, subject)
ORDER BY content_key ON CONFLICT (content_key) DO NOTHING
"""
DIGEST_IDS = "SELECT content_key, id FROM digests_digest WHERE content_key = ANY(%s::uuid[])"


def write_digests(contents: dict[UUID, DigestContent], now: datetime) -> Iterator[tuple[UUID, int]]:
    """Write those of `contents` that are new, and yield the key and id of each."""
    if not contents:
        return
    columns = zip(*(digest_row(key, content) for key, content in contents.items()), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(DIGESTS, [now, *map(list, columns)])
        cursor.execute(DIGEST_IDS, [list(contents)])
        yield from cursor.fetchall()


def digest_row(key: UUID, content: DigestContent) -> tuple[Any, ...]:
    issue = content.span.issues[0]
    cards = "{" + ",".join([str(item.card_id) for item in content.items]) + "}"
    above = content.kind.value, content.first_day, str(content.fallback_reason)
    return key, issue.pk, cards, *above, subject_for(issue, content.items)
