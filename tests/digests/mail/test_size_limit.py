import re
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digests.mail import cards, compose, slots
from digests.mail.size_limit import ABSTRACT, BARE, LINES, LINKED, SHORT, TITLE, shorten_to_fit
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Paper
from subscribers.models import Preferences
from tests.mails import DAY, reader_links

PAPER = Paper(pk=1, title="Shown where an example fails")
WORST = "'"  # six bytes where it is escaped
UNITS = ["a ", "word ", "x", "&", WORST, '"', "<b>", "𝒜", "é ", "{{ x }} ", "."]


def texts(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    """Make texts that are cheap to make and reach every length."""
    sizes = st.integers(shortest, longest) | st.just(longest)
    return st.builds(lambda unit, size: ("." + unit * size)[:size].strip(), st.sampled_from(UNITS), sizes)


URLS = texts(480).map(lambda tail: f"https://example.org/{tail}")
CARDS = st.fixed_dictionaries(
    {
        "title": texts(500, 1),
        "summary": texts(20_000, 1),
        "authors": st.lists(texts(200, 1), max_size=4),
        "url": URLS,
        "pdf_url": URLS | st.just(""),
        "code_url": URLS | st.just(""),
        "project_url": URLS | st.just(""),
        "comments": st.integers(0, 10**9),
    }
)
ENTRIES = st.builds(
    IssueEntry,
    pk=st.just(10**9),
    issue=st.just(Issue(date=DAY)),
    paper=st.just(PAPER),
    is_pick=st.booleans(),
    note=texts(500),
)
ISSUES = st.builds(Issue, date=st.just(DAY), intro=texts(2_000), listings=texts(2_000))
# Selections are made of few cards: what matters is how many there are and how long they are.
ITEMS = st.lists(st.builds(cards.EntryToRender, ENTRIES, CARDS, texts(500)), min_size=1, max_size=4)

LONGEST_URL = "https://example.org/" + WORST * 480
LONGEST: dict[str, Any] = {
    "title": WORST * 500,
    "summary": WORST * 20_000,
    "authors": [WORST * 200] * 3,
    "url": LONGEST_URL,
    "pdf_url": LONGEST_URL,
    "code_url": LONGEST_URL,
    "project_url": LONGEST_URL,
    "comments": 10**9,
}


LONGEST_ENTRY = IssueEntry(pk=10**9, issue=Issue(date=DAY), paper=PAPER, is_pick=True, note=WORST * 500)


@settings(max_examples=60, deadline=None)
@given(ISSUES, ITEMS, st.integers(1, 30), st.sampled_from(Preferences.Detail.values))
@example(
    Issue(date=DAY, intro=WORST * 2_000, listings=WORST * 2_000),
    [cards.EntryToRender(LONGEST_ENTRY, LONGEST, WORST * 500)],
    30,
    ABSTRACT,
)
def test_any_mail_fits_names_every_paper_and_says_how_many_are_in_brief(
    issue: Issue, items: list[cards.EntryToRender], count: int, detail: str
) -> None:
    chosen = [item._replace(detail=detail) for item in (items * 30)[:count]]
    parts = compose.compose_items(issue, chosen, "A subject")
    page = slots.fill(parts.html, reader_links())

    assert len(page.encode()) <= 90_000
    whole = [f"{number} {card['title']}" for number, (_, card, *_) in enumerate(chosen, start=1)]
    assert [title[:100] for title in titles_in(page)] == [title[:100] for title in whole]
    if detail != TITLE:
        assert said_in_brief(page) == count - page.count('class="s"')


class Headings(HTMLParser):
    """Collects the words of second-level headings."""

    def __init__(self) -> None:
        super().__init__()
        self.is_inside = False
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "h2":
            self.is_inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_inside = self.is_inside and tag != "h2"

    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.found[-1] += data.replace("\u2002", " ")


def titles_in(page: str) -> list[str]:
    headings = Headings()
    headings.feed(page)
    return headings.found


def said_in_brief(page: str) -> int:
    found = re.search(r"its last (\d+ )?papers? (?:is|are) listed in brief", page)
    return int(found[1] or 1) if found else 0


class Sized(NamedTuple):
    place: int
    detail: str
    size: int


SIZES = {ABSTRACT: 20, LINES: 10, SHORT: 6, TITLE: 5, LINKED: 3, BARE: 1}


@pytest.mark.parametrize(
    ("chosen", "room", "details"),
    [
        (ABSTRACT, 60, [ABSTRACT, ABSTRACT, ABSTRACT]),
        (ABSTRACT, 59, [ABSTRACT, ABSTRACT, LINES]),
        (ABSTRACT, 30, [LINES, LINES, LINES]),
        (ABSTRACT, 29, [LINES, LINES, SHORT]),
        (LINES, 30, [LINES, LINES, LINES]),
        (LINES, 29, [LINES, LINES, SHORT]),
        (LINES, 18, [SHORT, SHORT, SHORT]),
        (LINES, 17, [SHORT, SHORT, LINKED]),
        (LINES, 6, [LINKED, BARE, BARE]),
        (LINES, 0, [BARE, BARE, BARE]),
        (TITLE, 15, [TITLE, TITLE, TITLE]),
        (TITLE, 14, [TITLE, TITLE, LINKED]),
        (TITLE, 0, [BARE, BARE, BARE]),
    ],
)
def test_papers_are_shortened_from_the_last_and_no_more_than_needed(
    chosen: str, room: int, details: list[str]
) -> None:
    def at(place: int, detail: str) -> Sized:
        return Sized(place, detail, SIZES[detail])

    assert shorten_to_fit([at(place, chosen) for place in range(3)], room, at) == [
        at(place, detail) for place, detail in enumerate(details)
    ]
