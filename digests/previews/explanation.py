"""Explains what one reader got on one day and why, or the single reason why nothing came."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from digests.models import Card, CardsPruned, Delivery, Digest
from digests.previews import reader_day
from digests.previews.reader_day import Preview
from digests.selection import entry_index, rules
from newsletter.issues.models import Issue
from newsletter.number_text import pluralize
from subscribers import digest_schedule
from subscribers.models import Subscriber

FREQUENCY_WORDS = {"daily": "one every day", "weekdays": "one on weekdays"}


def explain(reader: Subscriber, day: date) -> Iterator[str]:
    """Yield lines on every delivery of `reader` whose slot lies on `day` in the reader's zone."""
    deliveries = reader_day.deliveries_on(reader, day)
    if not deliveries:
        yield explain_no_delivery(reader, day)
        yield from explain_issue_of_day(reader, day)
    for delivery in deliveries:
        yield from explain_delivery(reader, reader_day.preview_delivery(delivery))


def explain_no_delivery(reader: Subscriber, day: date) -> str:
    """Return the single reason why nothing was due on `day`."""
    if (reason := explain_no_subscription(reader, day)) is not None:
        return reason
    if is_paused(reader, day):
        return f"No digest: paused until {reader.paused_until}."
    upcoming = reader.next_digest_local
    next_one = f"The next one is due {upcoming:%Y-%m-%d %H:%M} ({reader.timezone})."
    if not digest_schedule.is_day_of(reader.rhythm, day):
        return f"No digest was due on {day}: this reader gets {describe_frequency(reader)}. {next_one}"
    return f"No digest was due on {day}. {next_one}"


def explain_no_subscription(reader: Subscriber, day: date) -> str | None:
    """Return why the reader was not subscribed on `day`; None when the subscription was active."""
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
    """Return whether the reader was paused on `day`.

    The start of a pause is not stored. Nothing is due during a pause, so a delivery between `day` and its end means
    that the pause began after `day`.
    """
    if reader.paused_until is None or day >= reader.paused_until:
        return False
    after, end = (datetime.combine(d, time(), reader.timezone) for d in (day, reader.paused_until))
    return not reader.deliveries.filter(slot__gte=after, slot__lt=end).exists()


def describe_frequency(reader: Subscriber) -> str:
    return FREQUENCY_WORDS.get(reader.frequency) or f"one a week, on {reader.get_weekday_display()}s"


def explain_issue_of_day(reader: Subscriber, day: date) -> Iterator[str]:
    """Yield what became of the issue of `day`: its withdrawal, and the digest whose span contains it."""
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
    yield f"Due {due:%Y-%m-%d %H:%M} ({reader.timezone}), delivery {delivery.pk}: {describe_delivery(delivery)}"
    yield from explain_span(preview)
    if delivery.digest is not None:
        yield f"“{delivery.digest.subject}”, from the issue of {delivery.digest.issue.date}"
        if delivery.digest.is_fallback:
            yield f"It has the best papers of the front, because {fallback_words(delivery.digest)}."
    yield from explain_papers(delivery)
    yield from explain_left_out(preview)


def fallback_words(digest: Digest) -> str:
    """Return why a digest falls back; digests from before reasons were stored have none."""
    return str(Digest.FallbackReason(digest.fallback_reason or Digest.FallbackReason.NO_PAPER).label)


def describe_delivery(delivery: Delivery) -> str:
    is_skipped = delivery.status == Delivery.Status.SKIPPED
    words = f"no digest: {delivery.get_reason_display()}" if is_skipped else delivery.state_label.lower()
    return f"{words} ({delivery.note})" if delivery.note else words


def explain_span(preview: Preview) -> Iterator[str]:
    """Yield the issues the digest was chosen from, and the issues of that time that were withdrawn before it."""
    delivery, issues = preview.delivery, preview.span.issues
    assert delivery is not None
    if issues:
        papers, days = preview.span.index.paper_count, sorted(issue.date for issue in issues)
        yield f"Span: {describe_issues(days)}, {pluralize(papers, 'paper')}"
    withdrawn = Issue.objects.filter(withdrawn_at__lte=delivery.made_at, published_at__lte=delivery.made_at)
    since = delivery.covered_from or delivery.made_at - timedelta(days=1)
    for issue in withdrawn.filter(published_at__gt=since).order_by("date"):
        yield f"The issue of {issue.date} was withdrawn before, at {issue.withdrawn_at:%Y-%m-%d %H:%M} (UTC)."


def describe_issues(days: list[date]) -> str:
    if len(days) == 1:
        return f"the issue of {days[0]}"
    return f"{len(days)} issues, {days[0]} to {days[-1]}"


def explain_papers(delivery: Delivery) -> Iterator[str]:
    try:
        cards: list[Card] = delivery.digest.cards if delivery.digest else []
    except CardsPruned:
        yield "It is too old: the list of its papers is no longer kept."
        return
    for number, card in enumerate(cards, start=1):
        yield f"{number:3}. {card.entry.snapshot['title']}\n     {card.reason}"


def explain_left_out(preview: Preview) -> Iterator[str]:
    """Yield why papers were left out: how many in all, and each one that concerns the reader's preferences."""
    index, choice = preview.span.index, preview.choice
    if preview.result.reason == Delivery.Reason.EXPIRED or not index.entries:
        return
    content = preview.result.content
    is_fallback = content is not None and content.is_fallback
    left = rules.reasons_left_out(index, choice, preview.items, preview.had, is_fallback=is_fallback)
    asked = entry_index.bits(rules.entries_to_explain(index, choice))
    named = [index.entries[number] for number in asked if index.entries[number].id in left]
    yield f"Left out: {len(left)}" + (f", of which {len(named)} concern this reader" if len(named) < len(left) else "")
    for entry in named:
        place = "" if entry.is_front else " (shelf)"
        yield f"   – {entry.title}{place}: {left[entry.id]}"
