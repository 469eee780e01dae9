import pytest

from subscribers.imports.states import SEVERITY, SUPPRESSED, State, flag, permission


@pytest.mark.parametrize("cell", ["", " ", "0", "no", "FALSE", "never", "0000-00-00 00:00:00", "None"])
def test_a_flag_that_says_no_leaves_its_reader_active(cell: str) -> None:
    assert flag(State.LEFT).state_of(cell) == State.ACTIVE


@pytest.mark.parametrize("cell", ["1", "yes", "2026-01-01 10:00:00", "spam", "maybe"])
def test_a_flag_that_says_anything_else_counts(cell: str) -> None:
    assert flag(State.BOUNCED).state_of(cell) == State.BOUNCED


@pytest.mark.parametrize(("cell", "state"), [("yes", "active"), ("No", "left"), ("", "active"), ("maybe", "unknown")])
def test_a_permission_says_yes_or_no_or_is_unknown(cell: str, state: str) -> None:
    assert permission(State.LEFT).state_of(cell) == state


def test_what_keeps_mail_away_is_more_severe_than_what_does_not() -> None:
    assert max(State, key=SEVERITY.__getitem__) == State.COMPLAINED
    assert SEVERITY[State.ACTIVE] < SEVERITY[State.LEFT_OUT] < SEVERITY[State.LEFT]
    assert all(SEVERITY[State.LEFT] < SEVERITY[state] for state in SUPPRESSED)
