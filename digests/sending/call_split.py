"""How a batch is cut into calls where its provider is not the one it was assembled for, or takes less at once."""

from django.db import connection, transaction
from django.db.models import Count

from digests.models import Batch, Delivery
from digests.models.delivery_state import is_ahead_of
from digests.providers import Provider


def fit(batch: Batch, provider: Provider) -> None:
    """Cut the calls ahead of a batch anew where they do not fit `provider`."""
    ahead = Delivery.objects.filter(is_ahead_of(batch, batch.position))
    sizes = ahead.values("call_no").annotate(size=Count("pk")).filter(size__gt=provider.most)
    if batch.lane != provider.lane or sizes.exists():
        cut(batch, provider, batch.position, most=provider.most)


CUT = """
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
def cut(batch: Batch, provider: Provider, position: int, most: int) -> None:
    """Cut the calls from `position` on into calls of at most `most` readers."""
    values = {"batch": batch.pk, "position": position, "most": most, "shares_content": provider.shares_content}
    with connection.cursor() as cursor:
        cursor.execute(CUT, values)
    Batch.objects.filter(pk=batch.pk).update(lane=provider.lane)
    batch.lane = provider.lane


# Of the call at a position only the first keep it; the others of that call, and all calls behind, move on by one.
CUT_OFF = """
UPDATE digests_delivery delivery SET call_no = delivery.call_no + 1
WHERE delivery.batch_id = %(batch)s AND delivery.call_no >= %(position)s
  AND delivery.id <> ALL (ARRAY(
    SELECT id FROM digests_delivery
    WHERE batch_id = %(batch)s AND call_no = %(position)s AND status IS NULL ORDER BY id LIMIT %(room)s))
"""


def cut_off(batch: Batch, position: int, room: int) -> None:
    """Let the next call of a batch, the one at `position` or the first behind it, hold at most `room` readers."""
    ahead = Delivery.objects.filter(is_ahead_of(batch, position))
    first = ahead.order_by("call_no").values_list("call_no", flat=True).first()
    if first is not None:
        with connection.cursor() as cursor:
            cursor.execute(CUT_OFF, {"batch": batch.pk, "position": first, "room": room})
