"""Bytes with holes: what Anymail makes of a message is cut at its holes once, and filled for each reader by a join.

Pieces are texts at even places and names of holes at odd ones. A hole's mark is random, so no paper's text holds one.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import orjson

from digests.providers.interface import SEAM

KEY = secrets.token_hex(10)
HOLE = re.compile(rf"hole{KEY}-([a-z_]+)-(?:@hole\.invalid)?".encode())
LONGEST_CACHED = 10_000  # characters of a text that is kept
ENTRY_COST = 200  # characters that an entry weighs besides its text
CACHE_SIZE = 16_000_000  # characters of all of them
ByteTemplate = tuple[bytes, ...]
Kept = TypeVar("Kept")


def hole(name: str) -> str:
    return f"hole{KEY}-{name}-"


def address_hole() -> str:
    """Return the hole for an address, itself one."""
    return hole("to") + "@hole.invalid"


def cut(data: bytes) -> ByteTemplate:
    return tuple(HOLE.split(data))


def fill(pieces: ByteTemplate, values: Mapping[bytes, bytes]) -> bytes:
    filled = list(pieces)
    filled[1::2] = [values[name] for name in filled[1::2]]
    return b"".join(filled)


def fill_with_templates(frame: ByteTemplate, inner: Mapping[bytes, ByteTemplate]) -> ByteTemplate:
    """Put pieces into the holes of `frame` that `inner` names; all other holes stay."""
    parts = [frame[:1]]
    for name, text in zip(frame[1::2], frame[2::2], strict=True):
        parts += [inner.get(name, (b"", name, b"")), (text,)]
    return concatenate(*parts)


def concatenate(*parts: ByteTemplate) -> ByteTemplate:
    """Return pieces one after another; each byte is copied once, since texts are long."""
    texts, names = [list[bytes]()], list[bytes]()
    for part in parts:
        texts[-1].append(part[0])
        names += part[1::2]
        texts += [[text] for text in part[2::2]]
    return interleave(texts, names)


def interleave(texts: Sequence[Sequence[bytes]], names: Sequence[bytes]) -> ByteTemplate:
    result = [b""] * (2 * len(texts) - 1)
    result[::2], result[1::2] = [b"".join(text) for text in texts], names
    return tuple(result)


def encode_parts(parts: Sequence[str], text: Callable[[str], bytes]) -> ByteTemplate:
    """Return texts and names of slots, as a digest gives them, as pieces without seams."""
    texts, names = [[text(parts[0])]], list[bytes]()
    for name, following in zip(parts[1::2], parts[2::2], strict=True):
        if name == SEAM:
            texts[-1].append(text(following))
        else:
            names.append(name.encode())
            texts.append([text(following)])
    return interleave(texts, names)


def unquote_hole(data: bytes, name: str) -> bytes:
    """Take the quotes from around a hole in JSON: what fills it is no string."""
    return data.replace(b'"%s"' % hole(name).encode(), hole(name).encode())


def cache_by_text(function: Callable[[str], Kept]) -> Callable[[str], Kept]:
    """Keep what `function` makes of short texts, such as cards, until they are too many."""
    known: dict[str, Kept] = {}
    size = 0

    def look_up(text: str) -> Kept:
        nonlocal size
        if (found := known.get(text)) is not None:
            return found
        found = function(text)
        if len(text) <= LONGEST_CACHED:
            size += len(text) + ENTRY_COST
            if size > CACHE_SIZE:
                known.clear()
                size = len(text) + ENTRY_COST
            known[text] = found
        return found

    return look_up


def json_inner(text: str) -> bytes:
    """Return the inside of a JSON string."""
    return orjson.dumps(text)[1:-1]


json_card = cache_by_text(json_inner)
