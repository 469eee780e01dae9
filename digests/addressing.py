"""From the deliveries of a batch to mails a provider takes: each digest's content once, each reader's links."""

from collections.abc import Mapping, Sequence
from datetime import date
from email.utils import formataddr
from functools import cache, lru_cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.urls import reverse

from digests import rendering
from digests.models import Digest
from digests.providers import Content, Copy, Mail
from digests.rendering import Order
from newsletter.issues.models import Issue
from subscribers import tokens
from subscribers.tokens import Purpose

FEEDBACK_SENDER = "paperround"  # Gmail wants 5 to 15 characters that never change


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


def digests_of(calls: Mapping[int, Sequence[Row]]) -> dict[int, Order]:
    """Return the digests of a batch's calls by their ids, their cards in memory: so that none asks for its own."""
    ids = list({row.digest_id for rows in calls.values() for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(DIGESTS, [ids])
        digests = {columns[0]: Order(*columns) for columns in cursor.fetchall()}
    rendering.remember({card_id for digest in digests.values() for card_id in digest.card_ids})
    return digests


def content_of(digest: Digest | Order) -> Content:
    mail = rendering.opened(digest)
    return Content(digest.pk, digest.subject, mail.html, mail.text, headers_of(digest))


def headers_of(digest: Digest | Order) -> dict[str, str]:
    return headers_on(date_of(digest.issue_id))


def headers_on(day: date) -> dict[str, str]:
    """Return what all readers of an issue's digests have in their headers."""
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": formataddr((settings.PUBLICATION_NAME, settings.LIST_ID)),
        "Feedback-ID": f"{day:%Y%m%d}:digest:{FEEDBACK_SENDER}",
        "Auto-Submitted": "auto-generated",
    }


@lru_cache(maxsize=32)
def date_of(issue_id: int) -> date:
    """Return an issue's date, which never changes."""
    return Issue.objects.values_list("date", flat=True).get(pk=issue_id)


def mails_of(rows: Sequence[Row], contents: Mapping[int, Content]) -> list[Mail]:
    linking = Linking(settings.SITE_URL, settings.SECRET_KEY)
    return [
        Mail(contents[row.digest_id], Copy(row.id, row.to, linking.links(row.id, row.subscriber_id, row.token_epoch)))
        for row in rows
    ]


def links(delivery_id: int, subscriber_id: int, epoch: int) -> dict[str, str]:
    return Linking(settings.SITE_URL, settings.SECRET_KEY).links(delivery_id, subscriber_id, epoch)


class Linking(NamedTuple):
    """What all links share."""

    site_url: str
    secret: str

    def links(self, delivery_id: int, subscriber_id: int, epoch: int) -> dict[str, str]:
        """Return what fills a reader's slots: derived from the delivery, so that it is the same at any time."""
        return {
            "view_url": self.link("digests:view", Purpose.VIEW, delivery_id, epoch),
            "preferences_url": self.link("subscribers:preferences", Purpose.PREFERENCES, subscriber_id, epoch),
            "pause_url": self.link("subscribers:pause", Purpose.PAUSE, subscriber_id, epoch),
            "propose_url": self.link("digests:propose", Purpose.PROPOSE, subscriber_id, epoch),
            "vote_url": self.link("digests:vote", Purpose.VOTE, subscriber_id, epoch),
            "unsubscribe_url": self.link("subscribers:unsubscribe", Purpose.UNSUBSCRIBE, subscriber_id, epoch),
        }

    def link(self, view: str, purpose: Purpose, pk: int, epoch: int = 0) -> str:
        before, after = around_token(view, self.site_url)
        return before + tokens.sign(purpose, pk, epoch, secret=self.secret) + after


@cache
def around_token(view: str, site_url: str) -> tuple[str, str]:
    before, _, after = reverse(view, args=["~token~"]).partition("~token~")
    return site_url + before, after
