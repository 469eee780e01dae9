"""What a person says of deliveries whose end nobody knows."""

from django.db import transaction
from django.db.models import QuerySet

from digests import recording
from digests.models import Delivery
from newsletter import clock


@transaction.atomic
def settle_by_hand(deliveries: QuerySet[Delivery], was_sent: bool, by: str) -> list[int]:
    """Settle those that are uncertain still, under a person's name, and return their ids; nothing is sent again.

    What was not sent gives its span back, so that its papers come with the reader's next digest.
    """
    chosen = Delivery.objects.filter(pk__in=deliveries.order_by().values("pk"), status=Delivery.Status.UNCERTAIN)
    ids = list(chosen.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    status = Delivery.Status.SENT if was_sent else Delivery.Status.ABANDONED
    Delivery.objects.filter(pk__in=ids).update(status=status, settled_by=by, settled_at=clock.now())
    if not was_sent:
        recording.give_back(ids)
    return ids
