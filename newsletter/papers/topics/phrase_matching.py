"""Say which topics a paper belongs to, from its arXiv categories and its words.

A topic's rule holds four lists:

- categories: each gives the topic by itself. `q-bio.*` stands for the whole archive.
- phrases: one gives the topic from the title; in the abstract it takes two of them, or one seen twice.
- weak phrases: hints, each worth half a phrase.
- exclusions: any of them takes the topic from a paper that has it by its words only.

In points: a phrase is worth 2 and a weak phrase 1, times its sightings, a sighting in the title being
two and more than two not counted; the topic needs 4. A phrase inside another counts too: the longer says
more.

Each topic comes with its fit (see topic_fit.py), a number from 0 to 1. Where one phrase alone gives a topic, the rest
of the text has to speak of its field: the topic is taken away below a fit of `PROMINENT_FIT` where the title and the
abstract's first words both hold the phrase, else below `LONE_FIT`. That holds for the shipped phrases only; one that
an editor adds is taken at its word. A paper keeps the topic that fits best, and of the others the best three whose fit
is `LEAST_FIT` or more.

Phrases are matched as whole words, in any letter case, and singular and plural are one (write the
singular): `language model` finds "Language models" and "language-model", since a hyphen is a space, but
not "language. Model", since a full stop or a comma ends a phrase. A phrase written wholly in capitals
(`RAG`, `GPU`) is found in capitals only, with or without a small plural s.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from newsletter.papers.topic_fit import (
    CATEGORY_STRENGTH,
    CROSSLIST_STRENGTH,
    LEAST_FIT,
    LONE_FIT,
    OPENING_WORDS,
    PROMINENT_FIT,
    Fields,
    Mentions,
    fit_of,
)
from newsletter.papers.topics.evidence import PHRASE

MAX_TOPICS = 4
MAX_EVIDENCE = 6
POINTS_NEEDED = 4
PHRASE_POINTS = 2
WEAK_POINTS = 1
TITLE_FACTOR = 2
COUNTED_SIGHTINGS = 2
REMEMBERED_WORDS = 65_536

# Singulars that look like plurals of other words.
SINGULARS = frozenset({"news", "lens"})

# Letters and digits, with the signs of C++ and C#; or a mark no phrase reaches across.
WORD = re.compile(r"[^\W_]+[+#]*|[.,;:!?()]")


@dataclass(frozen=True)
class TopicRule:
    """What makes a paper belong to the topic `slug`; see the top of this module for what the lists mean."""

    slug: str
    categories: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    weak_phrases: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()


class PhraseIndex:
    """Find many phrases in one pass over a text, at a cost that hardly grows with their number."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._root = _Node()
        for phrase in dict.fromkeys(phrases):
            self._add(phrase)

    def find(self, text: str) -> set[str]:
        """Return the phrases that stand in `text`, spelled as they were given."""
        return {phrase for _, phrase in self.sightings(split_words(text))}

    def sightings(self, words: Sequence[str], normal: Sequence[str] = ()) -> Iterator[tuple[int, str]]:
        """Yield where each phrase begins in `words` and the phrase, as often as it stands there.

        Whoever has the `normal_form` of `words` already hands it in.
        """
        normal = normal or normal_form(words)
        first_words = self._root.following
        for start in [place for place, word in enumerate(normal) if word in first_words]:
            node: _Node | None = first_words[normal[start]]
            end = start + 1
            while node is not None:
                for phrase, capitals in node.phrases:
                    if not capitals or _same_capitals(words[start:end], capitals):
                        yield start, phrase
                node = node.following.get(normal[end])
                end += 1

    def _add(self, phrase: str) -> None:
        words = split_words(phrase.strip(" .,;:!?()"))
        if not words:
            return
        node = self._root
        for word in words:
            node = node.following.setdefault(normalise(word), _Node())
        node.phrases.append((phrase, tuple(words) if phrase.isupper() else ()))


class Matcher:
    """The compiled rules of all topics: made once, then asked for every paper."""

    def __init__(self, rules: Iterable[TopicRule], fields: Fields | None = None) -> None:
        self._fields = fields or Fields({})
        self._by_category: dict[str, list[str]] = {}
        self._uses: dict[str, list[_Use]] = {}
        for rule in rules:
            self._take(rule)
        self._index = PhraseIndex(self._uses)

    def match(
        self, title: str, abstract: str, categories: Iterable[str] = (), primary: str = ""
    ) -> dict[str, "Match"]:
        """Return the paper's topics, the best fit first, each with its fit and its evidence, the strongest first.

        `primary` is the category that the paper belongs to, the others being cross-lists; "" where it is not known,
        and all count alike.

        Evidence reads `cs.CL` for a category and `phrase: gaussian splatting` for a phrase. At most
        `MAX_TOPICS` topics and `MAX_EVIDENCE` pieces of evidence a topic are returned.
        """
        title_words = split_words(title)
        words = [*title_words, ".", *split_words(abstract)]
        normal = normal_form(words)
        tallies: dict[str, _Tally] = {}
        self._count_phrases(self._mentions(words, normal, len(title_words)), tallies)
        tallies = {
            slug: tally for slug, tally in tallies.items() if tally.points >= POINTS_NEEDED and not tally.is_excluded
        }
        self._count_categories(categories, primary, tallies)
        fits = self._fits(self._fields.words_of_any & set(normal), tallies)
        kept = [slug for slug, fit in fits.items() if fit >= self._fit_needed(slug, tallies[slug])]
        ranked = sorted(kept, key=lambda slug: (-fits[slug], slug))
        ranked = ranked[:1] + [slug for slug in ranked[1:MAX_TOPICS] if fits[slug] >= LEAST_FIT]
        return {slug: Match(fits[slug], self._evidence(slug, tallies[slug])) for slug in ranked}

    def _evidence(self, slug: str, tally: "_Tally") -> tuple[str, ...]:
        """Return the categories, and the phrases by points, by strength and by trust."""
        weight = self._fields.trust_in
        ranked = sorted(tally.phrases, key=lambda one: (-one.points, -one.strength, -weight(slug, one.text), one.text))
        return (*sorted(tally.categories), *(f"{PHRASE}{phrase.text}" for phrase in ranked))[:MAX_EVIDENCE]

    def _fits(self, words: Collection[str], tallies: "Mapping[str, _Tally]") -> dict[str, float]:
        """Return each topic's fit in a paper of these different `words`."""
        return {
            slug: fit_of(tally.strength, self._fields.weigh(slug, words, tally.full_phrases(), tally.categories))
            for slug, tally in tallies.items()
        }

    def _fit_needed(self, slug: str, tally: "_Tally") -> float:
        """Return the least fit that keeps a topic: 0 unless one shipped phrase alone gives it."""
        if len(tally.phrases) > 1 or tally.categories or not self._fields.knows(slug, tally.phrases[0].text):
            return 0.0
        return PROMINENT_FIT if tally.phrases[0].is_prominent else LONE_FIT

    def _count_phrases(self, mentions: Mapping[str, Mentions], tallies: "dict[str, _Tally]") -> None:
        for phrase, mentioned in mentions.items():
            sightings = min(TITLE_FACTOR * mentioned.in_title + mentioned.in_abstract, COUNTED_SIGHTINGS)
            worth = mentioned.worth()
            for use in self._uses[phrase]:
                tally = tallies.get(use.slug)
                if tally is None:
                    tally = tallies[use.slug] = _Tally()
                if use.points:
                    tally.add(phrase, sightings * use.points, worth * use.points, mentioned.is_prominent)
                else:
                    tally.is_excluded = True

    def _mentions(self, words: Sequence[str], normal: Sequence[str], title_length: int) -> dict[str, Mentions]:
        """Return what the paper makes of each phrase it names; the title is its first `title_length` words."""
        opening = title_length + 1 + OPENING_WORDS
        mentions: dict[str, Mentions] = {}
        for position, phrase in self._index.sightings(words, normal):
            mentioned = mentions.get(phrase)
            if mentioned is None:
                mentioned = mentions[phrase] = Mentions()
            if position < title_length:
                mentioned.in_title = True
            else:
                mentioned.in_abstract += 1
                if position < opening:
                    mentioned.is_early = True
        return mentions

    def _count_categories(self, categories: Iterable[str], primary: str, tallies: "dict[str, _Tally]") -> None:
        for category in dict.fromkeys(categories):
            strength = CATEGORY_STRENGTH if primary in ("", category) else CROSSLIST_STRENGTH
            archive = f"{category.partition('.')[0]}.*"
            slugs = {*self._by_category.get(category, ()), *self._by_category.get(archive, ())}
            for slug in slugs:
                tallies.setdefault(slug, _Tally()).add_category(category, strength)

    def _take(self, rule: TopicRule) -> None:
        for category in rule.categories:
            self._by_category.setdefault(category, []).append(rule.slug)
        for phrase, points in _points_of_phrases(rule).items():
            self._uses.setdefault(phrase, []).append(_Use(rule.slug, points))


class Match(NamedTuple):
    """How well a paper fits a topic, from 0 to 1, and what gave it the topic."""

    fit: float
    evidence: tuple[str, ...]


def compile_topics(rules: Iterable[TopicRule], fields: Fields | None = None) -> Matcher:
    """Compile the rules once for many papers. Their order does not matter: of equals the first by slug is kept."""
    return Matcher(rules, fields)


def normal_form(words: Iterable[str]) -> list[str]:
    """Return the words' normal forms, and after them an empty one, with which no phrase goes on."""
    return [*map(NORMAL_FORMS.__getitem__, words), ""]


def split_words(text: str) -> list[str]:
    """Split `text` into words, and the marks that end a phrase.

    >>> split_words("Text-to-image models, fast")
    ['Text', 'to', 'image', 'models', ',', 'fast']
    """
    return WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


def normalise(word: str) -> str:
    """Return the form in which two spellings of a word meet: its singular in small letters.

    >>> [normalise(word) for word in ("Models", "policies", "meshes", "viruses", "bias", "GPUs", "corpus")]
    ['model', 'policy', 'mesh', 'virus', 'bias', 'gpu', 'corpus']
    """
    small = word.casefold()
    if word.endswith("s") and len(word) > 2 and word[:-1].isupper():
        return small[:-1]
    if small in SINGULARS:
        return small
    if len(small) > 3 and small.endswith("s") and not small.endswith(("ss", "us", "is", "as")):
        small = small[:-1]
    if small.endswith("ie"):
        return small[:-2] + "y"
    return small[:-1] if small.endswith(("che", "she", "se", "xe", "ze")) else small


class _NormalForms(dict[str, str]):
    """Remember the normal form of each word, at half the cost of a cache that knows which was used last."""

    def __missing__(self, word: str) -> str:
        if len(self) >= REMEMBERED_WORDS:
            self.clear()
        form = self[word] = normalise(word)
        return form


NORMAL_FORMS = _NormalForms()


class _Use(NamedTuple):
    """Name a topic a phrase speaks for. An exclusion is worth no points."""

    slug: str
    points: int


@dataclass(slots=True)
class _Node:
    """Hold the phrases that end with the words read so far, and the words some phrase goes on with."""

    following: "dict[str, _Node]" = field(default_factory=dict)
    phrases: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


class _Found(NamedTuple):
    """Name a phrase that a paper holds, with its points and its strength for the topic."""

    text: str
    points: int
    strength: int
    is_prominent: bool


@dataclass(slots=True)
class _Tally:
    """Add up what speaks for one topic in one paper."""

    points: int = 0
    strength: int = 0
    is_excluded: bool = False
    phrases: "list[_Found]" = field(default_factory=list)
    categories: list[str] = field(default_factory=list)

    def add(self, phrase: str, points: int, strength: int, is_prominent: bool) -> None:
        self.points += points
        self.strength += strength
        self.phrases.append(_Found(phrase, points, strength, is_prominent))

    def add_category(self, category: str, strength: int) -> None:
        self.strength += strength
        self.categories.append(category)

    def full_phrases(self) -> list[str]:
        """Return the phrases of which each gives the topic by itself."""
        return [phrase.text for phrase in self.phrases if phrase.points >= POINTS_NEEDED]


def _points_of_phrases(rule: TopicRule) -> dict[str, int]:
    """Return what each phrase is worth; of two spellings of one phrase only the first counts."""
    points = dict.fromkeys(reversed(rule.exclusions), 0)
    points |= dict.fromkeys(reversed(rule.weak_phrases), WEAK_POINTS)
    points |= dict.fromkeys(reversed(rule.phrases), PHRASE_POINTS)
    spellings = {(not worth, *map(normalise, split_words(phrase))): phrase for phrase, worth in points.items()}
    return {phrase: points[phrase] for phrase in spellings.values()}


def _same_capitals(words: Sequence[str], capitals: Sequence[str]) -> bool:
    return all(word in (wanted, wanted + "s") for word, wanted in zip(words, capitals, strict=True))
