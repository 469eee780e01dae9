"""Turns the deliveries of a batch into mails: one shared body a digest, one set of links a reader."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from digests.mail import cards, compose, reader_words
from digests.mail.compose import DigestOrder
from digests.mail.headers import headers_of
from digests.mail.links import Linking
from digests.models import CardsPruned
from digests.providers import Copy, Mail, SharedBody, Words
from digests.sending.message_ids import MessageIds
from digests.sending.repeats import find_repeats
from newsletter.mail.return_address import Purpose, return_addresses

logger = logging.getLogger(__name__)


class CallDelivery(NamedTuple):
    """A delivery that is still to be sent, with what its mail needs of the reader."""

    id: int
    call_no: int
    digest_id: int
    subscriber_id: int
    to: str
    address_hash: str
    token_epoch: int
    preferences_id: int
    frequency: str | None  # None of an erased reader, as are the next three
    weekday: int
    send_time: time
    timezone: str
    slot: str  # ISO 8601; few of them are read


# Erased readers join to an empty address; such deliveries are skipped.
DELIVERIES = """
SELECT delivery.id, delivery.call_no, delivery.digest_id, coalesce(reader.id, 0), coalesce(reader.canonical, ''),
       coalesce(reader.address_hash, ''), coalesce(reader.token_epoch, 0), delivery.preferences_id, reader.frequency,
       reader.weekday, reader.send_time, reader.timezone, delivery.slot::text
FROM digests_delivery delivery LEFT JOIN subscribers_subscriber reader ON reader.id = delivery.subscriber_id
WHERE delivery.batch_id = %s AND delivery.call_no >= %s AND delivery.status IS NULL
ORDER BY delivery.call_no, delivery.id
"""


def load_calls(batch_id: int, position: int) -> dict[int, list[CallDelivery]]:
    """Return the deliveries in calls from `position` on, by call number in ascending order."""
    calls: dict[int, list[CallDelivery]] = {}
    with connection.cursor() as cursor:
        cursor.execute(DELIVERIES, [batch_id, position])
        for columns in cursor.fetchall():
            row = CallDelivery(*columns)
            calls.setdefault(row.call_no, []).append(row)
    return calls


class ReaderWords:
    """What the mails of a batch say to each reader in words: two queries for a batch."""

    def __init__(self, calls: Mapping[int, Sequence[CallDelivery]]) -> None:
        preferences = {row.preferences_id for rows in calls.values() for row in rows}
        self.choices = reader_words.choices_in_words(preferences)
        self.repeats = find_repeats([row.id for rows in calls.values() for row in rows])
        self.known: dict[tuple[object, ...], Words] = {}

    def of(self, row: CallDelivery) -> Words:
        if row.frequency is None:
            return reader_words.UNNAMED
        again = ""
        if row.id in self.repeats:
            again = reader_words.again_words(self.repeats[row.id], datetime.fromisoformat(row.slot), row.timezone)
        key = (*row[7:12], again)
        if (words := self.known.get(key)) is None:
            choice = self.choices.get(row.preferences_id, reader_words.ONLY_PICKS)
            words = reader_words.words_of(choice, row.frequency, row.weekday, row.send_time, row.timezone, again)
            self.known[key] = words
        return words


DIGESTS = """
SELECT id, issue_id, card_ids, kind, first_day, is_fallback, fallback_reason, subject
FROM digests_digest WHERE id = ANY(%s)
"""


def load_digests(calls: Mapping[int, Sequence[CallDelivery]]) -> dict[int, DigestOrder]:
    """Return the digests of `calls` by id. Load their cards into memory in one go: later each would cost a query."""
    ids = list({row.digest_id for rows in calls.values() for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(DIGESTS, [ids])
        digests = {columns[0]: DigestOrder(*columns) for columns in cursor.fetchall()}
    cards.load_into_memory({card_id for digest in digests.values() for card_id in digest.card_ids})
    return digests


def shared_bodies(digests: Iterable[DigestOrder]) -> dict[int, SharedBody]:
    """Compose what all readers of each digest share, by its id; log and leave out digests whose cards are pruned."""
    bodies: dict[int, SharedBody] = {}
    for digest in digests:
        try:
            mail = compose.compose_open(digest)
        except CardsPruned:
            logger.error("Digest %s cannot be rendered: its cards are gone", digest.pk)
        else:
            bodies[digest.pk] = SharedBody(digest.pk, digest.subject, mail.html, mail.text, headers_of(digest))
    return bodies


def build_mails(
    rows: Sequence[CallDelivery], contents: Mapping[int, SharedBody], message_ids: MessageIds, words: ReaderWords
) -> list[Mail]:
    linking, is_smtp = Linking(settings.SITE_URL, settings.SECRET_KEY), settings.EMAIL_PROVIDER == "smtp"
    returns = return_addresses() if is_smtp else None

    def copy_for(row: CallDelivery) -> Copy:
        links = linking.links(row.id, row.subscriber_id, row.token_epoch)
        return_to = returns.sign(Purpose.DELIVERY, row.id, row.address_hash) if returns else ""
        unsubscribe_to = returns.sign(Purpose.UNSUBSCRIBE, row.subscriber_id) if returns else ""
        message_id = message_ids.local_part(row.id) if is_smtp else ""
        return Copy(row.id, row.to, links, message_id, words.of(row), return_to, unsubscribe_to)

    return [Mail(contents[row.digest_id], copy_for(row)) for row in rows]
