"""What a person says of deliveries whose end nobody knows."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet

from digests.models import Delivery, ProviderEvent
from digests.sending import outcome_recording
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
        outcome_recording.give_back(ids)
    return ids


SETTLED = "Settled by what the provider reported."

Kind = ProviderEvent.Kind
FACTS = {
    Kind.DELIVERED: "delivered_at",
    Kind.BOUNCED: "bounced_at",
    Kind.SOFT_BOUNCED: "soft_bounced_at",
    Kind.COMPLAINED: "complained_at",
}


def settle_uncertain() -> int:
    """Settle deliveries that became uncertain after their events had been applied; return how many."""
    uncertain = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN)
    return settle(list(uncertain.values_list("pk", flat=True)))


def settle(delivery_ids: Iterable[int]) -> int:
    """Give deliveries of unknown end the status that all events of each prove together; what a person said stays."""
    unknown = Q(status__in=(Delivery.Status.UNCERTAIN, Delivery.Status.ABANDONED)) | Q(note=SETTLED)
    open_ids = list(Delivery.objects.filter(unknown, pk__in=set(delivery_ids)).values_list("pk", flat=True))
    heard: dict[int, set[str]] = defaultdict(set)
    events = ProviderEvent.objects.counted().exclude(applied_at=None)
    events = events.filter(delivery_id__in=open_ids).exclude(delivery_id=None)
    for delivery_id, kind in events.values_list("delivery_id", "kind").distinct() if open_ids else ():
        heard[delivery_id or 0].add(kind)
    settled: dict[int, Delivery.Status] = {}
    for pk, kinds in heard.items():
        status = verdict(kinds)
        if status and Delivery.objects.filter(unknown, pk=pk).update(status=status, note=SETTLED, reason=""):
            settled[pk] = status
    outcome_recording.give_back([pk for pk, status in settled.items() if status == Delivery.Status.REJECTED])
    return len(settled)


def verdict(kinds: set[str]) -> Delivery.Status | None:
    """Return what all the events of one mail prove. Some providers accept a mail before they reject it."""
    if kinds & {*FACTS, Kind.UNSUBSCRIBED}:
        return Delivery.Status.SENT
    if Kind.REJECTED in kinds:
        return Delivery.Status.REJECTED
    return Delivery.Status.SENT if Kind.ACCEPTED in kinds else None
