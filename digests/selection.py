"""Which papers one reader gets from a span of issues, in which order, and why. Pure: no database, clock or settings.

Entries stand in one order, best first, and every question about them is a bit mask over that order: what a topic, a
phrase or an author matches is looked up once a span for all readers, and a reader's choice is a few ORs. An entry and
a reason make an Item, which is one object for all readers who get that entry for that reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from newsletter.papers.matching import PhraseIndex, normalise, split_words

PICK = "Editors’ pick"
FREE = "From the editors"
FALLBACK = "Trending today"
TOPICS_NAMED = 2  # in one reason


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


@dataclass(frozen=True, slots=True)
class Selection:
    """An ordered choice; `matched` counts what would have been chosen without a limit."""

    items: tuple[Item, ...] = ()
    matched: int = 0
    is_fallback: bool = False


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
        """Say why entry `number` was chosen, in the reader's words: “Efficient training · 41 votes”."""
        entry = self.entries[number]
        names = sorted(name for slug, name in entry.topics.items() if topics >> self.topic_number[slug] & 1)
        parts = [FREE if entry.is_free else PICK * entry.is_pick, words, ", ".join(names[:TOPICS_NAMED])]
        if entry.votes:
            parts.append(f"{entry.votes} vote" + "s" * (entry.votes != 1))
        return " · ".join(filter(None, parts))


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


class Order(NamedTuple):
    """Which entries are chosen, by their numbers and in their order, and the masks that led to it."""

    numbers: list[int]
    matching: int = 0  # what would be chosen without a limit
    named: int = 0  # picks, and what is followed


def select(index: IssueIndex, choice: Choice, had: int = 0) -> Selection:
    """Choose for one reader: picks, then what is followed, then by the order; nothing muted, nothing of `had`.

    `had` is the mask of what the reader got before. Free items stand among the picks and take no paper's place; one
    that is no pick comes only where a paper or a pick does.
    """
    return with_reasons(index, choice, order(index, choice, had))


def order(index: IssueIndex, choice: Choice, had: int = 0) -> Order:
    """Return what `select` chooses, without the reasons."""
    followed = followed_by(index, choice)
    by_topic = union(index.by_topic, choice.topics)
    if choice.minimum_score > 0:
        by_topic &= ~below(index, choice.minimum_score)
    shut = muted_by(index, choice) | had
    matching = (index.picks | (followed | by_topic) & ~index.free) & ~shut
    if matching and index.free:
        matching |= index.free & ~shut
    leading = (index.picks | index.free) & matching
    followed &= matching & ~leading
    named = leading | followed
    numbers = bits(matching & ~named, choice.max_papers)
    if named:
        numbers = within(index, [*bits(leading), *bits(followed), *numbers], choice.max_papers)
    return Order(numbers, matching, named)


def with_reasons(index: IssueIndex, choice: Choice, chosen: Order) -> Selection:
    mine, named = topics_of(index, choice), chosen.named
    own, item = index.topic_bits, index.item
    items = [item(n, own[n] & mine, words_of(index, choice, n) if named >> n & 1 else "") for n in chosen.numbers]
    return Selection(tuple(items), matched=chosen.matching.bit_count())


def within(index: IssueIndex, order: list[int], most: int) -> list[int]:
    """Return the first `most` papers of `order`, and its free items."""
    if not index.free:
        return order[:most]
    papers = {*[n for n in order if not index.free >> n & 1][:most]}
    return [n for n in order if n in papers or index.free >> n & 1]


def followed_by(index: IssueIndex, choice: Choice) -> int:
    return union(index.by_phrase, choice.followed_phrases) | union(index.by_author, choice.followed_authors)


def muted_by(index: IssueIndex, choice: Choice) -> int:
    return union(index.by_phrase, choice.muted_phrases) | union(index.by_author, choice.muted_authors)


def topics_of(index: IssueIndex, choice: Choice) -> int:
    """Return the choice's topics as a mask over the index's topics."""
    mask = 0
    for slug in choice.topics:
        if (number := index.topic_number.get(slug)) is not None:
            mask |= 1 << number
    return mask


def words_of(index: IssueIndex, choice: Choice, number: int) -> str:
    """Say what of entry `number` the reader follows."""
    if not choice.followed_phrases and not choice.followed_authors:
        return ""
    phrases = [f"You follow “{p}”" for p in choice.followed_phrases if index.by_phrase.get(p, 0) >> number & 1]
    authors = [f"You follow {a}" for a in choice.followed_authors if index.by_author.get(a, 0) >> number & 1]
    return " · ".join(sorted(phrases + authors)[:2])


def with_fallback(index: IssueIndex, chosen: Order) -> Selection:
    items = [index.item(n, 0, "" if index.free >> n & 1 else FALLBACK) for n in chosen.numbers]
    return Selection(tuple(items), is_fallback=True)


def fallback_order(index: IssueIndex, choice: Choice, had: int = 0) -> Order:
    """Choose the front's best, for a reader whose first digest would be empty; nothing muted, nothing of `had`."""
    shut = muted_by(index, choice) | had
    numbers = bits(index.front & ~index.free & ~shut, choice.max_papers)
    return Order([*bits(index.free & ~shut), *numbers] if numbers else [])


def why_left_out(index: IssueIndex, choice: Choice, selection: Selection, had: int = 0) -> dict[int, str]:
    """Return for each entry that was not chosen (by its id) the one reason why not."""
    chosen = {item.entry.id for item in selection.items}
    muted, by_topic = muted_by(index, choice), union(index.by_topic, choice.topics)
    wanted = index.picks | followed_by(index, choice) | (by_topic & ~below(index, choice.minimum_score))
    reasons = {}
    for number, entry in enumerate(index.entries):
        bit = 1 << number
        if entry.id in chosen:
            continue
        if muted & bit:
            reasons[entry.id] = "muted"
        elif had & bit:
            reasons[entry.id] = "sent before"
        elif entry.is_free:
            reasons[entry.id] = "it comes along with papers, and there were none"
        elif wanted & bit:
            reasons[entry.id] = f"beyond the reader’s limit of {choice.max_papers}"
        elif not choice.topics & entry.topics.keys():
            reasons[entry.id] = "none of the reader’s topics"
        elif not by_topic & bit:
            reasons[entry.id] = f"not among the shelf’s best {index.shelf_per_topic} of its topic"
        else:
            reasons[entry.id] = "below the reader’s minimum score"
    return reasons


def concerns(index: IssueIndex, choice: Choice) -> int:
    """Return the mask of the entries a reader may ask after: the front, and what has a topic or word of the choice."""
    mask = index.front | followed_by(index, choice) | muted_by(index, choice)
    return mask | sum(1 << n for n, entry in enumerate(index.entries) if choice.topics & entry.topics.keys())


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
