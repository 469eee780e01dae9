"""Which papers one reader gets from a span of issues, in which order, and why. Pure: no database, clock or settings.

Entries stand in one order, best first, and every question about them is a bit mask over that order: what a topic, a
phrase or an author matches is looked up once a span for all readers, and a reader's choice is a few ORs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.papers.matching import PhraseIndex

PICK = "Editors’ pick"
FALLBACK = "Trending today"


@dataclass(frozen=True, slots=True)
class Entry:
    """What selection knows of one entry of a published issue."""

    id: int
    paper_id: int
    is_front: bool
    is_pick: bool
    score: float
    votes: int
    title: str
    summary: str
    authors: tuple[str, ...]
    topics: Mapping[str, str]  # slug → name


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
    by_topic: dict[str, int] = field(default_factory=dict)
    by_phrase: dict[str, int] = field(default_factory=dict)
    by_author: dict[str, int] = field(default_factory=dict)
    by_paper: dict[int, int] = field(default_factory=dict)
    picks: int = 0
    front: int = 0


def build_index(
    entries: Iterable[Entry],
    phrases: Collection[str] = (),
    authors: Collection[str] = (),
    shelf_per_topic: int = 5,
) -> IssueIndex:
    """Index `entries` (in their order: front first, best first) for readers who name `phrases` and `authors`.

    A paper on a shelf and a front of the span stands once, on the front.
    """
    index = IssueIndex(list(unique_papers(entries)), shelf_per_topic)
    on_shelf: dict[str, int] = {}
    finder, wanted = PhraseIndex(phrases), {name.casefold(): name for name in authors}
    for number, entry in enumerate(index.entries):
        bit = 1 << number
        index.by_paper[entry.paper_id] = bit
        index.picks |= bit * entry.is_pick
        index.front |= bit * entry.is_front
        for slug in entry.topics:
            if not entry.is_front:
                on_shelf[slug] = on_shelf.get(slug, 0) + 1
            if entry.is_front or on_shelf[slug] <= shelf_per_topic:
                index.by_topic[slug] = index.by_topic.get(slug, 0) | bit
        for phrase in finder.find(f"{entry.title}\n{entry.summary}") if phrases else ():
            index.by_phrase[phrase] = index.by_phrase.get(phrase, 0) | bit
        for author in entry.authors:
            if (name := wanted.get(author.casefold())) is not None:
                index.by_author[name] = index.by_author.get(name, 0) | bit
    return index


def unique_papers(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[int] = set()
    for entry in entries:
        if entry.paper_id not in seen:
            seen.add(entry.paper_id)
            yield entry


def select(index: IssueIndex, choice: Choice, had: int = 0) -> Selection:
    """Choose for one reader: picks, then what is followed, then by the order; nothing muted, nothing of `had`.

    `had` is the mask of what the reader got before.
    """
    muted = union(index.by_phrase, choice.muted_phrases) | union(index.by_author, choice.muted_authors)
    followed = union(index.by_phrase, choice.followed_phrases) | union(index.by_author, choice.followed_authors)
    by_topic = union(index.by_topic, choice.topics) & ~below(index, choice.minimum_score)
    open_ = ~(muted | had)
    picks, followed, by_topic = index.picks & open_, followed & open_, by_topic & open_
    order = (*bits(picks), *bits(followed & ~picks), *bits(by_topic & ~picks & ~followed))
    items = [Item(index.entries[n], reason(index, choice, n)) for n in order[: choice.max_papers]]
    return Selection(tuple(items), matched=len(order))


def fallback(index: IssueIndex, choice: Choice) -> Selection:
    """Choose the front's best, for a reader whose first digest would be empty; what is muted stays out."""
    muted = union(index.by_phrase, choice.muted_phrases) | union(index.by_author, choice.muted_authors)
    numbers = [*bits(index.front & ~muted)][: choice.max_papers]
    items = tuple(Item(index.entries[n], with_votes(FALLBACK, index.entries[n])) for n in numbers)
    return Selection(items, matched=0, is_fallback=True)


def reason(index: IssueIndex, choice: Choice, number: int) -> str:
    """Say why entry `number` was chosen, in the reader's words: “Efficient training · 41 votes”."""
    entry, bit = index.entries[number], 1 << number
    phrases = [f"You follow “{p}”" for p in choice.followed_phrases if index.by_phrase.get(p, 0) & bit]
    authors = [f"You follow {a}" for a in choice.followed_authors if index.by_author.get(a, 0) & bit]
    topics = sorted(name for slug, name in entry.topics.items() if slug in choice.topics)[:2]
    parts = [PICK] * entry.is_pick + sorted(phrases + authors)[:2] + ([", ".join(topics)] if topics else [])
    return with_votes(" · ".join(parts), entry)


def with_votes(words: str, entry: Entry) -> str:
    if not entry.votes:
        return words
    return f"{words} · {entry.votes} {'vote' if entry.votes == 1 else 'votes'}"


def why_left_out(index: IssueIndex, choice: Choice, selection: Selection, had: int = 0) -> dict[int, str]:
    """Return for each entry that was not chosen (by its id) the one reason why not."""
    chosen = {item.entry.id for item in selection.items}
    muted = union(index.by_phrase, choice.muted_phrases) | union(index.by_author, choice.muted_authors)
    matching = union(index.by_topic, choice.topics)
    reasons = {}
    for number, entry in enumerate(index.entries):
        bit = 1 << number
        if entry.id in chosen:
            continue
        if muted & bit:
            reasons[entry.id] = "muted"
        elif had & bit:
            reasons[entry.id] = "sent before"
        elif not entry.is_front and not matching & bit and choice.topics & entry.topics.keys():
            reasons[entry.id] = f"not among the shelf’s best {index.shelf_per_topic} of its topic"
        elif not choice.topics & entry.topics.keys():
            reasons[entry.id] = "none of the reader’s topics"
        elif entry.score < choice.minimum_score:
            reasons[entry.id] = "below the reader’s minimum score"
        else:
            reasons[entry.id] = f"beyond the reader’s limit of {choice.max_papers}"
    return reasons


def union(masks: Mapping[str, int], keys: Iterable[str]) -> int:
    result = 0
    for key in keys:
        result |= masks.get(key, 0)
    return result


def below(index: IssueIndex, minimum: float) -> int:
    if minimum <= 0:
        return 0
    return sum(1 << number for number, entry in enumerate(index.entries) if entry.score < minimum)


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits set in `mask`, lowest first."""
    while mask > 0:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
