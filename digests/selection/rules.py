"""Which papers one reader gets from a span of issues, in which order, and why. Pure: no database, clock or settings.

The order is: editors' picks, what the reader follows, what stands on the front under the reader's topics, the best few
of each topic's shelf, the rest of these shelves; then what the reader was not shown of older issues, the newest first;
and last what fits the reader's topics only weakly, where something else stands before it. A followed phrase in
the abstract alone of a paper on other topics has a sure place too, but behind the papers on the reader's own topics.
What is muted and what the reader had is taken out before anything is counted.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from digests.selection.entry_index import (
    WEAK,
    Choice,
    Entry,
    IssueIndex,
    Item,
    TopicShelf,
    bits,
    entries_below,
    entries_of_papers,
    mask_of,
    note_words,
    union,
)

Place = tuple[IssueIndex, int]  # an entry: its index, and its number there


@dataclass(frozen=True, slots=True)
class OlderIssue:
    """An issue before a reader's span, and the mask of what cannot come from it any more."""

    index: IssueIndex
    closed: int


@dataclass(frozen=True, slots=True)
class Selection:
    """An ordered choice."""

    items: tuple[Item, ...] = ()
    is_fallback: bool = False


def select(
    index: IssueIndex, choice: Choice, had: Collection[int] = (), older: Iterable[OlderIssue] = ()
) -> Selection:
    """Choose for one reader from the reader's span, filled up from `older` issues, the newest first.

    `had` are the papers that the reader got before. Free items stand among the picks and take no paper's place; one
    that is no pick comes only where a paper or a pick does.
    """
    return with_reasons(index, choice, order(index, choice, had, older))


def order(
    index: IssueIndex, choice: Choice, had: Collection[int] = (), older: Iterable[OlderIssue] = ()
) -> list[Place]:
    """Return what `select` chooses, without the reasons."""
    shut = shut_by(index, choice, had)
    picks = index.picks & ~shut
    closed = shut | picks | index.free
    room = choice.max_papers - (picks & ~index.free).bit_count()
    numbers = wanted_in(index, choice, closed, room)
    places = [(index, number) for number in numbers]
    if len(places) < room:
        places += places_in(older, choice, had, room - len(places))
    if index.weak and len(places) < room and (places or picks):
        closed |= mask_of(numbers)
        places += [(index, number) for number in weak_in(index, choice, closed, room - len(places))]
    if index.free and (places or picks):
        picks |= index.free & ~shut
    return [(index, number) for number in leading(index, picks, choice.max_papers)] + places if picks else places


def leading(index: IssueIndex, picks: int, most: int) -> list[int]:
    """Return the first `most` papers among the picks, and all free items, in their order."""
    papers = mask_of(bits(picks & ~index.free, most))
    return bits(papers | picks & index.free)


def wanted_in(index: IssueIndex, choice: Choice, closed: int, room: int) -> list[int]:
    """Return up to `room` entries that are not closed: what the reader follows, then what the topics give."""
    if room <= 0:
        return []
    followed = followed_by(index, choice) & ~closed
    foremost = foremost_of(index, choice, followed) if followed else 0
    numbers = bits(foremost, room)
    aside = bits(followed & ~foremost, room - len(numbers))
    if left := room - len(numbers) - len(aside):
        closed |= followed | entries_below(index, choice.minimum_score)
        numbers += best_under_topics(index, choice, closed, left)
    return numbers + aside


def best_under_topics(index: IssueIndex, choice: Choice, closed: int, room: int) -> list[int]:
    """Return up to `room` entries under the choice's topics: the front's, each shelf's best few, the shelves' rest."""
    numbers = bits(union(index.front_by_topic, choice.topics) & ~closed, room)
    if len(numbers) == room:
        return numbers
    shelves = [index.shelves[slug] for slug in choice.topics if slug in index.shelves]
    best = entries_at(index, [place for shelf in shelves for place in best_of(index, shelf, closed)])
    numbers += best[: room - len(numbers)]
    if (left := room - len(numbers)) and any(len(shelf.best) < len(shelf.placements) for shelf in shelves):
        closed |= mask_of(best)
        rest = first_open(index, [shelf.placements for shelf in shelves], closed, left)
        numbers += entries_at(index, rest)[:left]
    return numbers


def best_of(index: IssueIndex, shelf: TopicShelf, closed: int) -> Sequence[int]:
    """Return the placements of a shelf's best few, without what is closed."""
    if not shelf.best_entries & closed:
        return shelf.best
    return first_open(index, [shelf.placements], closed, index.shelf_per_topic)


def first_open(index: IssueIndex, lists: Iterable[Sequence[int]], closed: int, most: int) -> list[int]:
    """Return of each list of placements the first `most` whose entries are not closed."""
    found, entry_at = list[int](), index.entry_at
    for placements in lists:
        left = most
        for placement in placements:
            if not closed >> entry_at[placement] & 1:
                found.append(placement)
                left -= 1
                if not left:
                    break
    return found


def entries_at(index: IssueIndex, placements: list[int]) -> list[int]:
    """Return the entries of some placements, best first, each once."""
    placements.sort()
    return list(dict.fromkeys([index.entry_at[placement] for placement in placements]))


def weak_in(index: IssueIndex, choice: Choice, closed: int, room: int) -> list[int]:
    """Return up to `room` entries that are not closed and fit the choice's topics weakly, best first."""
    closed |= entries_below(index, choice.minimum_score)
    placements = first_open(index, [index.weak.get(slug, []) for slug in choice.topics], closed, room)
    return entries_at(index, placements)[:room]


def places_in(older: Iterable[OlderIssue], choice: Choice, had: Collection[int], room: int) -> Iterator[Place]:
    """Yield up to `room` places of older issues."""
    for issue in older:
        index = issue.index
        note_words(index, choice)
        numbers = wanted_in(index, choice, issue.closed | shut_by(index, choice, had), room)
        yield from [(index, number) for number in numbers]
        room -= len(numbers)
        if not room:
            return


def with_reasons(index: IssueIndex, choice: Choice, places: Iterable[Place]) -> Selection:
    """Give each place its reason; places of another index than the span's own name their day."""
    mine, follows = topics_of(index, choice), bool(choice.followed_phrases or choice.followed_authors)
    items = []
    for own, number in places:
        is_older = own is not index
        topics = own.topic_bits[number] & (topics_of(own, choice) if is_older else mine)
        words = words_of(own, choice, number) if follows else ""
        items.append(own.item(number, topics, words, is_older, choice.detail))
    return Selection(tuple(items))


def shut_by(index: IssueIndex, choice: Choice, had: Collection[int]) -> int:
    """Return the mask of what a reader does not get whatever speaks for it: muted, or had before."""
    return muted_by(index, choice) | entries_of_papers(index, had)


def followed_by(index: IssueIndex, choice: Choice) -> int:
    return union(index.by_phrase, choice.followed_phrases) | union(index.by_author, choice.followed_authors)


def foremost_of(index: IssueIndex, choice: Choice, followed: int) -> int:
    """Return the followed entries that are by a followed author, on the reader's topics or name it in their title."""
    if not choice.topics:
        return followed
    mine = topics_of(index, choice)
    on_topic = mask_of(number for number in bits(followed) if index.topic_bits[number] & mine)
    named = union(index.by_author, choice.followed_authors) | union(index.by_title_phrase, choice.followed_phrases)
    return on_topic | followed & named


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
    phrases = [f"You follow “{p}”" for p in choice.followed_phrases if index.by_phrase.get(p, 0) >> number & 1]
    authors = [f"You follow {a}" for a in choice.followed_authors if index.by_author.get(a, 0) >> number & 1]
    return min(phrases + authors, default="")


def with_fallback(places: Iterable[Place], choice: Choice) -> Selection:
    items = [
        index.item(number, 0, fallback_words(index.entries[number]), detail=choice.detail) for index, number in places
    ]
    return Selection(tuple(items), is_fallback=True)


def fallback_words(entry: Entry) -> str:
    """Return where a paper of a fallback comes from: the newest issue may be days old."""
    if entry.is_free:
        return ""
    return f"From the issue of {entry.day.day} {entry.day:%B}" if entry.day else "From the newest issue"


def fallback_order(index: IssueIndex, choice: Choice, had: Collection[int] = ()) -> list[Place]:
    """Choose the front's best, for a reader whose first digest would be empty; nothing muted, nothing of `had`."""
    shut = shut_by(index, choice, had)
    numbers = bits(index.front & ~index.free & ~shut, choice.max_papers)
    return [(index, number) for number in [*bits(index.free & ~shut), *numbers]] if numbers else []


def why_left_out(index: IssueIndex, choice: Choice, selection: Selection, had: Collection[int] = ()) -> dict[int, str]:
    """Return for each entry of the span that was not chosen (by its id) the one reason why not."""
    chosen = {item.entry.id for item in selection.items}
    muted, before = muted_by(index, choice), entries_of_papers(index, had)
    low = entries_below(index, choice.minimum_score)
    wanted = index.picks | followed_by(index, choice)
    reasons = {}
    for number, entry in enumerate(index.entries):
        bit, topics = 1 << number, choice.topics & entry.topics.keys()
        if entry.id in chosen:
            continue
        if muted & bit:
            reasons[entry.id] = "muted"
        elif before & bit:
            reasons[entry.id] = "sent before"
        elif entry.is_free:
            reasons[entry.id] = "it comes along with papers, and there were none"
        elif not wanted & bit and not topics:
            reasons[entry.id] = "none of the reader’s topics"
        elif not wanted & bit and low & bit:
            reasons[entry.id] = "below the reader’s minimum score"
        elif not wanted & bit and not selection.items and is_weak(entry, topics):
            reasons[entry.id] = "it fits the topic weakly, and nothing better stands before it"
        else:
            reasons[entry.id] = f"beyond the reader’s limit of {choice.max_papers}"
    return reasons


def is_weak(entry: Entry, topics: Iterable[str]) -> bool:
    return all(entry.fit(slug) < WEAK for slug in topics)


def concerns(index: IssueIndex, choice: Choice) -> int:
    """Return the mask of the entries a reader may ask after: the front, and what has a topic or word of the choice."""
    mask = index.front | followed_by(index, choice) | muted_by(index, choice)
    return mask | mask_of(n for n, entry in enumerate(index.entries) if choice.topics & entry.topics.keys())
