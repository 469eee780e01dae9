"""Previews an issue's mail as it would be sent now: to the public, for topics, or to one reader. Stores nothing."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from digests.assembly import history_of_reader
from digests.mail import compose, slots
from digests.mail.cards import EntryToRender
from digests.mail.masthead import fallback_lead
from digests.mail.reader_words import unnamed_slots
from digests.mail.size_limit import LINES
from digests.mail.subject import subject_for, subject_of
from digests.models import Delivery
from digests.previews import reach
from digests.selection import digest_choice, spans
from digests.selection.digest_choice import DigestChoice
from digests.selection.entry_index import Choice
from digests.selection.spans import Spans
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import objections
from subscribers.digest_schedule import day_of, is_paused
from subscribers.models import Subscriber

FRAME_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src {images}"
DARK_MEDIA_QUERY = re.compile(r"\(\s*prefers-color-scheme:\s*dark\s*\)")
COLOR_SCHEME_META = re.compile(r'content="light dark"')
COLOR_SCHEME_CSS = re.compile(r"(color-scheme|supported-color-schemes):\s*light dark")


@dataclass(frozen=True, slots=True)
class MailPreview:
    """One rendered mail, or the reason why there is none."""

    whose: str
    subject: str = ""
    html: str = ""
    text: str = ""
    count: int = 0
    reason: str = ""


def preview_public_issue(issue: Issue, detail: str = LINES) -> MailPreview:
    """Return the mail with the whole front of `issue`, as it would be published now."""
    source = reach.spans_if_published(issue, clock.now())
    if source.coming:
        kept = [entry for entry in source.coming.entries if entry.dropped_at is None]
        entries = [entry for entry in kept if entry.shelf == IssueEntry.Shelf.FRONT]
    else:
        entries = list(issue.entries.front().kept().select_related("paper").order_by("position"))
    items = [EntryToRender(entry, entry.snapshot, "", LINES if entry.is_free else detail) for entry in entries]
    return preview_front("The public issue", issue, items)


def preview_front(whose: str, issue: Issue, items: Sequence[EntryToRender]) -> MailPreview:
    if not items:
        return MailPreview(whose, reason="the front is empty")
    subject = subject_of(issue, items[0].card["title"], len(items))
    return fill_preview(whose, subject, compose.compose_items(issue, items, subject), len(items))


def preview_for_topics(
    issue: Issue, topics: Collection[str], names: Sequence[str], lead: str = "", detail: str = LINES
) -> MailPreview:
    """Return what a new reader who follows `topics` (slugs) would get of `issue`; `lead` opens the mail."""
    now, choice = clock.now(), Choice(frozenset(topics), detail=detail)
    source = reach.spans_if_published(issue, now)
    span = source.span_of([source.coming.issue if source.coming else issue], [choice])
    whose = f"A reader of {', '.join(names)}" if names else "A reader without topics"
    found = digest_choice.choose_digest(span, choice, (), is_first=False)
    return preview_choice(whose, issue, source, found, lead)


def preview_for_reader(issue: Issue, reader: Subscriber, lead: str = "") -> MailPreview:
    """Return what `reader` would get next if `issue` were published and the reader were due now."""
    now, whose = clock.now(), "One reader"
    if reader.status != Subscriber.Status.ACTIVE or reader.next_digest_at is None:
        return MailPreview(whose, reason=f"the reader gets no mail: {reader.get_status_display().lower()}")
    if is_paused(reader.rhythm, day_of(reader.rhythm, max(now, reader.next_digest_at))):
        return MailPreview(whose, reason=str(Delivery.Reason.PAUSED.label))
    source = reach.spans_if_published(issue, now)
    choice = spans.choices_of([reader.preferences_id], now)[reader.preferences_id]
    span = source.of(reader.covered_through, choice)
    had = history_of_reader.papers_sent_in(Delivery.objects.filter(subscriber=reader), source)
    span = source.without(span, objections.pairs_of(reader.pk, now), choice, had)
    is_first = reader.covered_through is None
    found = digest_choice.choose_digest(span, choice, had, is_first=is_first, is_weekly=reader.is_weekly)
    return preview_choice(whose, issue, source, found, lead)


def preview_choice(whose: str, issue: Issue, source: Spans, found: DigestChoice, lead: str) -> MailPreview:
    """Return the mail of what assembly would choose, or its reason to choose nothing."""
    if (content := found.content) is None:
        return MailPreview(whose, reason=str(Delivery.Reason(found.reason).label))
    chosen = IssueEntry.objects.filter(pk__in=[item.entry.id for item in content.items])
    rows = {row.pk: row for row in chosen.select_related("issue")}
    rows |= {row.pk: row for row in source.coming.entries} if source.coming else {}
    drawn = [(rows[item.entry.id], item) for item in content.items]
    items = [EntryToRender(row, row.snapshot, item.reason, item.detail) for row, item in drawn]
    why = fallback_lead(content.fallback_reason) if content.is_fallback else ""
    lead, subject = f"{lead} {why}".strip(), subject_for(issue, content.items)
    parts = compose.compose_items(issue, items, subject, lead, content.kind, content.first_day)
    return fill_preview(whose, subject, parts, len(items))


def fill_preview(whose: str, subject: str, parts: slots.Parts, count: int = 0) -> MailPreview:
    values = unnamed_slots(settings.SITE_URL)
    return MailPreview(whose, subject, slots.fill(parts.html, values), slots.fill(parts.text, values), count)


def html_for_frame(html: str, *, is_dark: bool, has_images: bool) -> str:
    """Return `html` for an iframe: fixed to light or dark, without scripts, with links that open outside the frame."""
    scheme = "dark" if is_dark else "light"
    html = DARK_MEDIA_QUERY.sub("all" if is_dark else "not all", html)
    html = COLOR_SCHEME_META.sub(f'content="{scheme}"', COLOR_SCHEME_CSS.sub(rf"\1: {scheme}", html))
    policy = FRAME_POLICY.format(images="https: data:" if has_images else "'none'")
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}"><base target="_blank">'
    return html.replace("<head>", head, 1)
