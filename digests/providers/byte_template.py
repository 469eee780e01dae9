"""Byte templates: Anymail's output for a message, cut at its holes once, and filled for each reader by a join.

A template holds texts at even indexes and names of holes at odd ones. The mark of a hole is random, so no paper's text
can contain one.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import orjson

from digests.providers.interface import SEAM

KEY = secrets.token_hex(10)
HOLE = re.compile(rf"hole{KEY}-([a-z_]+)-(?:@hole\.invalid)?".encode())
LONGEST_CACHED = 10_000  # characters of a text that is cached
ENTRY_COST = 200  # characters an entry counts besides its text
CACHE_SIZE = 16_000_000  # characters in all
ByteTemplate = tuple[bytes, ...]
Kept = TypeVar("Kept")


def hole(name: str) -> str:
    return f"hole{KEY}-{name}-"


def address_hole() -> str:
    """Return a hole that is itself a valid address."""
    return hole("to") + "@hole.invalid"


def cut(data: bytes) -> ByteTemplate:
    return tuple(HOLE.split(data))


def fill(pieces: ByteTemplate, values: Mapping[bytes, bytes], end: bytes = b"") -> bytes:
    filled = list(pieces)
    filled[1::2] = [values[name] for name in filled[1::2]]
    filled.append(end)
    return b"".join(filled)


def fill_with_lists(pieces: ByteTemplate, values: Mapping[bytes, Sequence[bytes]]) -> bytes:
    """Fill each hole with many texts, one after another; each byte is copied once."""
    parts = [pieces[0]]
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        parts += (*values[name], text)
    return b"".join(parts)


def fill_with_templates(frame: ByteTemplate, inner: Mapping[bytes, ByteTemplate]) -> ByteTemplate:
    """Fill the holes of `frame` that `inner` names with templates; keep all other holes."""
    parts = [frame[:1]]
    for name, text in zip(frame[1::2], frame[2::2], strict=True):
        parts += [inner.get(name, (b"", name, b"")), (text,)]
    return concatenate(*parts)


def concatenate(*parts: ByteTemplate) -> ByteTemplate:
    """Return the templates one after another. Each byte is copied once, since texts are long."""
    texts, names = [list[bytes]()], list[bytes]()
    for part in parts:
        texts[-1].append(part[0])
        names += part[1::2]
        texts += [[text] for text in part[2::2]]
    return interleave(texts, names)


def interleave(texts: Sequence[Sequence[bytes]], names: Sequence[bytes]) -> ByteTemplate:
    return alternate([b"".join(text) for text in texts], names)


def alternate(texts: Sequence[bytes], names: Sequence[bytes]) -> ByteTemplate:
    result = [b""] * (2 * len(texts) - 1)
    result[::2], result[1::2] = texts, names
    return tuple(result)


def encode_parts(parts: Sequence[str], text: Callable[[str], bytes]) -> ByteTemplate:
    """Encode a digest's texts and slot names as a template without seams."""
    texts, names = [[text(parts[0])]], list[bytes]()
    for name, following in zip(parts[1::2], parts[2::2], strict=True):
        if name == SEAM:
            texts[-1].append(text(following))
        else:
            names.append(name.encode())
            texts.append([text(following)])
    return interleave(texts, names)


def unquote_hole(data: bytes, name: str) -> bytes:
    """Remove the quotes around a hole in JSON, for a value that is no string."""
    return data.replace(b'"%s"' % hole(name).encode(), hole(name).encode())


def cache_by_text(function: Callable[[str], Kept]) -> Callable[[str], Kept]:
    """Cache results of `function` for short texts, such as cards; clear the cache when it is full."""
    return Known(function).__getitem__


class Known(dict[str, Kept]):
    """Results of a function by text. What is known costs no call in Python."""

    def __init__(self, function: Callable[[str], Kept]) -> None:
        self.function, self.size = function, 0

    def __missing__(self, text: str) -> Kept:
        found = self.function(text)
        if len(text) <= LONGEST_CACHED:
            self.size += len(text) + ENTRY_COST
            if self.size > CACHE_SIZE:
                self.clear()
                self.size = len(text) + ENTRY_COST
            self[text] = found
        return found


def json_inner(text: str) -> bytes:
    """Return `text` as JSON, without the quotes."""
    return orjson.dumps(text)[1:-1]


json_card = cache_by_text(json_inner)
