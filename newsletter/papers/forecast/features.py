"""What the forecast reads of a paper: words, pairs of words and a few marks, as numbers with counts. Pure.

A feature is a 32-bit number, made from the text alone: the same on every machine, in every process, in every version
of Python. Training and scoring both come here. Whoever changes what this module returns raises VERSION, and models of
another version are refused.
"""

import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

VERSION = 1
TITLE_WEIGHT = 2.0
CATEGORY_WEIGHT = 2.0
AUTHORS_WEIGHT = 2.0
MAX_WORDS = 2_000  # of an abstract; the longest on arXiv have 400
MAX_AUTHORS = 1_000
WORDS_KEPT = 1 << 16  # hashes in memory at once, about 8 MB

Keys = npt.NDArray[np.uint32]
Counts = npt.NDArray[np.float32]


class PaperText(NamedTuple):
    """What arXiv's listing says of a paper, cleaned as it is stored."""

    title: str
    abstract: str
    categories: tuple[str, ...] = ()
    author_count: int = 0


class Features(NamedTuple):
    """The features of one paper: keys in rising order, each once, and how often each occurs (by its part's weight)."""

    keys: Keys
    counts: Counts


def features_of(paper: PaperText) -> Features:
    """Return a paper's features. Any text will do, an empty one too."""
    title, abstract = hash_tokens(split_words(paper.title)), hash_tokens(split_words(paper.abstract)[:MAX_WORDS])
    weighted = [
        (title, TITLE_WEIGHT),
        (hash_pairs(title), TITLE_WEIGHT),
        (abstract, 1.0),
        (hash_pairs(abstract), 1.0),
        (hash_tokens([f"category:{name}" for name in paper.categories]), CATEGORY_WEIGHT),
        (hash_tokens(list(text_marks(paper.abstract))), 1.0),
        (hash_tokens([authors_mark(paper.author_count)]), AUTHORS_WEIGHT),
    ]
    return sum_features(weighted)


def sum_features(weighted: list[tuple[Keys, float]]) -> Features:
    keys = np.concatenate([part for part, _ in weighted])
    weights = np.repeat([weight for _, weight in weighted], [len(part) for part, _ in weighted])
    unique, places = np.unique(keys, return_inverse=True)
    return Features(unique, np.bincount(places, weights, len(unique)).astype(np.float32))


def split_words(text: str) -> list[str]:
    """Split text into words.

    >>> split_words("GPT-4o: Is it a_b?")
    ['gpt', '4o', 'is', 'it', 'a_b']
    """
    return WORD.findall(text.lower())


def hash_tokens(tokens: list[str]) -> Keys:
    return np.fromiter(map(hash_of, tokens), np.uint32, len(tokens))


@lru_cache(WORDS_KEPT)
def hash_of(token: str) -> int:
    """Return the CRC-32 of a token's UTF-8, a lone surrogate as a question mark.

    >>> hash_of("model")
    3616895705
    """
    return zlib.crc32(token.encode("utf-8", "replace"))


def hash_pairs(hashed: Keys) -> Keys:
    """Return one number for each two neighbours, in their order: one fewer than there are words."""
    first, second = hashed[:-1], hashed[1:]
    return mix_bits(first * FIRST_FACTOR + (second << np.uint32(1)) + PAIR_OFFSET)


def mix_bits(numbers: Keys) -> Keys:
    """Spread numbers evenly: the last step of MurmurHash3, which wraps at 32 bits."""
    numbers = (numbers ^ (numbers >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    numbers = (numbers ^ (numbers >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return numbers ^ (numbers >> np.uint32(16))


def text_marks(abstract: str) -> Iterator[str]:
    """Yield what words do not say of an abstract: its length, its links, how many figures it names.

    >>> list(text_marks("We gain 3.2% on 5 tasks: https://github.com/a/b"))
    ['length:0', 'link', 'link:github.com', 'percent', 'figures:3']
    """
    text = abstract.lower()
    yield f"length:{min(len(text) // LETTERS_A_STEP, MAX_STEPS)}"
    if "http" in text:
        yield "link"
    yield from (f"link:{place}" for place in PLACES if place in text)
    if PERCENT.search(text):
        yield "percent"
    yield f"figures:{min(len(FIGURE.findall(text)), MAX_STEPS)}"


def authors_mark(count: int) -> str:
    """Say about how many authors there are, in half steps of doubling.

    >>> [authors_mark(count) for count in (1, 2, 3, 100)]
    ['authors:2', 'authors:3', 'authors:4', 'authors:13']
    """
    return f"authors:{int(2 * np.log2(1 + min(max(count, 0), MAX_AUTHORS)))}"


WORD = re.compile(r"\w+")
FIGURE = re.compile(r"\d+")
PERCENT = re.compile(r"\d\\?%")
PLACES = ("github.com", "github.io", "huggingface")
LETTERS_A_STEP = 250
MAX_STEPS = 8
FIRST_FACTOR = np.uint32(0x9E3779B1)
PAIR_OFFSET = np.uint32(0x7F4A7C15)
