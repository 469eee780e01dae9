"""Decide which columns of a file are read, and which an operator must explain before anything is written."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from subscribers.imports.csv_records import Lines
from subscribers.imports.file_encoding import Encoding, encoding_of
from subscribers.imports.file_error import FileError
from subscribers.imports.file_header import (
    Header,
    clean_name,
    index_of,
    read_header,
    recognize,
    shown_titles,
    value_of,
)
from subscribers.imports.formats import COMMON, PLAIN, Format
from subscribers.imports.states import NO, State, StateColumn, permission, words

# In the order of choice_mapping.ChoiceMapper.
CHOICE_COLUMNS = (
    ("frequency", "how_often"),
    ("weekday", "day"),
    ("hour", "send_time", "time"),
    ("zone", "timezone", "time_zone"),
    ("paused_until",),
    ("followed_phrases",),
    ("followed_authors",),
    ("muted_phrases",),
    ("muted_authors",),
    ("max_papers",),
    ("minimum_score",),
    ("detail",),
)
CACHE_SIZE = 1000  # parsed cells per state column
# Parts of names of columns that may say why a reader must not be mailed.
SUSPECT = re.compile(
    r"unsub|opt(ed)?_?(in|out)|bounc|clean|block|black|disab|disallow|suppress|confirm|verif|valid|status|complain|spam|"
    r"abuse|delet|remov|cancel|reject|undeliver|paus|inactiv|subscri(?!ber)|consent|gdpr|permission|do_not|banned|"
    r"exclu|churn|expire|market|accept|newsletter|mailable|deliverab|refus|declin|stop|resign|lapse|"
    r"ab(ge)?meld|abbestell|gesperrt|best.tig|gek.{1,2}ndigt|widerruf|einwillig|d.sabon|d.sinscri|"
    r"^((subscriber|contact)_)?type$|"
    r"(^|_)(state|active|left|quit|dnc|dnm|baja)(_|$)"
)


class Meaning(StrEnum):
    """What an operator says of a column that is not known."""

    KEEP = "keep"
    SET = "set"
    UNSET = "unset"
    STATE = "state"


MEANINGS = {
    Meaning.KEEP: "Not a reason to leave anybody out",
    Meaning.SET: "Leave these readers out when it is set",
    Meaning.UNSET: "Leave these readers out when it is not set",
    Meaning.STATE: "It holds the reader’s state",
}
COLUMN_OF_MEANING = {
    Meaning.SET: StateColumn((), words(active=NO), filled=State.LEFT_OUT),
    Meaning.UNSET: permission(State.LEFT_OUT)._replace(filled=State.ACTIVE, empty=State.LEFT_OUT),
    Meaning.STATE: StateColumn((), PLAIN),
}


class ReaderState(NamedTuple):
    """A state, and the column and cell that say so unless it is “active”."""

    state: State
    why: str


class Columns(NamedTuple):
    """Where a file's columns stand. An index equal to `width` means the column is missing."""

    form: Format
    encoding: Encoding
    header: Header
    width: int
    address: int
    states: list[tuple[int, Callable[[str], ReaderState]]]
    choice: Callable[[Sequence[str]], tuple[str, ...]]
    titles: list[str]  # as they are shown
    read: list[str]  # titles
    unread: list[str]  # titles
    explained: list[tuple[str, str]]  # titles of the columns that an operator explained, each with its Meaning
    unexplained: dict[str, int]  # clean titles of suspect columns that nobody has explained yet, with their index


def find_columns(path: Path, form: Format, meanings: Mapping[str, str]) -> Columns:
    """Return the columns of a file; `meanings` holds a Meaning by the clean title of a column, shown or whole.

    Raise FileError if it cannot be read as a file of this format.
    """
    try:
        encoding = encoding_of(path)
        with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
            header = read_header(Lines(file), form)
    except OSError as exc:
        raise FileError(f"The file cannot be read: {exc.strerror}.") from exc
    except csv.Error as exc:
        raise FileError(f"The first line cannot be read: {exc}.") from exc
    names = [clean_name(title) for title in header.titles]
    form = recognize(form, names)
    address = index_of(form.addresses, names)
    choice = [index_of(column, names) for column in (form.topics, *CHOICE_COLUMNS)]
    titles = shown_titles(header.titles)
    explained = explained_columns(meanings, [clean_name(title) for title in titles], names)
    states = state_columns(form, names, explained, {address, *choice})
    used = {address, *choice, *states}
    free = {index: name for index, name in enumerate(names) if index not in used}
    suspects = [index for index, name in free.items() if is_suspect(name, form) and index not in explained]
    return Columns(
        form, encoding, header, len(names), address,
        [(index, state_reader(titles[index], column)) for index, column in states.items()],
        itemgetter(*choice), titles,
        [titles[index] for index in sorted(used - {len(names)})],
        [titles[index] for index in free],
        [(titles[index], word) for index, word in explained.items()],
        {clean_name(titles[index]): index for index in suspects},
    )  # fmt: skip


def explained_columns(meanings: Mapping[str, str], shown: Sequence[str], whole: Sequence[str]) -> dict[int, Meaning]:
    """Return the meanings by index of their columns, whose clean titles are `shown`, and uncut `whole`.

    Raise FileError for a meaning whose column is not in the file, or for two meanings of one column.
    """
    found: dict[int, Meaning] = {}
    for name, word in meanings.items():
        indexes = places_of(name, shown) or places_of(name, whole)
        if not indexes:
            raise FileError(f"The file has no column “{name}”, so no meaning can be given to it.")
        if any(found.get(index, word) != word for index in indexes):
            raise FileError(f"The column “{name}” is given two meanings.")
        found |= dict.fromkeys(indexes, Meaning(word))
    return found


def places_of(name: str, names: Sequence[str]) -> list[int]:
    return [index for index, other in enumerate(names) if other == name]


def state_columns(
    form: Format, names: Sequence[str], explained: Mapping[int, Meaning], taken: set[int]
) -> dict[int, StateColumn]:
    """Return all columns that say a state, by index: known ones, and those that an operator explained.

    Raise FileError if the operator explains a column whose meaning is known.
    """
    known = known_columns(form, names)
    for index in explained:
        if index in taken or names[index] in known:
            raise FileError(f"The column “{names[index]}” already has a meaning, which cannot be replaced.")
    return {
        index: known[name] if name in known else COLUMN_OF_MEANING[explained[index]]
        for index, name in enumerate(names)
        if index not in taken and (name in known or explained.get(index) in COLUMN_OF_MEANING)
    }


def known_columns(form: Format, names: Sequence[str]) -> dict[str, StateColumn]:
    """Return the columns by name that say a state in a file of `form` with the columns `names`."""
    own = {name: column for column in form.states for name in column.names}
    fallbacks = {name: column for column in form.fallbacks for name in column.names}
    common = {name: column for column in COMMON for name in column.names if name not in form.harmless}
    if any(name in own for name in names):
        return {name: column for name, column in common.items() if name not in fallbacks} | own
    return common | fallbacks | own


def is_suspect(name: str, form: Format) -> bool:
    """Return whether a column that is not read may say that readers left."""
    known = form.harmless | {other for column in form.fallbacks for other in column.names}
    return name not in known and SUSPECT.search(name) is not None


def state_reader(title: str, column: StateColumn) -> Callable[[str], ReaderState]:
    @lru_cache(CACHE_SIZE)
    def read(cell: str) -> ReaderState:
        state = column.state_of(cell)
        return ReaderState(state, "" if state == State.ACTIVE else f"“{title}” says “{value_of(cell)}”")

    return read
