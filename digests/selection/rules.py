"""Which papers one reader gets from a span of issues, in which order, and why. Pure: no database, clock or settings.

The order is:

1. editors' picks;
2. papers that match what the reader follows;
3. front papers that fit the reader's topics well;
4. the best few of each topic's shelf, then the rest of these shelves;
5. papers on the reader's topics that name a followed phrase once, in their abstract, and papers on other topics with
   the phrase in their title (their places are reserved; other topics with it in the abstract alone are left out);
6. papers of older issues that the reader was not sent, newest issue first;
7. papers that fit the reader's topics fairly, up to five papers in all;
8. papers that fit them poorly, up to three papers in all and never alone.

Muted papers and papers that the reader was sent before are removed before anything is counted.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from digests.selection.entry_index import (
    FAIR,
    WEAK,
    Choice,
    Entry,
    IssueIndex,
    Item,
    TopicShelf,
    bits,
    entries_below,
    entries_of_papers,
    index_words,
    mask_of,
    union,
)

# Fair fits fill a digest up to so many papers, poor fits up to so few: a longer one is better without them.
MANY_FAIR = 5
FEW_POOR = 3

Place = tuple[IssueIndex, int]  # an entry: its index and its number in that index


@dataclass(frozen=True, slots=True)
class OlderIssue:
    """An issue before a reader's span, and the mask of the entries that may no longer be taken from it."""

    index: IssueIndex
    closed: int


def select(
    index: IssueIndex, choice: Choice, had: Collection[int] = (), older: Iterable[OlderIssue] = ()
) -> tuple[Item, ...]:
    """Choose papers for one reader from the reader's span; `older` issues, newest first, fill what room is left.

    `had` holds the ids of papers that the reader was sent before. Free items stand among the picks and take no
    paper's place; a free item that is not a pick comes only together with a paper or a pick.
    """
    return items_with_reasons(index, choice, choose_places(index, choice, had, older))


def choose_places(
    index: IssueIndex, choice: Choice, had: Collection[int] = (), older: Iterable[OlderIssue] = ()
) -> list[Place]:
    """Choose as `select` does; return the places without reasons."""
    excluded = excluded_entries(index, choice, had)
    picks = index.picks & ~excluded
    closed = excluded | picks | index.free
    pick_count = (picks & ~index.free).bit_count()
    room = choice.max_papers - pick_count
    numbers = entries_for_choice(index, choice, closed, room)
    places = [(index, number) for number in numbers]
    if len(places) < room:
        places += older_places(older, choice, had, room - len(places))
    few = min(choice.max_papers, MANY_FAIR) - pick_count - len(places)
    if few > 0:
        closed |= mask_of(numbers) | entries_below(index, choice.minimum_score)
        fair = best_placed(index, index.fair, choice, closed, few)
        places += [(index, number) for number in fair]
        fewer = min(choice.max_papers, FEW_POOR) - pick_count - len(places)
        if fewer > 0 and (places or picks):
            poor = best_placed(index, index.poor, choice, closed | mask_of(fair), fewer)
            places += [(index, number) for number in poor]
    if index.free and (places or picks):
        picks |= index.free & ~excluded
    return [(index, number) for number in first_picks(index, picks, choice.max_papers)] + places if picks else places


def first_picks(index: IssueIndex, picks: int, most: int) -> list[int]:
    """Return the first `most` papers of a mask of picks, and all its free items, in their order."""
    papers = mask_of(bits(picks & ~index.free, most))
    return bits(papers | picks & index.free)


def entries_for_choice(index: IssueIndex, choice: Choice, closed: int, room: int) -> list[int]:
    """Return up to `room` entries that are not closed: first what the reader follows, then the reader's topics."""
    if room <= 0:
        return []
    followed = followed_entries(index, choice) & ~closed
    foremost = foremost_entries(index, choice, followed) if followed else 0
    numbers = bits(foremost, room)
    aside = bits(followed & ~foremost, room - len(numbers))
    if left := room - len(numbers) - len(aside):
        closed |= followed | entries_below(index, choice.minimum_score)
        numbers += best_under_topics(index, choice, closed, left)
    return numbers + aside


def best_under_topics(index: IssueIndex, choice: Choice, closed: int, room: int) -> list[int]:
    """Return up to `room` entries on the choice's topics: the front, each shelf's best few, then the shelves' rest."""
    numbers = bits(union(index.front_by_topic, choice.topics) & ~closed, room)
    if len(numbers) == room:
        return numbers
    shelves = [index.shelves[slug] for slug in choice.topics if slug in index.shelves]
    best = entries_at(index, [place for shelf in shelves for place in open_best_placements(index, shelf, closed)])
    numbers += best[: room - len(numbers)]
    if (left := room - len(numbers)) and any(len(shelf.best) < len(shelf.placements) for shelf in shelves):
        closed |= mask_of(best)
        rest = first_open_placements(index, [shelf.placements for shelf in shelves], closed, left)
        numbers += entries_at(index, rest)[:left]
    return numbers


def open_best_placements(index: IssueIndex, shelf: TopicShelf, closed: int) -> Sequence[int]:
    """Return the best few placements of a shelf that are not closed."""
    if not shelf.best_entries & closed:
        return shelf.best
    return first_open_placements(index, [shelf.placements], closed, index.shelf_per_topic)


def first_open_placements(index: IssueIndex, lists: Iterable[Sequence[int]], closed: int, most: int) -> list[int]:
    """Return the first `most` placements of each list whose entries are not closed."""
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
    """Sort `placements` and return their entries, best first, each once."""
    placements.sort()
    return list(dict.fromkeys([index.entry_at[placement] for placement in placements]))


def best_placed(
    index: IssueIndex, by_topic: Mapping[str, Sequence[int]], choice: Choice, closed: int, room: int
) -> list[int]:
    """Return up to `room` entries that are not closed, of the placements of the choice's topics, best first."""
    if room <= 0 or by_topic.keys().isdisjoint(choice.topics):
        return []
    lists = [by_topic[slug] for slug in choice.topics if slug in by_topic]
    return entries_at(index, first_open_placements(index, lists, closed, room))[:room]


def older_places(older: Iterable[OlderIssue], choice: Choice, had: Collection[int], room: int) -> Iterator[Place]:
    """Yield up to `room` places of older issues."""
    for issue in older:
        index = issue.index
        index_words(index, choice)
        numbers = entries_for_choice(index, choice, issue.closed | excluded_entries(index, choice, had), room)
        yield from [(index, number) for number in numbers]
        room -= len(numbers)
        if not room:
            return


def items_with_reasons(index: IssueIndex, choice: Choice, places: Iterable[Place]) -> tuple[Item, ...]:
    """Return the item of each place with its reason; the reason of an older issue's paper names the issue's day."""
    mine, follows = topic_mask(index, choice), bool(choice.followed_phrases or choice.followed_authors)
    items = []
    for own, number in places:
        is_older = own is not index
        topics = own.topic_bits[number] & (topic_mask(own, choice) if is_older else mine)
        words = followed_words(own, choice, number) if follows else ""
        items.append(own.item(number, topics, words, is_older, choice.detail))
    return tuple(items)


def excluded_entries(index: IssueIndex, choice: Choice, had: Collection[int]) -> int:
    """Return the mask of the entries that a reader never gets: muted, or sent before."""
    return muted_entries(index, choice) | entries_of_papers(index, had)


def followed_entries(index: IssueIndex, choice: Choice) -> int:
    """Return the mask of the entries that match what the reader follows.

    A reader with topics is not sent a paper of another topic that names a followed phrase in its abstract alone.
    """
    authors, named = union(index.by_author, choice.followed_authors), union(index.by_phrase, choice.followed_phrases)
    if not choice.topics or not named:
        return authors | named
    titled = union(index.by_title_phrase, choice.followed_phrases)
    return authors | titled | entries_on_topics(index, choice, named)


def foremost_entries(index: IssueIndex, choice: Choice, followed: int) -> int:
    """Return the followed entries by a followed author, and on topic those titled with a phrase or naming it twice."""
    if not choice.topics:
        return followed
    titled = union(index.by_title_phrase, choice.followed_phrases)
    repeated = union(index.by_repeated_phrase, choice.followed_phrases)
    on_topic = entries_on_topics(index, choice, followed & (titled | repeated))
    return followed & union(index.by_author, choice.followed_authors) | on_topic


def entries_on_topics(index: IssueIndex, choice: Choice, among: int) -> int:
    """Return the mask of the entries in the mask `among` that have one of the choice's topics."""
    mine = topic_mask(index, choice)
    return mask_of(number for number in bits(among) if index.topic_bits[number] & mine)


def muted_entries(index: IssueIndex, choice: Choice) -> int:
    return union(index.by_phrase, choice.muted_phrases) | union(index.by_author, choice.muted_authors)


def topic_mask(index: IssueIndex, choice: Choice) -> int:
    """Return the choice's topics as a mask over the index's topics."""
    mask = 0
    for slug in choice.topics:
        if (number := index.topic_number.get(slug)) is not None:
            mask |= 1 << number
    return mask


def followed_words(index: IssueIndex, choice: Choice, number: int) -> str:
    """Return in words what the reader follows in entry `number`; empty if nothing."""
    phrases = [f"You follow “{p}”" for p in choice.followed_phrases if index.by_phrase.get(p, 0) >> number & 1]
    authors = [f"You follow {a}" for a in choice.followed_authors if index.by_author.get(a, 0) >> number & 1]
    return min(phrases + authors, default="")


def fallback_items(places: Iterable[Place], choice: Choice) -> tuple[Item, ...]:
    return tuple(
        index.item(number, 0, fallback_words(index.entries[number]), detail=choice.detail) for index, number in places
    )


def fallback_words(entry: Entry) -> str:
    """Return which issue a fallback's paper comes from, since the newest issue may be days old."""
    if entry.is_free:
        return ""
    return f"From the issue of {entry.day.day} {entry.day:%B}" if entry.day else "From the newest issue"


def choose_fallback_places(index: IssueIndex, choice: Choice, had: Collection[int] = ()) -> list[Place]:
    """Choose the best of the front, neither muted nor in `had`, for a reader whose first digest would be empty."""
    excluded = excluded_entries(index, choice, had)
    numbers = bits(index.front & ~index.free & ~excluded, choice.max_papers)
    return [(index, number) for number in [*bits(index.free & ~excluded), *numbers]] if numbers else []


def reasons_left_out(
    index: IssueIndex,
    choice: Choice,
    items: Collection[Item],
    had: Collection[int] = (),
    *,
    is_fallback: bool = False,
) -> dict[int, str]:
    """Return the one reason why each entry of the span is not among `items`, by the entry's id."""
    chosen = {item.entry.id for item in items}
    has_room = sum(not item.entry.is_free for item in items) < choice.max_papers
    muted, before = muted_entries(index, choice), entries_of_papers(index, had)
    low = entries_below(index, choice.minimum_score)
    wanted = index.picks | followed_entries(index, choice)
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
        elif not wanted & bit and (is_fallback or not items) and is_below(FAIR, entry, topics):
            reasons[entry.id] = "it fits the topic poorly, and nothing better stands before it"
        elif not wanted & bit and has_room and is_below(FAIR, entry, topics):
            reasons[entry.id] = f"it fits the topic poorly, and poor fits come only up to {FEW_POOR} papers in all"
        elif not wanted & bit and has_room and is_below(WEAK, entry, topics):
            reasons[entry.id] = f"it fits the topic weakly, and weak fits come only up to {MANY_FAIR} papers in all"
        else:
            reasons[entry.id] = f"beyond the reader’s limit of {choice.max_papers}"
    return reasons


def is_below(fit: float, entry: Entry, topics: Iterable[str]) -> bool:
    """Return True if an entry fits none of the topics so well."""
    return all(entry.fit(slug) < fit for slug in topics)


def entries_to_explain(index: IssueIndex, choice: Choice) -> int:
    """Return the mask of the entries that a reader may miss: the front, and all that match the choice."""
    mask = index.front | followed_entries(index, choice) | muted_entries(index, choice)
    return mask | mask_of(n for n, entry in enumerate(index.entries) if choice.topics & entry.topics.keys())
