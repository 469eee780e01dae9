"""Say how well a paper fits a topic that a rule gives it, from what its whole text speaks of.

The fit is a number from 0 to 1, of two parts:

- its strength, in points: a phrase is worth 2 and a weak phrase 1, as in the rule, times how much is made of it:
  2 for the title, 1 for each sighting in the abstract up to 2, and 2 where it stands in the abstract's first words.
  The paper's primary category adds `CATEGORY_STRENGTH`; one it is only cross-listed in, `CROSSLIST_STRENGTH`.
- the field: how much the paper's other words are those of papers that have the topic beyond doubt, 0 where they
  speak neither for it nor against it.

    fit = strength / (strength + 5 · e^(−field / 2))

A topic without words of its field is judged by its points alone, as if its field were 0.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from newsletter.papers import data

# Below this a topic never leads: its paper does not stand first, gives no subject, and comes behind older papers that
# fit better. Of mailed papers judged by readers, those below it were right in six of ten, those above in nine.
WEAK = 0.7
# From here on nine in ten were right, between the two seven in ten: votes put a paper first that fits so well.
WELL = 0.9
# Of the weak fits, those from here on were right in two of three, the others in two of five: these are poor.
FAIR = 0.6
# Below this a paper keeps a topic only if no other fits it better: one in three was right.
LEAST_FIT = 0.3
# What one phrase alone gives needs this fit; less where the title and the abstract's first words both hold the phrase.
LONE_FIT = 0.65
PROMINENT_FIT = 0.55
# An editor's word is not doubted.
CERTAIN = 1.0

TITLE_SIGHTINGS = 2
OPENING_SIGHTINGS = 2
OPENING_WORDS = 30  # of an abstract, two sentences or so
MOST_IN_ABSTRACT = 2
CATEGORY_STRENGTH = 20
CROSSLIST_STRENGTH = 4  # by itself a poor fit: of papers with nothing else three of ten were right
HALF_STRENGTH = 5  # the points at which a paper of a neutral field fits by half
FIELD_SCALE = 2.0
FURTHEST_FIELD = 8.0  # either way
UNIT = 100  # the words' weights are kept in hundredths


@dataclass(slots=True)
class Mentions:
    """Where a paper names a phrase: in its title or not, how often in its abstract, and there early or not."""

    in_title: bool = False
    in_abstract: int = 0
    is_early: bool = False

    @property
    def is_prominent(self) -> bool:
        return self.in_title and self.is_early

    def worth(self) -> int:
        """Return the sightings this amounts to."""
        worth = self.in_abstract if self.in_abstract < MOST_IN_ABSTRACT else MOST_IN_ABSTRACT
        if self.in_title:
            worth += TITLE_SIGHTINGS
        return worth + OPENING_SIGHTINGS if self.is_early else worth


@dataclass(frozen=True)
class Field:
    """The words of one topic's field, by how much each speaks for the topic (in hundredths).

    `phrases` says the same of the shipped rule's phrases: how much the papers that make something of one speak of
    the field, and -300 at most for a phrase that misled more often than not where it alone gave the topic, as judged
    in tests/payloads/topics. A phrase that an editor added is not in it. `categories` doubts those categories that
    hold papers of other fields too, as cs.GT holds the verification of programs; where it names any, one that it does
    not name is beyond doubt.
    """

    base: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    phrases: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)

    def trust_in(self, phrases: Iterable[str], categories: Iterable[str] = ()) -> int:
        """Return what the most telling of a paper's `phrases` and `categories` adds; nothing where there is none."""
        trusts = [self.phrases.get(phrase, 0) for phrase in phrases]
        if self.categories:
            trusts += [self.categories.get(category, 0) for category in categories]
        return max(trusts, default=0)


class Fields:
    """Weigh the words of papers for topics, by the topics' slugs."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self.words_of_any = frozenset(word for topic in fields.values() for word in topic.words)

    def knows(self, slug: str, phrase: str) -> bool:
        """Say whether `phrase` is one whose use in other papers is known; an editor's own phrase is taken as it is."""
        return slug in self._fields and phrase in self._fields[slug].phrases

    def trust_in(self, slug: str, phrase: str) -> int:
        """Return how much the papers that make something of a phrase speak of the topic's field; 0 if not known."""
        return self._fields[slug].phrases.get(phrase, 0) if slug in self._fields else 0

    def weigh(
        self, slug: str, words: Collection[str], phrases: Iterable[str], categories: Iterable[str] = ()
    ) -> float:
        """Return the field of a topic in a paper of these different `words`, in their normal form: 0 if not known.

        `phrases` are those of the rule that the paper makes something of, `categories` those that the paper is in.
        """
        topic = self._fields.get(slug)
        if topic is None:
            return 0.0
        weights = map(topic.words.__getitem__, topic.words.keys() & words)
        return (topic.base + topic.trust_in(phrases, categories) + sum(weights)) / UNIT


def fit_of(strength: int, field: float = 0.0) -> float:
    """Return the fit of a topic with `strength` points in a paper of that `field`, rounded to a thousandth.

    >>> fit_of(5), fit_of(20), fit_of(5, 4.0), fit_of(5, -4.0)
    (0.5, 0.8, 0.881, 0.119)
    """
    bounded = max(-FURTHEST_FIELD, min(FURTHEST_FIELD, field))
    return round(strength / (strength + HALF_STRENGTH * math.exp(-bounded / FIELD_SCALE)), 3)


@cache
def shipped_fields() -> Fields:
    """Return the fields of the shipped topics; a topic of an editor's own has none."""
    stored = json.loads(resources.files(data).joinpath("field_words.json").read_text("utf-8"))
    return Fields({slug: Field(**lists) for slug, lists in stored.items()})
