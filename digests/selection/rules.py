"""Which papers one reader gets from a span of issues, in which order, and why. Pure: no database, clock or settings.

Entries stand in one order, best first, and every question about them is a bit mask over that order: what a topic, a
phrase or an author matches is looked up once a span for all readers, and a reader's choice is a few ORs. An entry and
a reason make an Item, which is one object for all readers who get that entry for that reason.
"""

from dataclasses import dataclass
from typing import NamedTuple

from digests.selection.entry_index import Choice, IssueIndex, Item, below, bits, union

FALLBACK = "Trending today"


@dataclass(frozen=True, slots=True)
class Selection:
    """An ordered choice; `matched` counts what would have been chosen without a limit."""

    items: tuple[Item, ...] = ()
    matched: int = 0
    is_fallback: bool = False


class Chosen(NamedTuple):
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


def order(index: IssueIndex, choice: Choice, had: int = 0) -> Chosen:
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
    return Chosen(numbers, matching, named)


def with_reasons(index: IssueIndex, choice: Choice, chosen: Chosen) -> Selection:
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
    return min(phrases + authors, default="")


def with_fallback(index: IssueIndex, chosen: Chosen) -> Selection:
    items = [index.item(n, 0, "" if index.free >> n & 1 else FALLBACK) for n in chosen.numbers]
    return Selection(tuple(items), is_fallback=True)


def fallback_order(index: IssueIndex, choice: Choice) -> Chosen:
    """Choose the front's best, for a reader whose first digest would be empty; nothing muted."""
    shut = muted_by(index, choice)
    numbers = bits(index.front & ~index.free & ~shut, choice.max_papers)
    return Chosen([*bits(index.free & ~shut), *numbers] if numbers else [])


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
