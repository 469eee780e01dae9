"""A reader's state in a file, and how the cells of a column say it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """A reader's state in a file, in order of severity; if columns disagree, the most severe counts."""

    ACTIVE = "active"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"
    LEFT_OUT = "left_out"  # an operator said that the column keeps its readers out
    LEFT = "left"
    REFUSED = "refused"  # its owner did not sign up
    BLOCKED = "blocked"
    ERASED = "erased"
    BOUNCED = "bounced"
    STOPPED = "stopped"  # the provider mails it no more
    COMPLAINED = "complained"


SEVERITY = {state: place for place, state in enumerate(State)}
SUPPRESSED = frozenset((State.REFUSED, State.BLOCKED, State.ERASED, State.BOUNCED, State.STOPPED, State.COMPLAINED))
DO_NOT_MAIL = SUPPRESSED | {State.LEFT}
# A line in one of these states keeps out all other lines of its address.
RULES_OUT = DO_NOT_MAIL | {State.LEFT_OUT}


class StateColumn(NamedTuple):
    """A column that determines the state: by its words, by any other filled cell (`filled`), or by an empty one."""

    names: tuple[str, ...]
    words: Mapping[str, State] = {}
    filled: State = State.UNKNOWN
    empty: State = State.ACTIVE

    def state_of(self, cell: str) -> State:
        word = "_".join(cell.lower().split())
        return self.words.get(word, self.filled) if word else self.empty


def words(**states: str) -> dict[str, State]:
    return {word: State(state) for state, text in states.items() for word in text.split(" ")}


YES = "1 yes true y t on x"
NO = "0 no false n f off none null nan never - 0.0 0000-00-00 0000-00-00_00:00:00"


def flag(state: State, *names: str) -> StateColumn:
    """Return a column that is filled (with a date, a reason, a “yes”) only for readers in `state`."""
    return StateColumn(names, words(active=NO), filled=state)


def permission(state: State, *names: str, also: str = "") -> StateColumn:
    """Return a column that says “yes” (or a word of `also`) of readers who may be mailed, “no” of those in `state`."""
    return StateColumn(names, words(active=f"{YES} {also}".strip(), **{state: NO}))
