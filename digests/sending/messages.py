"""From the deliveries of a batch to mails a provider takes: each digest's content once, each reader's links."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from digests.mail import cards, compose
from digests.mail.compose import DigestOrder
from digests.mail.headers import headers_of
from digests.mail.links import Linking
from digests.models import Digest
from digests.providers import Copy, Mail, SharedBody


class Row(NamedTuple):
    """One delivery ahead of a batch, and what its mail needs of the reader."""

    id: int
    call_no: int
    digest_id: int
    subscriber_id: int
    to: str
    token_epoch: int


# Who was erased has no row any more; nobody is mailed without one.
ROWS = """
SELECT delivery.id, delivery.call_no, delivery.digest_id, coalesce(reader.id, 0), coalesce(reader.canonical, ''),
       coalesce(reader.token_epoch, 0)
FROM digests_delivery delivery LEFT JOIN subscribers_subscriber reader ON reader.id = delivery.subscriber_id
WHERE delivery.batch_id = %s AND delivery.call_no >= %s AND delivery.status IS NULL
ORDER BY delivery.call_no, delivery.id
"""


def rows_ahead(batch_id: int, position: int) -> dict[int, list[Row]]:
    """Return the deliveries of a batch whose calls lie at or ahead of `position`, by call and in their order."""
    calls: dict[int, list[Row]] = {}
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [batch_id, position])
        for columns in cursor.fetchall():
            row = Row(*columns)
            calls.setdefault(row.call_no, []).append(row)
    return calls


DIGESTS = "SELECT id, issue_id, card_ids, is_fallback, subject FROM digests_digest WHERE id = ANY(%s)"


def digests_of(calls: Mapping[int, Sequence[Row]]) -> dict[int, DigestOrder]:
    """Return the digests of a batch's calls by their ids, their cards in memory: so that none asks for its own."""
    ids = list({row.digest_id for rows in calls.values() for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(DIGESTS, [ids])
        digests = {columns[0]: DigestOrder(*columns) for columns in cursor.fetchall()}
    cards.remember({card_id for digest in digests.values() for card_id in digest.card_ids})
    return digests


def content_of(digest: Digest | DigestOrder) -> SharedBody:
    mail = compose.opened(digest)
    return SharedBody(digest.pk, digest.subject, mail.html, mail.text, headers_of(digest))


def mails_of(rows: Sequence[Row], contents: Mapping[int, SharedBody]) -> list[Mail]:
    linking = Linking(settings.SITE_URL, settings.SECRET_KEY)
    return [
        Mail(contents[row.digest_id], Copy(row.id, row.to, linking.links(row.id, row.subscriber_id, row.token_epoch)))
        for row in rows
    ]
