"""Index the entries of one or more issues, so that many readers can choose from them quickly. Pure.

Entries are numbered in their order, and most functions return bit masks over these numbers. The order within a topic
is a list of placements instead: a placement is an entry under one of its topics, and placements are numbered by how
good the entry is for that topic.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from newsletter.papers.topic_fit import FAIR as FAIR
from newsletter.papers.topic_fit import WEAK as WEAK
from newsletter.papers.topic_fit import WELL
from newsletter.papers.topics.abbreviations import spellings_of
from newsletter.papers.topics.phrase_matching import PhraseIndex, normalise, split_words
from subscribers.choice_bounds import USUAL_DETAIL

PICK = "Editors’ pick"
FREE = "From the editors"
# Snapshots made before fits were recorded: not weak, and no better than a paper that was judged to fit well.
UNKNOWN_FIT = WEAK
# The best score of a topic's shelf is worth this much fit. Scores count by their rank within the topic, because the
# forecast favours papers like those of the topics that trend most.
SCORE_IN_FIT = 0.15


@dataclass(frozen=True, slots=True)
class Entry:
    """What selection knows about one entry of a published issue."""

    id: int
    paper_id: int  # negative for a free item
    is_front: bool
    is_pick: bool
    score: float
    votes: int
    title: str
    summary: str
    authors: tuple[str, ...]
    topics: Mapping[str, str]  # slug → name
    evidence: Mapping[str, str] = field(default_factory=dict)  # slug → the words that speak most for the topic
    fits: Mapping[str, float] = field(default_factory=dict)  # slug → how well the paper fits, 0 to 1
    day: date | None = None  # of its issue

    @property
    def is_free(self) -> bool:
        """Return True if the entry is not a paper but a free item by the editors."""
        return self.paper_id < 0

    def fit(self, slug: str) -> float:
        return self.fits.get(slug, UNKNOWN_FIT)


@dataclass(frozen=True, slots=True)
class Choice:
    """What one reader chose; phrases and authors stand as the reader typed them."""

    topics: frozenset[str]
    followed_phrases: tuple[str, ...] = ()
    followed_authors: tuple[str, ...] = ()
    muted_phrases: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    max_papers: int = 10
    minimum_score: float = 0.0
    detail: str = USUAL_DETAIL


@dataclass(slots=True, eq=False)
class Item:
    """An entry, the reason why it was chosen and its detail, shared by all readers who get it for that reason."""

    entry: Entry
    reason: str
    detail: str = USUAL_DETAIL
    card_id: int | None = None  # set when its card is stored
    fit: float = 0.0  # how well the paper fits what the reason names, 0 to 1
    is_older: bool = False  # from an issue before the reader's span


class TopicShelf(NamedTuple):
    """The placements of one topic's shelf, best first; `best` are the few that come before the rest of any topic."""

    placements: list[int]
    best: list[int]
    best_entries: int  # the mask of the entries of `best`


@dataclass(slots=True)
class IssueIndex:
    """Entries in their order, and the entries that each topic, phrase and author matches."""

    entries: list[Entry]
    shelf_per_topic: int
    topic_bits: list[int] = field(default_factory=list)  # of each entry, by `topic_number`
    topic_number: dict[str, int] = field(default_factory=dict)
    front_by_topic: dict[str, int] = field(default_factory=dict)  # masks; what fits well
    entry_at: list[int] = field(default_factory=list)  # the entry's number, by placement
    shelves: dict[str, TopicShelf] = field(default_factory=dict)  # by topic; no weak fits
    fair: dict[str, list[int]] = field(default_factory=dict)  # by topic: weak fits of front and shelf, not the poor
    poor: dict[str, list[int]] = field(default_factory=dict)  # by topic: placements of front and shelf
    by_phrase: dict[str, int] = field(default_factory=dict)
    by_title_phrase: dict[str, int] = field(default_factory=dict)  # as by_phrase, for titles alone
    by_repeated_phrase: dict[str, int] = field(default_factory=dict)  # as by_phrase, named twice or more
    by_author: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)  # casefolded authors; filled when one is first asked for
    by_word: dict[str, int] = field(default_factory=dict)  # normalised words; filled when a phrase is first asked for
    by_paper: dict[int, int] = field(default_factory=dict)
    words: list[list[str]] = field(default_factory=list)  # of each entry
    picks: int = 0
    front: int = 0
    free: int = 0  # free items; one that is not a pick comes only together with papers
    below: dict[float, int] = field(default_factory=dict)  # entries below each minimum score that was asked for
    by_reason: dict[tuple[int, int, str, bool, str], Item] = field(default_factory=dict)

    @property
    def paper_count(self) -> int:
        return len(self.entries) - self.free.bit_count()

    def item(self, number: int, topics: int, words: str, is_older: bool = False, detail: str = USUAL_DETAIL) -> Item:
        """Return the item of entry `number`, chosen for the topics of a mask and for `words`.

        Free items ignore `detail`: the editors' words stand whole in every mail.
        """
        key = (number, topics, words, is_older, detail)
        if (found := self.by_reason.get(key)) is None:
            entry = self.entries[number]
            if entry.is_free and detail != USUAL_DETAIL:
                return self.item(number, topics, words, is_older)
            fit = 1.0 if words else self.best_fit(number, topics)
            found = Item(entry, self.reason(*key[:4]), detail, fit=fit, is_older=is_older)
            self.by_reason[key] = found
        return found

    def best_fit(self, number: int, topics: int) -> float:
        """Return how well entry `number` fits the one of a mask's topics that it fits best."""
        entry = self.entries[number]
        return max((entry.fit(slug) for slug in entry.topics if topics >> self.topic_number[slug] & 1), default=0.0)

    def reason(self, number: int, topics: int, words: str, is_older: bool) -> str:
        """Return why entry `number` was chosen: “Efficient training: pipeline parallelism · 41 votes”.

        `words`, what the reader follows, replace the topic. The reason of an older issue's entry ends with its day.
        """
        entry = self.entries[number]
        lead = FREE if entry.is_free else PICK * (entry.is_pick and not is_older)
        parts = [lead, words or self.topic_reason(entry, topics)]
        if entry.votes:
            parts.append(f"{entry.votes} vote" + "s" * (entry.votes != 1))
        if is_older and entry.day:
            parts.append(f"from {entry.day.day} {entry.day:%B}")
        return " · ".join(filter(None, parts))

    def topic_reason(self, entry: Entry, topics: int) -> str:
        """Return the best fitting of an entry's topics in a mask, with the words that are evidence for it."""
        slugs = [slug for slug in entry.topics if topics >> self.topic_number[slug] & 1]
        if not slugs:
            return ""
        slug = min(slugs, key=lambda slug: (-entry.fit(slug), entry.topics[slug]))
        return ": ".join(filter(None, [entry.topics[slug], entry.evidence.get(slug, "")]))


def build_index(
    entries: Iterable[Entry],
    choices: Iterable[Choice] = (),
    shelf_per_topic: int = 5,
) -> IssueIndex:
    """Index `entries`, which come in their order (front first, best first), for readers with these `choices`.

    A paper on both a shelf and a front is kept once, on the front.
    """
    index = IssueIndex(list(unique_papers(entries)), shelf_per_topic)
    for number, entry in enumerate(index.entries):
        index.by_paper[entry.paper_id] = 1 << number
        index.picks |= entry.is_pick << number
        index.front |= entry.is_front << number
        index.free |= entry.is_free << number
    add_topics(index)
    for choice in choices:
        index_words(index, choice)
    return index


def unique_papers(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[int] = set()
    for entry in entries:
        if entry.paper_id not in seen:
            seen.add(entry.paper_id)
            yield entry


def add_topics(index: IssueIndex) -> None:
    """Add each topic's front entries, its shelf in order and its weak fits to `index`.

    A front's papers that do not fit a topic well compete on its shelf, where the fit counts most.
    """
    by_topic: dict[str, list[int]] = {}
    for number, entry in enumerate(index.entries):
        own = 0
        for slug in entry.topics:
            own |= 1 << index.topic_number.setdefault(slug, len(index.topic_number))
            by_topic.setdefault(slug, []).append(number)
        index.topic_bits.append(own)
    placed = sorted(row for slug, numbers in by_topic.items() for row in rate_placements(index, slug, numbers))
    index.entry_at = [number for _, number, _ in placed]
    for placement, (_, number, slug) in enumerate(placed):
        entry = index.entries[number]
        if entry.fit(slug) < WEAK:
            below = index.poor if entry.fit(slug) < FAIR else index.fair
            below.setdefault(slug, []).append(placement)
        elif entry.is_front and entry.fits.get(slug, WELL) >= WELL:
            index.front_by_topic[slug] = index.front_by_topic.get(slug, 0) | 1 << number
        else:
            index.shelves.setdefault(slug, TopicShelf([], [], 0)).placements.append(placement)
    for slug, (placements, _, _) in index.shelves.items():
        best = placements[: index.shelf_per_topic]
        index.shelves[slug] = TopicShelf(placements, best, mask_of(index.entry_at[place] for place in best))


def rate_placements(index: IssueIndex, slug: str, numbers: list[int]) -> Iterator[tuple[float, int, str]]:
    """Yield (rating, number, slug) of a topic's entries; a rating is fit plus score rank, negated: best sort first."""
    scores = sorted(index.entries[number].score for number in numbers)
    for number in numbers:
        entry = index.entries[number]
        better_than = bisect_left(scores, entry.score) / len(scores)
        yield -(entry.fit(slug) + SCORE_IN_FIT * better_than), number, slug


def index_words(index: IssueIndex, choice: Choice) -> None:
    """Index the phrases and authors that `choice` follows or mutes and that no earlier choice named."""
    for phrase in (*choice.followed_phrases, *choice.muted_phrases):
        if phrase not in index.by_phrase:
            index.by_phrase[phrase] = entries_with(index, phrase)
            index_prominence(index, phrase)
    for author in (*choice.followed_authors, *choice.muted_authors):
        if author not in index.by_author:
            index.by_author[author] = entries_by(index, author)


def entries_with(index: IssueIndex, phrase: str) -> int:
    """Return the mask of the entries that hold `phrase` in one of its spellings."""
    if not index.words:
        add_words(index)
    mask = 0
    for spelling in spellings_of(phrase):
        mask |= entries_spelling(index, spelling)
    return mask


def entries_spelling(index: IssueIndex, phrase: str) -> int:
    """Return the mask of the entries that hold `phrase` as it stands; only those with all its words are searched."""
    mask = (1 << len(index.entries)) - 1
    for word in map(normalise, split_words(phrase)):
        if word[0].isalnum():
            mask &= index.by_word.get(word, 0)
    finder = PhraseIndex([phrase]) if mask else None
    return sum(1 << n for n in bits(mask) if finder and any(finder.sightings(index.words[n])))


def index_prominence(index: IssueIndex, phrase: str) -> None:
    """Index which of the entries that hold `phrase` have it in their title, and which name it more than once."""
    index.by_title_phrase[phrase] = index.by_repeated_phrase[phrase] = 0
    if not (mask := index.by_phrase[phrase]):
        return
    finder = PhraseIndex(spellings_of(phrase))
    for number in bits(mask):
        entry = index.entries[number]
        in_title = count_mentions(finder, entry.title)
        is_repeated = in_title + count_mentions(finder, entry.summary) > 1
        index.by_title_phrase[phrase] |= bool(in_title) << number
        index.by_repeated_phrase[phrase] |= is_repeated << number


def count_mentions(finder: PhraseIndex, text: str) -> int:
    """Count how often `text` names a phrase; “Large language models (LLMs)” names it once."""
    words = split_words(text)
    found = list(finder.sightings(words))
    ends = {start + len(split_words(phrase)) for start, phrase in found}
    return sum(not (start - 1 in ends and words[start - 1] == "(") for start, _ in found)


def add_words(index: IssueIndex) -> None:
    for number, entry in enumerate(index.entries):
        words = split_words(f"{entry.title}\n{entry.summary}")
        index.words.append(words)
        for word in set(map(normalise, words)):
            index.by_word[word] = index.by_word.get(word, 0) | 1 << number


def entries_by(index: IssueIndex, author: str) -> int:
    """Return the mask of the entries by `author`; letter case is ignored."""
    if not index.by_name:
        for number, entry in enumerate(index.entries):
            for name in set(map(str.casefold, entry.authors)):
                index.by_name[name] = index.by_name.get(name, 0) | 1 << number
    return index.by_name.get(author.casefold(), 0)


def entries_below(index: IssueIndex, minimum: float) -> int:
    """Return the mask of the entries whose score is below `minimum`; a minimum of 0 is none."""
    if minimum <= 0:
        return 0
    if (mask := index.below.get(minimum)) is None:
        mask = mask_of(number for number, entry in enumerate(index.entries) if entry.score < minimum)
        index.below[minimum] = mask
    return mask


def entries_of_papers(index: IssueIndex, papers: Collection[int]) -> int:
    """Return the mask of the entries of `papers` (ids); a set is quickest."""
    return union(index.by_paper, index.by_paper.keys() & papers) if papers else 0


def union(masks: Mapping[Any, int], keys: Iterable[Any]) -> int:
    result = 0
    for key in keys:
        result |= masks.get(key, 0)
    return result


def mask_of(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def bits(mask: int, most: int = -1) -> list[int]:
    """Return the numbers of the first `most` bits set in `mask`, lowest first; all of them if `most` is negative."""
    if not mask:
        return []
    text, found = bin(mask)[:1:-1], list[int]()  # searching digits is faster than arithmetic on such large numbers
    at = text.find("1")
    while at >= 0 and len(found) != most:
        found.append(at)
        at = text.find("1", at + 1)
    return found
