"""Say which topics a paper belongs to, from its arXiv categories and its words.

A topic's rule holds four lists:

- categories: each gives the topic by itself. `q-bio.*` stands for the whole archive.
- phrases: one gives the topic from the title; in the abstract it takes two of them, or one seen twice.
- weak phrases: hints, each worth half a phrase.
- exclusions: any of them takes the topic from a paper that has it by its words only.

In points: a phrase is worth 2 and a weak phrase 1, times its sightings, a sighting in the title being
two and more than two not counted; the topic needs 4. A phrase inside another counts too: the longer says
more. A category is worth 20, so that what the authors said comes first. A paper keeps the `MAX_TOPICS`
topics with the most points.

Phrases are matched as whole words, in any letter case, and singular and plural are one (write the
singular): `language model` finds "Language models" and "language-model", since a hyphen is a space, but
not "language. Model", since a full stop or a comma ends a phrase. A phrase written wholly in capitals
(`RAG`, `GPU`) is found in capitals only, with or without a small plural s.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from newsletter.papers.topics.evidence import PHRASE

MAX_TOPICS = 4
MAX_EVIDENCE = 6
POINTS_NEEDED = 4
CATEGORY_POINTS = 20
PHRASE_POINTS = 2
WEAK_POINTS = 1
TITLE_FACTOR = 2
COUNTED_SIGHTINGS = 2

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

    def sightings(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield where each phrase begins in `words` and the phrase, as often as it stands there."""
        normal = [*map(normalise, words), ""]  # no phrase goes on with the empty word
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

    def __init__(self, rules: Iterable[TopicRule]) -> None:
        self._by_category: dict[str, list[str]] = {}
        self._uses: dict[str, list[_Use]] = {}
        for rule in rules:
            self._take(rule)
        self._index = PhraseIndex(self._uses)

    def match(self, title: str, abstract: str, categories: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
        """Return the paper's topics, the strongest first, each with its evidence, the strongest first.

        Evidence reads `cs.CL` for a category and `phrase: gaussian splatting` for a phrase. At most
        `MAX_TOPICS` topics and `MAX_EVIDENCE` pieces of evidence a topic are returned.
        """
        tallies: dict[str, _Tally] = {}
        self._count_phrases(title, abstract, tallies)
        tallies = {
            slug: tally for slug, tally in tallies.items() if tally.points >= POINTS_NEEDED and not tally.is_excluded
        }
        self._count_categories(categories, tallies)
        ranked = sorted(tallies.items(), key=lambda item: (-item[1].points, item[0]))
        return {slug: tally.best_evidence() for slug, tally in ranked[:MAX_TOPICS]}

    def _count_phrases(self, title: str, abstract: str, tallies: "dict[str, _Tally]") -> None:
        for phrase, sightings in self._sightings(title, abstract).items():
            for use in self._uses[phrase]:
                tally = tallies.get(use.slug)
                if tally is None:
                    tally = tallies[use.slug] = _Tally()
                if use.points:
                    tally.add(sightings * use.points, f"{PHRASE}{phrase}")
                else:
                    tally.is_excluded = True

    def _sightings(self, title: str, abstract: str) -> dict[str, int]:
        """Count each phrase's sightings, those in the title double, none beyond what counts."""
        title_words = split_words(title)
        words = [*title_words, ".", *split_words(abstract)]
        counts: dict[str, int] = {}
        for position, phrase in self._index.sightings(words):
            sightings = TITLE_FACTOR if position < len(title_words) else 1
            counts[phrase] = min(counts.get(phrase, 0) + sightings, COUNTED_SIGHTINGS)
        return counts

    def _count_categories(self, categories: Iterable[str], tallies: "dict[str, _Tally]") -> None:
        for category in dict.fromkeys(categories):
            archive = f"{category.partition('.')[0]}.*"
            slugs = {*self._by_category.get(category, ()), *self._by_category.get(archive, ())}
            for slug in slugs:
                tallies.setdefault(slug, _Tally()).add(CATEGORY_POINTS, category)

    def _take(self, rule: TopicRule) -> None:
        for category in rule.categories:
            self._by_category.setdefault(category, []).append(rule.slug)
        for phrase, points in _points_of_phrases(rule).items():
            self._uses.setdefault(phrase, []).append(_Use(rule.slug, points))


def compile_topics(rules: Iterable[TopicRule]) -> Matcher:
    """Compile the rules once for many papers. Their order does not matter: of equals the first by slug is kept."""
    return Matcher(rules)


def split_words(text: str) -> list[str]:
    """Split `text` into words, and the marks that end a phrase.

    >>> split_words("Text-to-image models, fast")
    ['Text', 'to', 'image', 'models', ',', 'fast']
    """
    return WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=65_536)
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


def rules_from_toml(text: str) -> tuple[TopicRule, ...]:
    """Read the rules of a file of topics, shaped as `data/topics.toml` is."""
    lists = ("categories", "phrases", "weak_phrases", "exclusions")
    return tuple(
        TopicRule(slug=topic["slug"], **{name: tuple(topic.get(name, ())) for name in lists})
        for topic in tomllib.loads(text)["topic"]
    )


class _Use(NamedTuple):
    """Name a topic a phrase speaks for. An exclusion is worth no points."""

    slug: str
    points: int


@dataclass(slots=True)
class _Node:
    """Hold the phrases that end with the words read so far, and the words some phrase goes on with."""

    following: "dict[str, _Node]" = field(default_factory=dict)
    phrases: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """Add up what speaks for one topic in one paper."""

    points: int = 0
    is_excluded: bool = False
    evidence: list[tuple[int, str]] = field(default_factory=list)

    def add(self, points: int, evidence: str) -> None:
        self.points += points
        self.evidence.append((points, evidence))

    def best_evidence(self) -> tuple[str, ...]:
        ranked = sorted(self.evidence, key=lambda item: (-item[0], item[1]))
        return tuple(text for _, text in ranked[:MAX_EVIDENCE])


def _points_of_phrases(rule: TopicRule) -> dict[str, int]:
    """Return what each phrase is worth; of two spellings of one phrase only the first counts."""
    points = dict.fromkeys(reversed(rule.exclusions), 0)
    points |= dict.fromkeys(reversed(rule.weak_phrases), WEAK_POINTS)
    points |= dict.fromkeys(reversed(rule.phrases), PHRASE_POINTS)
    spellings = {(not worth, *map(normalise, split_words(phrase))): phrase for phrase, worth in points.items()}
    return {phrase: points[phrase] for phrase in spellings.values()}


def _same_capitals(words: Sequence[str], capitals: Sequence[str]) -> bool:
    return all(word in (wanted, wanted + "s") for word, wanted in zip(words, capitals, strict=True))
