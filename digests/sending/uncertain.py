"""Settles uncertain deliveries: by what a person says, or by what providers reported."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet

from digests.models import Delivery, ProviderEvent
from digests.models.delivery_state import is_unknown
from digests.sending import outcome_recording
from newsletter import clock


@transaction.atomic
def settle_by_hand(deliveries: QuerySet[Delivery], was_sent: bool, by: str) -> list[int]:
    """Settle those of which nobody knows whether they left, in the name `by`; return their ids. Nothing is sent again.

    A delivery that was not sent gives its span back, so that its papers come with the reader's next digest. One that
    was abandoned has done so before, and takes nothing back.
    """
    chosen = Delivery.objects.filter(is_unknown(), pk__in=deliveries.order_by().values("pk"))
    ids = list(chosen.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    status = Delivery.Status.SENT if was_sent else Delivery.Status.ABANDONED
    Delivery.objects.filter(pk__in=ids).update(status=status, settled_by=by, settled_at=clock.now())
    if not was_sent:
        outcome_recording.give_back_spans(ids)
    return ids


SETTLED_BY_EVENTS = "Settled by what the provider reported."

Kind = ProviderEvent.Kind
FACT_COLUMNS = {
    Kind.DELIVERED: "delivered_at",
    Kind.BOUNCED: "bounced_at",
    Kind.SOFT_BOUNCED: "soft_bounced_at",
    Kind.COMPLAINED: "complained_at",
}


def settle_uncertain() -> int:
    """Settle deliveries that became uncertain after their events were applied; return how many."""
    uncertain = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN)
    return settle_by_events(list(uncertain.values_list("pk", flat=True)))


@transaction.atomic
def settle_by_events(delivery_ids: Iterable[int]) -> int:
    """Set the status that all events of a delivery prove together; return how many changed.

    Only uncertain and abandoned deliveries change, and those settled by events before. “Sent” by a person stays.
    """
    unknown = Q(status__in=(Delivery.Status.UNCERTAIN, Delivery.Status.ABANDONED)) | Q(note=SETTLED_BY_EVENTS)
    unsettled = list(Delivery.objects.filter(unknown, pk__in=set(delivery_ids)).values_list("pk", flat=True))
    kinds_of: dict[int, set[str]] = defaultdict(set)
    events = ProviderEvent.objects.counted().exclude(applied_at=None)
    events = events.filter(delivery_id__in=unsettled).exclude(delivery_id=None)
    for delivery_id, kind in events.values_list("delivery_id", "kind").distinct() if unsettled else ():
        kinds_of[delivery_id or 0].add(kind)
    proven: dict[Delivery.Status, list[int]] = defaultdict(list)
    for pk, kinds in kinds_of.items():
        if status := status_proven_by(kinds):
            proven[status].append(pk)
    rows = Delivery.objects.filter(unknown, pk__in=[pk for ids in proven.values() for pk in ids])
    settled = set(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    for status, ids in proven.items():
        Delivery.objects.filter(pk__in=settled & {*ids}).update(status=status, note=SETTLED_BY_EVENTS, reason="")
    outcome_recording.give_back_spans(settled & {*proven[Delivery.Status.REJECTED]})
    return len(settled)


def status_proven_by(kinds: set[str]) -> Delivery.Status | None:
    """Return the status that all events of one mail prove, None for none. Some providers accept before they reject."""
    if kinds & {*FACT_COLUMNS, Kind.UNSUBSCRIBED}:
        return Delivery.Status.SENT
    if Kind.REJECTED in kinds:
        return Delivery.Status.REJECTED
    return Delivery.Status.SENT if Kind.ACCEPTED in kinds else None
