"""What one reader got on one day and why, or the one reason why not."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from digests.models import Card, CardsPruned, Delivery
from digests.previews import reader_day
from digests.previews.reader_day import Preview
from digests.selection import entry_index, rules
from newsletter.issues.models import Issue
from subscribers import digest_schedule
from subscribers.models import Subscriber

DAYS = {"daily": "one every day", "weekdays": "one on weekdays"}


def explain(reader: Subscriber, day: date) -> Iterator[str]:
    """Yield lines on every delivery of `reader` whose slot lies on `day` in the reader's zone."""
    deliveries = reader_day.deliveries_on(reader, day)
    if not deliveries:
        yield no_delivery(reader, day)
        yield from where_it_went(reader, day)
    for delivery in deliveries:
        yield from explain_delivery(reader, reader_day.preview_of(delivery))


def no_delivery(reader: Subscriber, day: date) -> str:
    """Say the one reason why nothing was due on a day."""
    if (left := no_subscription(reader, day)) is not None:
        return left
    if is_paused(reader, day):
        return f"No digest: paused until {reader.paused_until}."
    upcoming = reader.next_digest_local
    next_one = f"The next one is due {upcoming:%Y-%m-%d %H:%M} ({reader.timezone})."
    if not digest_schedule.is_day_of(reader.rhythm, day):
        return f"No digest was due on {day}: this reader gets {days_of(reader)}. {next_one}"
    return f"No digest was due on {day}. {next_one}"


def no_subscription(reader: Subscriber, day: date) -> str | None:
    """Say that the reader was not there yet, or not any more; None for a reader who was."""
    if reader.status == Subscriber.Status.PENDING:
        return "No digest: the subscription is pending."
    if reader.confirmed_at and day < (since := local_day(reader, reader.confirmed_at)):
        return f"No digest: the subscription was confirmed on {since}."
    if reader.status == Subscriber.Status.UNSUBSCRIBED:
        until = local_day(reader, reader.unsubscribed_at) if reader.unsubscribed_at else None
        if until is None or day >= until:
            return f"No digest: the subscription is unsubscribed{f', since {until}' if until else ''}."
        return f"No digest was due on {day}. The reader unsubscribed on {until}."
    return None


def local_day(reader: Subscriber, moment: datetime) -> date:
    return moment.astimezone(reader.timezone).date()


def is_paused(reader: Subscriber, day: date) -> bool:
    """Say whether the pause held on a day: its beginning is not recorded, but nothing is due while it lasts."""
    if reader.paused_until is None or day >= reader.paused_until:
        return False
    after, end = (datetime.combine(d, time(), reader.timezone) for d in (day, reader.paused_until))
    return not reader.deliveries.filter(slot__gte=after, slot__lt=end).exists()


def days_of(reader: Subscriber) -> str:
    return DAYS.get(reader.frequency) or f"one a week, on {reader.get_weekday_display()}s"


def where_it_went(reader: Subscriber, day: date) -> Iterator[str]:
    """Say which digest the issue of a day came with, where nothing was due on that day."""
    issue = Issue.objects.exclude(published_at=None).filter(date=day).first()
    if issue is None:
        return
    if issue.status == Issue.Status.WITHDRAWN:
        yield f"The issue of {day} was withdrawn."
    spanning = reader.deliveries.filter(covered_from__lt=issue.published_at, covered_to__gte=issue.published_at)
    if (delivery := spanning.order_by("slot").last()) is not None:
        yield f"The issue of {day} is in the span of the digest of {local_day(reader, delivery.slot)}."


def explain_delivery(reader: Subscriber, preview: Preview) -> Iterator[str]:
    delivery = preview.delivery
    assert delivery is not None
    due = delivery.slot.astimezone(reader.timezone)
    yield f"Due {due:%Y-%m-%d %H:%M} ({reader.timezone}), delivery {delivery.pk}: {state_of(delivery)}"
    yield from explain_span(preview)
    if delivery.digest is not None:
        yield f"“{delivery.digest.subject}”, from the issue of {delivery.digest.issue.date}"
        if delivery.digest.is_fallback:
            yield "Nothing matched, and a first digest then brings the front’s best."
    yield from explain_chosen(delivery)
    yield from explain_rest(preview)


def state_of(delivery: Delivery) -> str:
    if delivery.status == Delivery.Status.SKIPPED:
        note = f" ({delivery.note})" if delivery.note else ""
        return f"no digest: {delivery.get_reason_display()}{note}"
    if delivery.status:
        return f"{delivery.get_status_display().lower()}. {delivery.note}"
    return "sent" if delivery.is_sent else "planned, not sent yet"


def explain_span(preview: Preview) -> Iterator[str]:
    """Say which issues the digest was chosen from, and which of its time were withdrawn before."""
    delivery, issues = preview.delivery, preview.span.issues
    assert delivery is not None
    if issues:
        papers, days = preview.span.index.paper_count, sorted(issue.date for issue in issues)
        yield f"Span: {listed(days)}, {papers} {'paper' if papers == 1 else 'papers'}"
    gone = Issue.objects.filter(withdrawn_at__lte=delivery.made_at, published_at__lte=delivery.made_at)
    since = delivery.covered_from or delivery.made_at - timedelta(days=1)
    for issue in gone.filter(published_at__gt=since).order_by("date"):
        yield f"The issue of {issue.date} was withdrawn before, at {issue.withdrawn_at:%Y-%m-%d %H:%M} (UTC)."


def listed(days: list[date]) -> str:
    if len(days) == 1:
        return f"the issue of {days[0]}"
    return f"{len(days)} issues, {days[0]} to {days[-1]}"


def explain_chosen(delivery: Delivery) -> Iterator[str]:
    try:
        cards: list[Card] = delivery.digest.cards if delivery.digest else []
    except CardsPruned:
        yield "It is too old: which papers it held is not kept any more."
        return
    for number, card in enumerate(cards, start=1):
        yield f"{number:3}. {card.entry.snapshot['title']}\n     {card.reason}"


def explain_rest(preview: Preview) -> Iterator[str]:
    """Yield why other papers were left out: of the front all, of the shelf what the reader's choice speaks of."""
    index, choice = preview.span.index, preview.choice
    if preview.answer.reason == Delivery.Reason.EXPIRED or not index.entries:
        return
    left = rules.why_left_out(index, choice, rules.Selection(tuple(preview.items)), preview.had)
    asked = entry_index.bits(rules.concerns(index, choice))
    named = [index.entries[number] for number in asked if index.entries[number].id in left]
    yield f"Left out: {len(left)}" + (f", of which {len(named)} concern this reader" if len(named) < len(left) else "")
    for entry in named:
        place = "" if entry.is_front else " (shelf)"
        yield f"   – {entry.title}{place}: {left[entry.id]}"
