"""What a choice would have brought on the last days, before it is saved. Pure: no database, clock or settings.

The index of an issue serves every choice for as long as it is kept, so nothing of one choice is written into it: what
a choice follows or mutes is looked up into a copy. For one choice it is quicker to look for its few words in the
texts than to take the texts apart, as selection does for a million readers.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from digests.selection.entry_index import Choice, Entry, IssueIndex, entries_of_papers
from digests.selection.rules import OlderIssue, select
from newsletter.papers.topics.phrase_matching import PhraseIndex, normalise, split_words

MARKS = ".,;:!?()"  # no phrase reaches across one
MARK = re.compile(f"[{MARKS}]")
BETWEEN = f"(?:[^\\w{MARKS}]|_)*"  # two words of a phrase


@dataclass(frozen=True, slots=True)
class IssueDay:
    """A day of the calendar and the index of its issue, None where there was none."""

    date: date
    index: IssueIndex | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a day would have brought: the papers in their order."""

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
    """Days as a choice would have filled them, newest first."""

    days: Sequence[Effect]

    @property
    def issue_count(self) -> int:
        return sum(day.has_issue for day in self.days)

    @property
    def paper_count(self) -> int:
        return sum(day.count for day in self.days)

    @property
    def papers_an_issue(self) -> int:
        """The mean, rounded; 1 at least, as there is no digest without a paper."""
        return max(1, round(self.paper_count / max(1, self.issue_count)))


def effects(days: Iterable[IssueDay], choice: Choice) -> list[Effect]:
    """Return what `choice` would have brought on each of `days`, newest first.

    A paper comes on the first day it would have come and on no other, as for a reader who was there all the time.
    """
    found, had, earlier = list[Effect](), set[int](), list[IssueIndex]()
    for day in sorted(days, key=lambda day: day.date):
        if day.index is None:
            found.append(Effect(day.date, has_issue=False))
            continue
        index = readied(day.index, choice)
        found.append(effect_of(day.date, index, choice, had, earlier))
        earlier.insert(0, index)
    return found[::-1]


def first_effect(days: Iterable[IssueDay], choice: Choice) -> Effect | None:
    """Return what `choice` would have brought to a newcomer on the newest issue of `days`; None without one."""
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    issues = [(day.date, readied(day.index, choice)) for day in newest_first if day.index]
    if not issues:
        return None
    (day, index), *earlier = issues
    return effect_of(day, index, choice, set(), [index for _, index in earlier])


def effect_of(day: date, index: IssueIndex, choice: Choice, had: set[int], earlier: Iterable[IssueIndex]) -> Effect:
    """Return what `choice` brings on one day, filled up from `earlier` issues, and add it to the papers `had`."""
    chosen = select(index, choice, had, older_than(index, earlier)).items
    had.update(item.entry.paper_id for item in chosen)
    return Effect(day, True, tuple(item.entry for item in chosen if not item.entry.is_free))


def older_than(index: IssueIndex, earlier: Iterable[IssueIndex]) -> Iterator[OlderIssue]:
    """Yield earlier issues, each closed to papers that stand in a newer one."""
    newer = set(index.by_paper)
    for older in earlier:
        yield OlderIssue(older, older.free | entries_of_papers(older, newer))
        newer.update(older.by_paper)


def readied(index: IssueIndex, choice: Choice) -> IssueIndex:
    """Return a copy of `index` in which what `choice` follows or mutes is looked up."""
    phrases = {*choice.followed_phrases, *choice.muted_phrases}
    authors = {*choice.followed_authors, *choice.muted_authors}
    return replace(
        index,
        by_phrase=entries_with(index.entries, phrases) if phrases else {},
        by_author=entries_by(index.entries, authors) if authors else {},
        by_reason={},
    )


def entries_with(entries: Sequence[Entry], phrases: Iterable[str]) -> dict[str, int]:
    """Return for each phrase the mask of the entries that hold it."""
    masks = dict.fromkeys(phrases, 0)
    wanted = [Wanted(phrase) for phrase in masks]
    for number, entry in enumerate(entries):
        text = f"{entry.title}\n{entry.summary}"
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        small = text.casefold()
        for one in wanted:
            if one.stem in small and one.stands_in(text, small):
                masks[one.phrase] |= 1 << number
    return masks


class Wanted:
    """A phrase, and what its letters look like in every text that holds it."""

    def __init__(self, phrase: str) -> None:
        words = [normalise(word) for word in split_words(phrase.strip(" " + MARKS))]
        self.phrase = phrase
        self.finder = PhraseIndex([phrase])
        # A word's normal form begins its every spelling, but for the y that stands for -ie.
        stems = [word.removesuffix("y") for word in words]
        spellings = [re.escape(stem) + "[eiys]{0,3}" for stem in stems]
        self.stem = max(stems, key=len, default="")
        self.looks = re.compile(BETWEEN.join(spellings)) if words else None
        self.has_marks = any(map(MARK.match, words))

    def stands_in(self, text: str, small: str) -> bool:
        """Say whether `text` holds the phrase; `small` is the text in small letters."""
        found = self.looks.search(small) if self.looks else None
        if found and (self.has_marks or len(small) != len(text)):
            return bool(self.finder.find(text))
        while found and self.looks:
            start = max(text.rfind(mark, 0, found.start()) for mark in MARKS) + 1
            after = MARK.search(text, found.end())
            if self.finder.find(text[start : after.start() if after else None]):
                return True
            found = self.looks.search(small, after.end()) if after else None
        return False


def entries_by(entries: Sequence[Entry], authors: Collection[str]) -> dict[str, int]:
    """Return for each author the mask of the entries by that name, in whatever letter case."""
    masks = dict.fromkeys(map(str.casefold, authors), 0)
    for number, entry in enumerate(entries):
        for name in masks.keys() & set(map(str.casefold, entry.authors)):
            masks[name] |= 1 << number
    return {author: masks[author.casefold()] for author in authors}
