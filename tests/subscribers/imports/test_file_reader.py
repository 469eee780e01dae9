"""The columns and states of each service, as their documentation has them."""

from pathlib import Path

import pytest

from subscribers.imports import file_reader
from subscribers.imports.formats import FORMATS
from tests.subscribers.imports.files import written

LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at"
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers"
)
BUTTONDOWN = "email_address,type,tags,creation_date,unsubscription_date"


def states(path: Path, form: str) -> list[str]:
    return [str(row.state) for row in file_reader.rows(path, FORMATS[form])]


def test_the_states_of_listmonk(tmp_path: Path) -> None:
    lines = (f'u,ada@example.org,Ada,"{{""city"": ""Paris""}}",{word},2026-01-01,' for word in WORDS_OF_LISTMONK)
    assert states(written(tmp_path, LISTMONK, *lines), "listmonk") == list(WORDS_OF_LISTMONK.values())


WORDS_OF_LISTMONK = {"enabled": "active", "disabled": "left", "blocklisted": "blocked"}


@pytest.mark.parametrize(
    ("word", "state"), [("confirmed", "active"), ("unconfirmed", "unconfirmed"), ("unsubscribed", "left")]
)
def test_an_enabled_reader_of_listmonk_may_have_left_the_list(tmp_path: Path, word: str, state: str) -> None:
    path = written(tmp_path, "email,status,subscription_status", f"ada@example.org,enabled,{word}")
    assert states(path, "listmonk") == [state]


@pytest.mark.parametrize(
    ("subscribed", "deleted", "state"),
    [("true", "", "active"), ("false", "", "left"), ("true", "2026-01-01T00:00:00.000Z", "left")],
)
def test_the_states_of_ghost(tmp_path: Path, subscribed: str, deleted: str, state: str) -> None:
    line = f'6,ada@example.org,Ada,,{subscribed},false,,2025-01-01T00:00:00.000Z,{deleted},"vision, vip",'
    path = written(tmp_path, GHOST, line)
    assert states(path, "ghost") == [state]
    assert next(file_reader.rows(path, FORMATS["ghost"])).choice[0] == "vision, vip"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("regular", "active"), ("premium", "active"), ("past_due", "active"), ("Past due", "active"),
        ("unactivated", "unconfirmed"), ("unsubscribed", "left"), ("removed", "left"), ("undeliverable", "bounced"),
        ("complained", "complained"), ("blocked", "blocked"), ("something new", "unknown"),
    ],
)  # fmt: skip
def test_the_states_of_buttondown(tmp_path: Path, word: str, state: str) -> None:
    # Who came back has a date of leaving too: the type decides.
    path = written(tmp_path, BUTTONDOWN, f"ada@example.org,{word},vision,2025-01-01,2025-02-01")
    assert states(path, "buttondown") == [state]


def test_a_file_of_buttondown_without_types_tells_by_dates_who_left(tmp_path: Path) -> None:
    path = written(tmp_path, "Email,Unsubscription date", "ada@example.org,2025-02-01", "bo@example.org,")
    assert states(path, "buttondown") == ["left", "active"]


def test_a_line_of_fewer_or_more_cells_is_read_and_an_empty_one_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "email,topics,name", "ada@example.org", "", " , ,", "bo@example.org,a,Bo,too many,cells")
    assert [(row.line, row.address) for row in file_reader.rows(path, FORMATS["csv"])] == [
        (2, "ada@example.org"),
        (4, " "),
        (5, "bo@example.org"),
    ]
