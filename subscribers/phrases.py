"""Lists of phrases or names that a reader follows or mutes, as a form or a file holds them."""

import re
import unicodedata
from collections.abc import Iterable

MAX_ENTRIES, MAX_ENTRY_LENGTH = 20, 100
BETWEEN_ENTRIES = re.compile(r"[,;\n\r\v\f\x85\u2028\u2029]")


def split_entries(text: str) -> list[str]:
    """Return the clean entries of a text in which commas, semicolons or line ends separate them, each once."""
    return clean_entries(BETWEEN_ENTRIES.split(text))


def clean_entries(parts: Iterable[str]) -> list[str]:
    entries: dict[str, str] = {}
    for entry in filter(None, map(clean_entry, parts)):
        entries.setdefault(entry.casefold(), entry)
    return list(entries.values())


def clean_entry(text: str) -> str:
    """Return one line in NFC without invisible characters. Idempotent."""
    visible = "".join(" " if letter.isspace() else letter for letter in text)
    visible = "".join(letter for letter in visible if not unicodedata.category(letter).startswith("C"))
    return unicodedata.normalize("NFC", " ".join(visible.split()))
