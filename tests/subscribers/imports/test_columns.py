from pathlib import Path

import pytest

from subscribers.imports import file_reader
from subscribers.imports.columns import Columns, find_columns
from subscribers.imports.file_error import FileError
from subscribers.imports.file_header import clean_name
from subscribers.imports.formats import FORMATS
from tests.subscribers.imports.files import written


def columns_of(path: Path, form: str = "csv", **meanings: str) -> Columns:
    return find_columns(path, FORMATS[form], meanings)


def test_every_column_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "Email,email,topic,topics,Themen,Full name,,Phone")
    found = columns_of(path)
    assert found.read == ["Email (column 1)", "topics"]
    assert found.unread == ["email (column 2)", "topic", "Themen", "Full name", "–", "Phone"]


@pytest.mark.parametrize(
    "title",
    [
        "Unsubscribe link", "optout reason", "Bounces", "Cleaned by", "Block list", "Disabled since", "Confirm IP",
        "Customer status", "Opt-in source", "Abgemeldet", "Désabonné", "Spam score", "GDPR", "Do not call", "Type",
        "Opted out of email", "opted-out-on", "Accepts Email Marketing", "Newsletter", "Abmeldedatum", "Gekündigt am",
    ],
)  # fmt: skip
def test_a_column_whose_name_smells_of_leaving_waits_for_an_answer(tmp_path: Path, title: str) -> None:
    path = written(tmp_path, f"email,{title}", "ada@example.org,x")
    assert columns_of(path).unexplained == {clean_name(title): 1}
    assert columns_of(path, **{clean_name(title): "keep"}).unexplained == {}


@pytest.mark.parametrize("title", ["Name", "City", "subscriber_id", "created_at", "tier", "Themen", "subscribed_at"])
def test_other_columns_are_not_asked_about(tmp_path: Path, title: str) -> None:
    assert columns_of(written(tmp_path, f"email,{title}")).unexplained == {}


@pytest.mark.parametrize(
    ("meaning", "cells", "states"),
    [
        ("keep", ["1", "0", ""], ["active", "active", "active"]),
        ("set", ["1", "0", "", "no", "2026-01-01"], ["left_out", "active", "active", "active", "left_out"]),
        ("unset", ["1", "0", "", "2026-01-01"], ["active", "left_out", "left_out", "active"]),
        ("state", ["active", "unsubscribed", "bounced", "gold"], ["active", "left", "bounced", "unknown"]),
    ],
)
def test_an_operator_says_what_a_column_means(
    tmp_path: Path, meaning: str, cells: list[str], states: list[str]
) -> None:
    path = written(tmp_path, "email,Mail status", *(f"ada@example.org,{cell}" for cell in cells))
    found = columns_of(path, mail_status=meaning)
    assert [str(row.state) for row in file_reader.rows(path, found)] == states


LONG = "Have you ever opted out of the mails that our department sends "


def test_long_titles_that_begin_alike_are_asked_about_one_by_one(tmp_path: Path) -> None:
    lines = ["a@x.org,1,0", "b@x.org,0,1"]
    path = written(tmp_path, f"email,{LONG}in spring,{LONG}in autumn", *lines)
    found = columns_of(path)
    spring, autumn = found.unexplained
    samples = file_reader.sample_values(path, found)
    assert samples[spring]["title"] != samples[autumn]["title"]
    explained = columns_of(path, **{spring: "keep", autumn: "set"})
    assert [str(row.state) for row in file_reader.rows(path, explained)] == ["active", "left_out"]


def test_a_column_is_explained_by_its_whole_title_or_by_the_one_that_is_shown(tmp_path: Path) -> None:
    title = f"{LONG}in spring"
    path = written(tmp_path, f"email,{title}", "a@x.org,1")
    (shown,) = (sample["title"] for sample in file_reader.sample_values(path, columns_of(path)).values())
    assert shown != title
    for name in (title, shown):
        explained = columns_of(path, **{clean_name(name): "set"})
        assert [str(row.state) for row in file_reader.rows(path, explained)] == ["left_out"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("bounces", "has no column “bounces”"), ("status", "already has a meaning"), ("email", "already has a meaning")],
)
def test_nobody_gives_another_meaning_to_a_column_that_is_read_or_not_there(
    tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(FileError, match=words):
        columns_of(written(tmp_path, "email,status"), **{name: "keep"})


def test_an_operator_is_shown_values_without_addresses(tmp_path: Path) -> None:
    lines = ["a@x.org,", "b@x.org,yes", "c@x.org,yes", f"d@x.org,{'long' * 30}", "e@x.org,bo@example.org"]
    path = written(tmp_path, "email,Bounces", *lines)
    assert file_reader.sample_values(path, columns_of(path)) == {
        "bounces": {
            "title": "Bounces",
            "values": ["(empty)", "yes", "longlonglonglonglonglonglonglonglonglong", "b…@e…"],
        }
    }
