"""What one reader got on one day and why, or the one reason why not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from digests import selection, spans
from digests.models import Card, CardsPruned, Delivery
from subscribers.models import Subscriber


def explain(reader: Subscriber, day: date) -> Iterator[str]:
    """Yield lines on every delivery of `reader` whose slot lies on `day` in the reader's zone."""
    start = datetime.combine(day, time(), reader.timezone).astimezone(UTC)
    slots = reader.deliveries.filter(slot__gte=start, slot__lt=start + timedelta(days=1)).order_by("slot")
    deliveries = list(slots.select_related("digest__issue", "batch", "preferences"))
    if not deliveries:
        yield no_delivery(reader, day)
    for delivery in deliveries:
        yield from explain_delivery(reader, delivery)


def no_delivery(reader: Subscriber, day: date) -> str:
    if reader.status != Subscriber.Status.ACTIVE:
        return f"No digest: the subscription is {reader.get_status_display().lower()}."
    if reader.paused_until and day < reader.paused_until:
        return f"No digest: paused until {reader.paused_until}."
    upcoming = reader.next_digest_local
    return f"No digest was due on {day}. The next one is due {upcoming:%Y-%m-%d %H:%M} ({reader.timezone})."


def explain_delivery(reader: Subscriber, delivery: Delivery) -> Iterator[str]:
    due = delivery.slot.astimezone(reader.timezone)
    yield f"Due {due:%Y-%m-%d %H:%M} ({reader.timezone}), delivery {delivery.pk}: {state_of(delivery)}"
    if delivery.digest is None:
        return
    try:
        cards = delivery.digest.cards
    except CardsPruned:
        yield f"“{delivery.digest.subject}”: too old, which papers it held is not kept any more"
        return
    yield f"“{delivery.digest.subject}”, from the issue of {delivery.digest.issue.date}"
    for number, card in enumerate(cards, start=1):
        yield f"{number:3}. {card.entry.snapshot['title']}\n     {card.reason}"
    yield from explain_rest(delivery, {card.entry_id for card in cards})


def state_of(delivery: Delivery) -> str:
    if delivery.status == Delivery.Status.SKIPPED:
        note = f" ({delivery.note})" if delivery.note else ""
        return f"no digest: {delivery.get_reason_display()}{note}"
    if delivery.status:
        return f"{delivery.get_status_display().lower()}. {delivery.note}"
    return "sent" if delivery.is_sent else "planned, not sent yet"


def explain_rest(delivery: Delivery, sent: set[int]) -> Iterator[str]:
    """Yield why the other papers of the span's fronts were left out."""
    issues = spans.issues_since(delivery.covered_from, until=delivery.covered_to)
    choice = spans.choices_of([delivery.preferences_id])[delivery.preferences_id]
    index = spans.span_of(issues, [choice]).index
    items = tuple(selection.Item(0, entry, "") for entry in index.entries if entry.id in sent)
    had = selection.union(index.by_paper, papers_had(delivery))
    left = selection.why_left_out(index, choice, selection.Selection(items), had)
    yield f"Left out: {len(left)}"
    for entry in index.entries:
        if entry.id in left and entry.is_front:
            yield f"   – {entry.title}: {left[entry.id]}"


def papers_had(delivery: Delivery) -> set[int]:
    """Return the papers its reader was sent before it."""
    earlier = Delivery.objects.filter(subscriber=delivery.subscriber_id, slot__lt=delivery.slot).exclude(digest=None)
    gone = (Delivery.Status.SKIPPED, Delivery.Status.REJECTED, Delivery.Status.ABANDONED)
    orders = earlier.exclude(status__in=gone).values_list("digest__card_ids", flat=True)
    cards = {card_id for order in orders for card_id in order}
    return set(Card.objects.filter(pk__in=cards).values_list("entry__paper_id", flat=True))
