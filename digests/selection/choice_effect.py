"""Show what an unsaved choice would have brought on the last days. Pure: no database, clock or settings.

An issue's index is shared by all choices as long as it is kept in memory, so the matches of one choice are stored in a
copy. For a single choice, searching the texts for its few words is quicker than splitting every text into words, as
selection does for a million readers.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from digests.selection.entry_index import Choice, Entry, IssueIndex, entries_of_papers, index_prominence
from digests.selection.rules import OlderIssue, select
from newsletter.papers.topics.abbreviations import spellings_of
from newsletter.papers.topics.phrase_matching import PhraseIndex, normalise, split_words

MARKS = ".,;:!?()"  # no phrase spans one of these
MARK = re.compile(f"[{MARKS}]")
WORD_GAP = f"(?:[^\\w{MARKS}]|_)*"  # what may stand between two words of a phrase


@dataclass(frozen=True, slots=True)
class IssueDay:
    """A calendar day and the index of its issue; None for a day without an issue."""

    date: date
    index: IssueIndex | None


@dataclass(frozen=True, slots=True)
class Effect:
    """The papers that a day would have brought, in order."""

    date: date
    has_issue: bool
    papers: tuple[Entry, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(paper.title for paper in self.papers)

    @property
    def count(self) -> int:
        return len(self.papers)


@dataclass(frozen=True, slots=True)
class Week:
    """What each of several days would have brought, newest first."""

    days: Sequence[Effect]

    @property
    def issue_count(self) -> int:
        return sum(day.has_issue for day in self.days)

    @property
    def paper_count(self) -> int:
        return sum(day.count for day in self.days)

    @property
    def papers_an_issue(self) -> int:
        """Return the rounded mean, at least 1, because no digest is sent without a paper."""
        return max(1, round(self.paper_count / max(1, self.issue_count)))


def effects(days: Iterable[IssueDay], choice: Choice) -> list[Effect]:
    """Return what `choice` would have brought on each of `days`, newest first.

    Each paper comes only on the first day that would have brought it, as for a reader subscribed all along.
    """
    found, had, earlier = list[Effect](), set[int](), list[IssueIndex]()
    for day in sorted(days, key=lambda day: day.date):
        if day.index is None:
            found.append(Effect(day.date, has_issue=False))
            continue
        index = index_for_choice(day.index, choice)
        found.append(effect_of(day.date, index, choice, had, earlier))
        earlier.insert(0, index)
    return found[::-1]


def first_effect(days: Iterable[IssueDay], choice: Choice) -> Effect | None:
    """Return what the newest issue of `days` would have brought to a new reader; None if no day has an issue."""
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    # Lazy, because the newest issue alone fills most digests.
    issues = ((day.date, index_for_choice(day.index, choice)) for day in newest_first if day.index)
    if (newest := next(issues, None)) is None:
        return None
    day, index = newest
    return effect_of(day, index, choice, set(), (older for _, older in issues))


def effect_of(day: date, index: IssueIndex, choice: Choice, had: set[int], earlier: Iterable[IssueIndex]) -> Effect:
    """Return what `choice` brings on one day, with `earlier` issues for the room left; add its papers to `had`."""
    chosen = select(index, choice, had, older_issues(index, earlier))
    had.update(item.entry.paper_id for item in chosen)
    return Effect(day, True, tuple(item.entry for item in chosen if not item.entry.is_free))


def older_issues(index: IssueIndex, earlier: Iterable[IssueIndex]) -> Iterator[OlderIssue]:
    """Yield `earlier` issues, in each of which the papers that a newer issue holds are closed."""
    newer = set(index.by_paper)
    for older in earlier:
        yield OlderIssue(older, older.free | entries_of_papers(older, newer))
        newer.update(older.by_paper)


def index_for_choice(index: IssueIndex, choice: Choice) -> IssueIndex:
    """Return a copy of `index` with the matches of what `choice` follows or mutes."""
    phrases = {*choice.followed_phrases, *choice.muted_phrases}
    authors = {*choice.followed_authors, *choice.muted_authors}
    copy = replace(
        index,
        by_phrase=entries_with(index.entries, phrases) if phrases else {},
        by_title_phrase={},
        by_repeated_phrase={},
        by_author=entries_by(index.entries, authors) if authors else {},
        by_reason={},
    )
    for phrase in choice.followed_phrases:
        index_prominence(copy, phrase)
    return copy


def entries_with(entries: Sequence[Entry], phrases: Iterable[str]) -> dict[str, int]:
    """Return the mask of the entries that hold each phrase, by the phrase."""
    masks = dict.fromkeys(phrases, 0)
    searches = [(phrase, PhraseSearch(spelling)) for phrase in masks for spelling in spellings_of(phrase)]
    for number, entry in enumerate(entries):
        text = f"{entry.title}\n{entry.summary}"
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        small = text.casefold()
        for phrase, search in searches:
            if search.stem in small and search.is_in(text, small):
                masks[phrase] |= 1 << number
    return masks


class PhraseSearch:
    """A phrase, and a pattern that every text with the phrase matches."""

    def __init__(self, phrase: str) -> None:
        words = [normalise(word) for word in split_words(phrase.strip(" " + MARKS))]
        self.finder = PhraseIndex([phrase])
        # Every spelling of a word begins with its normal form, except that a final y may stand for -ie.
        stems = [word.removesuffix("y") for word in words]
        spellings = [re.escape(stem) + "[eiys]{0,3}" for stem in stems]
        self.stem = max(stems, key=len, default="")
        self.pattern = re.compile(WORD_GAP.join(spellings)) if words else None
        self.has_marks = any(map(MARK.match, words))

    def is_in(self, text: str, small: str) -> bool:
        """Return True if `text` holds the phrase; `small` is the casefolded text."""
        found = self.pattern.search(small) if self.pattern else None
        if found and (self.has_marks or len(small) != len(text)):
            return bool(self.finder.find(text))
        while found and self.pattern:
            start = max(text.rfind(mark, 0, found.start()) for mark in MARKS) + 1
            after = MARK.search(text, found.end())
            if self.finder.find(text[start : after.start() if after else None]):
                return True
            found = self.pattern.search(small, after.end()) if after else None
        return False


def entries_by(entries: Sequence[Entry], authors: Collection[str]) -> dict[str, int]:
    """Return the mask of the entries by each author, by the author's name; letter case is ignored."""
    masks = dict.fromkeys(map(str.casefold, authors), 0)
    for number, entry in enumerate(entries):
        for name in masks.keys() & set(map(str.casefold, entry.authors)):
            masks[name] |= 1 << number
    return {author: masks[author.casefold()] for author in authors}
