"""Deliveries that only have to be sent: readers, digests and batches as assembly leaves them, made by SQL."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from digests.models import Batch, Digest
from digests.providers import provider_of
from newsletter import clock
from subscribers.models import Preferences
from tests.benchmarks.delivery.digests import NOW, make_cards, make_issue

PAPERS = 12

DIGESTS = "COPY digests_digest (content_key, issue_id, card_ids, is_fallback, subject, made_at) FROM STDIN"
READERS = """
INSERT INTO subscribers_subscriber (email, canonical, address_hash, status, preferences_id, frequency, weekday,
    send_time, timezone, next_digest_at, token_epoch, created_at, confirmed_at)
SELECT address, address, md5(address), 'active', %(preferences)s, 'daily', 0, '05:00', 'UTC', %(now)s, 0,
       %(now)s, %(now)s
FROM generate_series(1, %(count)s) AS number, LATERAL (SELECT 'reader' || number || '@trial.example') AS a(address)
"""
DELIVERIES = """
INSERT INTO digests_delivery (subscriber_id, slot, digest_id, preferences_id, batch_id, call_no, reason, note,
    provider_id, made_at, expires_at)
SELECT id, %(now)s, (%(digests)s::bigint[])[place / %(each)s + 1], preferences_id,
       (%(batches)s::bigint[])[place / %(size)s + 1], place %% %(size)s / %(a_call)s, '', '', '', %(now)s, %(latest)s
FROM (SELECT id, preferences_id, row_number() OVER (ORDER BY id) - 1 AS place FROM subscribers_subscriber) reader
ORDER BY id
"""


def plan(readers: int, each: int) -> None:
    """Write batches for so many readers, of whom each digest has `each`, for the configured provider."""
    with clock.at(NOW), transaction.atomic():
        digests = make_digests(-(-readers // each))
        preferences = Preferences.objects.create(key="k", max_papers=PAPERS)
        with provider_of(settings) as provider:
            lane, most = provider.lane, provider.most
        batches = Batch.objects.bulk_create(
            Batch(lane=lane, made_at=NOW) for _ in range(-(-readers // settings.BATCH_SIZE))
        )
        values: dict[str, Any] = {
            "now": NOW,
            "latest": NOW + timedelta(hours=12),
            "count": readers,
            "preferences": preferences.pk,
            "each": each,
            "digests": digests,
            "batches": [batch.pk for batch in batches],
            "size": settings.BATCH_SIZE,
            "a_call": min(each, most) if lane == "merge" else most,
        }
        with connection.cursor() as cursor:
            cursor.execute(READERS, values)
            cursor.execute(DELIVERIES, values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def make_digests(count: int) -> list[int]:
    issue, cards, dice = make_issue(), [card.pk for card in make_cards()], random.Random(3)
    with connection.cursor() as cursor, cursor.copy(DIGESTS) as copy:
        for number in range(count):
            papers = "{" + ",".join(map(str, dice.sample(cards, PAPERS))) + "}"
            copy.write_row((UUID(int=number), issue.pk, papers, False, f"Paper {number}, and 11 more papers", NOW))
    return list(Digest.objects.order_by("pk").values_list("pk", flat=True))
