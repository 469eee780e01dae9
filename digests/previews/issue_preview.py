"""An issue's mail as somebody would get it now: the public issue, some topics or one reader. It is kept nowhere."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from digests.mail import cards as mail_cards
from digests.mail import compose, slots
from digests.mail import subject as mail_subject
from digests.models import Delivery
from digests.previews import reach, reader_day
from digests.selection import digest_choice, spans
from digests.selection.digest_choice import Drawn
from digests.selection.entry_index import Choice
from digests.selection.spans import Span, Spans
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from subscribers.digest_schedule import day_of, is_paused
from subscribers.models import Subscriber

NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; img-src {images}"
DARK = re.compile(r"\(\s*prefers-color-scheme:\s*dark\s*\)")
SCHEMES = re.compile(r'content="light dark"')
BOTH = re.compile(r"(color-scheme|supported-color-schemes):\s*light dark")


@dataclass(frozen=True, slots=True)
class Sight:
    """One mail, or the reason why none would come."""

    whose: str
    subject: str = ""
    html: str = ""
    text: str = ""
    count: int = 0
    reason: str = ""


def public(issue: Issue) -> Sight:
    """Return the whole front, as it would be published now."""
    source = reach.standing(issue, clock.now())
    if source.coming:
        kept = [entry for entry in source.coming.entries if entry.dropped_at is None]
        entries = [entry for entry in kept if entry.shelf == IssueEntry.Shelf.FRONT]
    else:
        entries = list(issue.entries.front().kept().select_related("paper").order_by("position"))
    return composed("The public issue", issue, [(entry, entry.snapshot, "") for entry in entries])


def for_topics(issue: Issue, topics: Collection[str], names: Sequence[str], lead: str = "") -> Sight:
    """Return what a new reader of these topics would get of the issue."""
    now, choice = clock.now(), Choice(frozenset(topics))
    source = reach.standing(issue, now)
    span = source.span_of([source.coming.issue if source.coming else issue], [choice])
    whose = f"A reader of {', '.join(names)}" if names else "A reader without topics"
    found = digest_choice.draw(span, choice, (), is_first=False)
    return drawn(whose, issue, source, span, choice, found, lead)


def for_reader(issue: Issue, reader: Subscriber, lead: str = "") -> Sight:
    """Return what a reader would get next, were the issue published and the reader due now."""
    now, whose = clock.now(), "One reader"
    if reader.status != Subscriber.Status.ACTIVE or reader.next_digest_at is None:
        return Sight(whose, reason=f"the reader gets no mail: {reader.get_status_display().lower()}")
    if is_paused(reader.rhythm, day_of(reader.rhythm, max(now, reader.next_digest_at))):
        return Sight(whose, reason=str(Delivery.Reason.PAUSED.label))
    source = reach.standing(issue, now)
    choice = spans.choices_of([reader.preferences_id], now)[reader.preferences_id]
    span = source.of(reader.covered_through, choice)
    had = reader_day.same_as(reader_day.papers_had(Delivery.objects.filter(subscriber=reader), now), source)
    found = digest_choice.draw(span, choice, had, is_first=reader.covered_through is None)
    return drawn(whose, issue, source, span, choice, found, lead)


def drawn(whose: str, issue: Issue, source: Spans, span: Span, choice: Choice, found: Drawn, lead: str) -> Sight:
    if found.reason:
        return Sight(whose, reason=str(Delivery.Reason(found.reason).label))
    items = digest_choice.items_of(span, choice, found)
    rows = {row.pk: row for row in IssueEntry.objects.filter(pk__in=[item.entry.id for item in items])}
    rows |= {row.pk: row for row in source.coming.entries} if source.coming else {}
    lead = f"{lead} {compose.FALLBACK_LEAD if found.is_fallback else ''}".strip()
    cards = [(rows[item.entry.id], rows[item.entry.id].snapshot, item.reason) for item in items]
    return composed(whose, issue, cards, lead)


def composed(whose: str, issue: Issue, cards: Sequence[mail_cards.Item], lead: str = "") -> Sight:
    if not cards:
        return Sight(whose, reason="the front is empty")
    subject = mail_subject.subject_of(issue, cards[0][1]["title"], len(cards))
    parts = compose.compose_items(issue, cards, subject, lead)
    links = dict.fromkeys(slots.READER_SLOTS, settings.SITE_URL)
    html, text = slots.fill(parts.html, links), slots.fill(parts.text, links)
    return Sight(whose, subject, html, text, len(cards))


def shown(html: str, *, is_dark: bool, has_images: bool) -> str:
    """Return a mail for a frame: light or dark whatever the screen is, without scripts, its links going outside."""
    scheme = "dark" if is_dark else "light"
    html = DARK.sub("all" if is_dark else "not all", html)
    html = SCHEMES.sub(f'content="{scheme}"', BOTH.sub(rf"\1: {scheme}", html))
    policy = NO_SCRIPT.format(images="https: data:" if has_images else "'none'")
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}"><base target="_blank">'
    return html.replace("<head>", head, 1)
