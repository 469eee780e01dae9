"""Splits a batch into calls again, for another provider than it was assembled for or for a smaller limit."""

from django.db import connection, transaction
from django.db.models import Count

from digests.models import Batch, Delivery
from digests.models.delivery_state import is_ahead_of
from digests.providers import Provider


def fit_calls(batch: Batch, provider: Provider) -> None:
    """Split the calls ahead of a batch again unless they fit `provider`."""
    ahead = Delivery.objects.filter(is_ahead_of(batch, batch.position))
    sizes = ahead.values("call_no").annotate(size=Count("pk")).filter(size__gt=provider.most)
    if batch.lane != provider.lane or sizes.exists():
        split_calls(batch, provider, batch.position, most=provider.most)


SPLIT = """
UPDATE digests_delivery delivery SET call_no = anew.call_no
FROM (
  SELECT id, %(position)s + dense_rank() OVER (ORDER BY shared, place / %(most)s) - 1 AS call_no
  FROM (
    SELECT id, CASE WHEN %(shares_content)s THEN digest_id END AS shared,
           row_number() OVER (PARTITION BY CASE WHEN %(shares_content)s THEN digest_id END ORDER BY call_no, id) - 1
             AS place
    FROM digests_delivery WHERE batch_id = %(batch)s AND call_no >= %(position)s AND status IS NULL
  ) placed
) anew
WHERE anew.id = delivery.id
"""


@transaction.atomic
def split_calls(batch: Batch, provider: Provider, position: int, most: int) -> None:
    """Split the calls from `position` on into calls of at most `most` readers."""
    values = {"batch": batch.pk, "position": position, "most": most, "shares_content": provider.shares_content}
    with connection.cursor() as cursor:
        cursor.execute(SPLIT, values)
    Batch.objects.filter(pk=batch.pk).update(lane=provider.lane)
    batch.lane = provider.lane


# The first deliveries of the call stay in it; the rest of it, and all later calls, move on by one.
LIMIT_NEXT_CALL = """
UPDATE digests_delivery delivery SET call_no = delivery.call_no + 1
WHERE delivery.batch_id = %(batch)s AND delivery.call_no >= %(position)s
  AND delivery.id <> ALL (ARRAY(
    SELECT id FROM digests_delivery
    WHERE batch_id = %(batch)s AND call_no = %(position)s AND status IS NULL ORDER BY id LIMIT %(room)s))
"""


def limit_next_call(batch: Batch, position: int, room: int) -> None:
    """Limit the next call of a batch, the first at or after `position`, to `room` readers."""
    ahead = Delivery.objects.filter(is_ahead_of(batch, position))
    first = ahead.order_by("call_no").values_list("call_no", flat=True).first()
    if first is not None:
        with connection.cursor() as cursor:
            cursor.execute(LIMIT_NEXT_CALL, {"batch": batch.pk, "position": first, "room": room})
