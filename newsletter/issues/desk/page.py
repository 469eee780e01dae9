"""The content of an issue's admin page."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from newsletter.issues import markdown, publish
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers import paper_key, search
from newsletter.papers.community import objections
from newsletter.papers.community.objections import ObjectionCount
from newsletter.papers.forecast import forecasts
from newsletter.papers.models import Paper
from newsletter.papers.trending import ranking

FOUND = 20  # papers shown by a search
PHONE_SUBJECT = 45  # characters of a subject that a phone's inbox shows


class Card(NamedTuple):
    """One entry: its place among the kept ones (0: dropped), and what readers see of it."""

    entry: IssueEntry
    place: int
    last: int
    shown: dict[str, Any]
    forecast: int | None = None  # that it gets votes, in parts per million
    objections: Sequence[ObjectionCount] = ()  # readers who call one of its topics wrong

    @property
    def forecast_percent(self) -> float | None:
        return None if self.forecast is None else self.forecast / 10_000

    @property
    def listed_on(self) -> date:
        return date.fromisoformat(self.shown["listed_on"])

    @property
    def note(self) -> SafeString:
        return markdown.to_html(self.entry.note)

    @property
    def abstract(self) -> str:
        return self.entry.paper.abstract if self.entry.paper else ""


class Front(NamedTuple):
    kept: list[Card]
    dropped: list[Card]


class SearchResult(NamedTuple):
    """The result of a search; `link` is set if the text is a link to a paper we do not have."""

    asked: str
    papers: list[Paper]
    link: str


def front_of(issue: Issue) -> Front:
    """Return the cards of an issue's front in order, with a constant number of queries."""
    entries = issue.entries.front().select_related("paper").prefetch_related("paper__paper_topics__topic")
    cards = cards_of(issue, list(entries))
    return Front([card for card in cards if card.place], [card for card in cards if not card.place])


def cards_of(issue: Issue, entries: Sequence[IssueEntry]) -> list[Card]:
    papers = [entry.paper_id for entry in entries if entry.paper_id and not entry.snapshot]
    why = ranking.words_now(papers) if papers else {}
    foreseen = forecasts.forecasts_of([entry.paper_id for entry in entries if entry.paper_id])
    doubted = objections.open_counts([entry.paper_id for entry in entries if entry.paper_id])
    last = sum(entry.dropped_at is None for entry in entries)
    cards, place = [], 0
    for entry in entries:
        place += entry.dropped_at is None
        shown = entry.snapshot or publish.snapshot_of(entry, why.get(entry.paper_id or 0, ""))
        forecast = foreseen.get(entry.paper_id or 0)
        said = doubted.get(entry.paper_id or 0, ())
        cards.append(Card(entry, 0 if entry.dropped_at else place, last, shown, forecast, said))
    return cards


def find_papers(text: str) -> SearchResult:
    """Find known papers by words or by a link."""
    key = paper_key.key_of(text)
    if key is None:
        return SearchResult(text, search.search(text, FOUND), "")
    known = search.known_paper(key)
    return SearchResult(text, [known] if known else [], "" if known else text)
