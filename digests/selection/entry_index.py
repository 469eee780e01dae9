from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter.papers.topics.phrase_matching import PhraseIndex, normalise, split_words

PICK = "Editors’ pick"
FREE = "From the editors"


@dataclass(frozen=True, slots=True)
class Entry:
    """What selection knows of one entry of a published issue."""

    id: int
    paper_id: int  # of a free item, less than 0
    is_front: bool
    is_pick: bool
    score: float
    votes: int
    title: str
    summary: str
    authors: tuple[str, ...]
    topics: Mapping[str, str]  # slug → name
    evidence: Mapping[str, str] = field(default_factory=dict)  # slug → the words that speak most for the topic

    @property
    def is_free(self) -> bool:
        """Say whether it is no paper, but a free item of the editors'."""
        return self.paper_id < 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What one reader chose; phrases and authors as they were typed."""

    topics: frozenset[str]
    followed_phrases: tuple[str, ...] = ()
    followed_authors: tuple[str, ...] = ()
    muted_phrases: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    max_papers: int = 10
    minimum_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """An entry and why it was chosen; `number` is its own in its index."""

    number: int
    entry: Entry
    reason: str


@dataclass(slots=True)
class IssueIndex:
    """The entries of a span in their order, and for each topic, phrase and author the mask of what it matches."""

    entries: list[Entry]
    shelf_per_topic: int
    topic_bits: list[int] = field(default_factory=list)  # of each entry, by `topic_number`
    topic_number: dict[str, int] = field(default_factory=dict)
    by_topic: dict[str, int] = field(default_factory=dict)
    by_phrase: dict[str, int] = field(default_factory=dict)
    by_author: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)  # authors casefolded, once one is asked for
    by_word: dict[str, int] = field(default_factory=dict)  # words normalised, once a phrase is asked for
    by_paper: dict[int, int] = field(default_factory=dict)
    words: list[list[str]] = field(default_factory=list)  # of each entry
    picks: int = 0
    front: int = 0
    free: int = 0  # free items; those that are no pick come along with papers, and never by themselves
    items: list[Item] = field(default_factory=list)
    by_reason: dict[tuple[int, int, str], Item] = field(default_factory=dict)

    @property
    def paper_count(self) -> int:
        return len(self.entries) - self.free.bit_count()

    def item(self, number: int, topics: int, words: str) -> Item:
        """Return the item of entry `number` for the topics of a mask and what else speaks for it."""
        key = (number, topics, words)
        if (found := self.by_reason.get(key)) is None:
            found = Item(len(self.items), self.entries[number], self.reason(number, topics, words))
            self.items.append(found)
            self.by_reason[key] = found
        return found

    def reason(self, number: int, topics: int, words: str) -> str:
        """Say why entry `number` was chosen: “Efficient training: pipeline parallelism · 41 votes”.

        What the reader follows stands instead of a topic.
        """
        entry = self.entries[number]
        parts = [FREE if entry.is_free else PICK * entry.is_pick, words or self.topic_reason(entry, topics)]
        if entry.votes:
            parts.append(f"{entry.votes} vote" + "s" * (entry.votes != 1))
        return " · ".join(filter(None, parts))

    def topic_reason(self, entry: Entry, topics: int) -> str:
        """Return one of an entry's topics in a mask with the words that speak for it."""
        slugs = [slug for slug in entry.topics if topics >> self.topic_number[slug] & 1]
        if not slugs:
            return ""
        slug = min(slugs, key=lambda slug: entry.topics[slug])
        return ": ".join(filter(None, [entry.topics[slug], entry.evidence.get(slug, "")]))


def build_index(
    entries: Iterable[Entry],
    choices: Iterable[Choice] = (),
    shelf_per_topic: int = 5,
) -> IssueIndex:
    """Index `entries` (in their order: front first, best first) for readers with these `choices`.

    A paper on a shelf and a front of the span stands once, on the front.
    """
    index = IssueIndex(list(unique_papers(entries)), shelf_per_topic)
    for number, entry in enumerate(index.entries):
        index.by_paper[entry.paper_id] = 1 << number
        index.picks |= entry.is_pick << number
        index.front |= entry.is_front << number
        index.free |= entry.is_free << number
    add_topics(index)
    for choice in choices:
        note_words(index, choice)
    return index


def unique_papers(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[int] = set()
    for entry in entries:
        if entry.paper_id not in seen:
            seen.add(entry.paper_id)
            yield entry


def add_topics(index: IssueIndex) -> None:
    """Note what each topic gives: all of the front, and the best few of the shelf."""
    on_shelf: dict[str, int] = {}
    for number, entry in enumerate(index.entries):
        own = 0
        for slug in entry.topics:
            own |= 1 << index.topic_number.setdefault(slug, len(index.topic_number))
            if not entry.is_front:
                on_shelf[slug] = on_shelf.get(slug, 0) + 1
            if entry.is_front or on_shelf[slug] <= index.shelf_per_topic:
                index.by_topic[slug] = index.by_topic.get(slug, 0) | 1 << number
        index.topic_bits.append(own)


def note_words(index: IssueIndex, choice: Choice) -> None:
    """Look up what a choice follows or mutes, where nobody before named it."""
    for phrase in (*choice.followed_phrases, *choice.muted_phrases):
        if phrase not in index.by_phrase:
            index.by_phrase[phrase] = entries_with(index, phrase)
    for author in (*choice.followed_authors, *choice.muted_authors):
        if author not in index.by_author:
            index.by_author[author] = entries_by(index, author)


def entries_with(index: IssueIndex, phrase: str) -> int:
    """Return the mask of the entries that hold `phrase`: those that hold all its words, looked at closer."""
    if not index.words:
        add_words(index)
    mask = (1 << len(index.entries)) - 1
    for word in map(normalise, split_words(phrase)):
        if word[0].isalnum():
            mask &= index.by_word.get(word, 0)
    finder = PhraseIndex([phrase]) if mask else None
    return sum(1 << n for n in bits(mask) if finder and any(finder.sightings(index.words[n])))


def add_words(index: IssueIndex) -> None:
    for number, entry in enumerate(index.entries):
        words = split_words(f"{entry.title}\n{entry.summary}")
        index.words.append(words)
        for word in set(map(normalise, words)):
            index.by_word[word] = index.by_word.get(word, 0) | 1 << number


def entries_by(index: IssueIndex, author: str) -> int:
    """Return the mask of the entries by `author`, in whatever letter case."""
    if not index.by_name:
        for number, entry in enumerate(index.entries):
            for name in set(map(str.casefold, entry.authors)):
                index.by_name[name] = index.by_name.get(name, 0) | 1 << number
    return index.by_name.get(author.casefold(), 0)


def union(masks: Mapping[Any, int], keys: Iterable[Any]) -> int:
    result = 0
    for key in keys:
        result |= masks.get(key, 0)
    return result


def below(index: IssueIndex, minimum: float) -> int:
    return sum(1 << number for number, entry in enumerate(index.entries) if entry.score < minimum)


def bits(mask: int, most: int = -1) -> list[int]:
    """Return the numbers of the first `most` bits set in `mask`, lowest first; all of them where negative."""
    if not mask:
        return []
    text, found = bin(mask)[:1:-1], list[int]()  # looking for digits is faster than arithmetic on so large a number
    at = text.find("1")
    while at >= 0 and len(found) != most:
        found.append(at)
        at = text.find("1", at + 1)
    return found
