"""Recomputes a reader's digests of one day from the issues, the preferences and what the reader had already received.

Later changes are ignored: entries dropped, issues withdrawn and topics retired since then count as they did when the
digest was assembled. The stored digest is not read, so that the two can be compared.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings

from digests.assembly import digest_rows, history_of_reader
from digests.mail import compose, slots, subject
from digests.models import Delivery, Digest
from digests.selection import digest_choice, spans
from digests.selection.digest_choice import DigestChoice
from digests.selection.entry_index import Choice, Item
from digests.selection.spans import Span, Spans
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.community import objections
from subscribers import digest_schedule
from subscribers.models import Subscriber

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Preview:
    """The digest of one slot, or the reason why there is none, with the inputs of that choice."""

    slot: datetime
    delivery: Delivery | None  # None when nothing was due
    span: Span
    choice: Choice
    had: frozenset[int]  # the papers that the reader was sent before
    result: DigestChoice

    @property
    def items(self) -> list[Item]:
        """The papers in their order, each with the reason it is there."""
        return list(self.result.content.items) if self.result.content else []

    @property
    def issue(self) -> Issue | None:
        """The newest issue of the span, which provides the subject, intro and footer of the mail."""
        return self.span.issues[0] if self.span.issues else None

    @property
    def subject(self) -> str:
        if self.issue is None or not self.items:
            return ""
        return subject.subject_for(self.issue, self.items)

    @property
    def reason(self) -> str:
        """Why there is no digest, in words; empty when there is one."""
        words = Delivery.Reason(self.result.reason).label if self.result.reason else ""
        return f"{words} ({self.result.note})" if self.result.note else str(words)

    def compose(self) -> slots.Parts | None:
        """Return the mail with its reader slots still to fill, None when there is no digest. Stores missing cards."""
        content = self.result.content
        if content is None:
            return None
        digest_rows.write_cards([content])
        card_ids = [item.card_id for item in content.items if item.card_id]
        return compose.compose(
            Digest(
                issue=self.issue,
                card_ids=card_ids,
                kind=content.kind,
                first_day=content.first_day,
                is_fallback=content.is_fallback,
                fallback_reason=content.fallback_reason,
                subject=self.subject,
            )
        )


def preview_day(reader: Subscriber, day: date) -> list[Preview]:
    """Return the reader's digests whose slots lie on `day` in the reader's zone, in order.

    If nothing was due, return what the present preferences would have brought from the issue of that day.
    """
    deliveries = deliveries_on(reader, day)
    return [preview_delivery(delivery) for delivery in deliveries] or [preview_without_delivery(reader, day)]


def deliveries_on(reader: Subscriber, day: date) -> list[Delivery]:
    start, end = (datetime.combine(d, time(), reader.timezone).astimezone(UTC) for d in (day, day + DAY))
    rows = reader.deliveries.filter(slot__gte=start, slot__lt=end).order_by("slot")
    return list(rows.select_related("digest__issue", "batch"))


def preview_delivery(delivery: Delivery) -> Preview:
    """Recompute a delivery as assembly did when it was made."""
    at, since = delivery.made_at, delivery.covered_from
    choice = spans.choices_of([delivery.preferences_id], at)[delivery.preferences_id]
    source = Spans(at)
    earlier = Delivery.objects.filter(subscriber=delivery.subscriber_id, pk__lt=delivery.pk)
    had = history_of_reader.papers_sent_in(earlier, source)
    objected = objections.pairs_of(delivery.subscriber_id, at)
    span = source.without(source.of(since, choice), objected, choice, had)
    if reason := blocking_reason(delivery):
        result = DigestChoice(None, reason=reason)
    else:
        is_weekly = delivery.subscriber is not None and delivery.subscriber.is_weekly
        result = digest_choice.choose_digest(span, choice, had, is_first=since is None, is_weekly=is_weekly)
    return Preview(delivery.slot, delivery, span, choice, had, result)


def blocking_reason(delivery: Delivery) -> str:
    """Return why assembly made no choice for this delivery, empty if it did.

    A past pause is known only from the delivery: the reader's row holds the present pause.
    """
    if delivery.reason == Delivery.Reason.PAUSED:
        return Delivery.Reason.PAUSED
    # A first digest is never too late, and has no covered_from.
    is_late = delivery.covered_from and delivery.slot < delivery.made_at - settings.DIGEST_LATEST
    return Delivery.Reason.EXPIRED if is_late else ""


def preview_without_delivery(reader: Subscriber, day: date) -> Preview:
    slot = digest_schedule.moment(day, reader.send_time, reader.timezone)
    at = min(clock.now(), max(slot, datetime.combine(day + DAY, time(), UTC)))
    choice = spans.choices_of([reader.preferences_id], at)[reader.preferences_id]
    source = Spans(at)
    had = history_of_reader.papers_sent_in(Delivery.objects.filter(subscriber=reader, slot__lt=slot), source)
    span = source.span_of(list(Issue.objects.out(at).filter(date=day)), [choice])
    span = source.without(span, objections.pairs_of(reader.pk, at), choice, had)
    result = digest_choice.choose_digest(span, choice, had, is_first=False)
    return Preview(slot, None, span, choice, had, result)
