import csv
from datetime import date, time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.papers.models import Topic
from subscribers import csv_export
from subscribers.addresses.canonical import hash_address
from subscribers.models import Consent, Preferences, Subscriber, Suppression
from subscribers.phrases import clean_entries, clean_entry
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.queries import query_count
from tests.subscribers.imports.files import imported, outcomes

FOLLOWED = ("followed_phrases", "followed_authors")

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def exported() -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO("".join(csv_export.lines()).removeprefix("\ufeff"), newline="")))


def test_an_export_holds_what_a_reader_chose_and_agreed_to() -> None:
    heir = TopicFactory(slug="robotics")
    topics = [TopicFactory(slug="vision"), TopicFactory(slug="robots", retired_into=heir)]
    reader = SubscriberFactory(
        email="Ada@example.org",
        preferences=Preferences.objects.for_choice(topics, followed_phrases=["world model"], max_papers=5),
        frequency="weekly",
        weekday=4,
        send_time=time(8, 30),
        timezone="Europe/Berlin",
    )
    reader.consents.create(act=Consent.Act.CONFIRMED, at=MORNING, text_version="2026-11")
    (row,) = exported()
    assert list(row) == [
        "email", "state", "suppressed", "topics", "followed_phrases", "followed_authors", "muted_phrases",
        "muted_authors", "max_papers", "minimum_score", "detail", "frequency", "weekday", "hour", "zone",
        "paused_until", "subscribed_at", "confirmed_at", "unsubscribed_at", "consents",
    ]  # fmt: skip
    wanted = {
        "email": "Ada@example.org",
        "state": "active",
        "topics": "robotics, vision",
        "followed_phrases": "world model",
        "max_papers": "5",
        "frequency": "weekly",
        "weekday": "friday",
        "hour": "08:30",
        "zone": "Europe/Berlin",
        "suppressed": "",
        "consents": "confirmed 2026-05-04T05:00:00Z",
    }
    assert {name: row[name] for name in wanted} == wanted


def test_no_cell_of_an_export_is_a_formula() -> None:
    SubscriberFactory(
        email="=cmd@example.org",
        preferences=Preferences.objects.for_choice([], followed_phrases=['=HYPERLINK("x")'], muted_authors=["@SUM"]),
    )
    (row,) = exported()
    assert (row["email"], row["muted_authors"]) == ("'=cmd@example.org", "'@SUM")
    assert row["followed_phrases"] == '\'=HYPERLINK("x")'


def test_an_export_is_read_again_as_it_was(tmp_path: Path) -> None:
    vision = TopicFactory(slug="vision")
    kept = SubscriberFactory(email="+ada@example.org", topics=[vision], frequency="weekly", weekday=2)
    SubscriberFactory(email="gone@example.org", status="unsubscribed", next_digest_at=None)
    SubscriberFactory(email="asked@example.org", status="pending", next_digest_at=None)
    SubscriberFactory(email="spam@example.org")
    Suppression.objects.create(address_hash=hash_address("spam@example.org"), reason="complaint")
    path = tmp_path / "all.csv"
    path.write_text("".join(csv_export.lines()), "utf-8", newline="")
    columns = ("email", "canonical", "preferences", "frequency", "weekday", "send_time", "timezone")
    before = Subscriber.objects.filter(pk=kept.pk).values_list(*columns).get()
    Consent.objects.all().delete()
    Subscriber.objects.all().delete()
    Suppression.objects.all().delete()
    imported(path)
    assert outcomes(path) == ["added", "left", "unconfirmed", "suppressed"]
    assert Subscriber.objects.filter(status="active").values_list(*columns).get() == before


@pytest.mark.parametrize("reason", Suppression.Reason)
@pytest.mark.parametrize("status", Subscriber.Status)
def test_a_suppression_is_read_again_with_its_reason(tmp_path: Path, reason: str, status: str) -> None:
    reader = SubscriberFactory(email="ada@example.org", status=status)
    Suppression.objects.create(address_hash=reader.address_hash, reason=reason)
    path = tmp_path / "all.csv"
    path.write_text("".join(csv_export.lines()), "utf-8", newline="")
    Subscriber.objects.all().delete()
    Suppression.objects.all().delete()
    imported(path)
    assert outcomes(path) == ["suppressed"]
    suppression = Suppression.objects.get()
    assert (suppression.address_hash, suppression.reason) == (reader.address_hash, reason)


@pytest.mark.parametrize("detail", Preferences.Detail)
def test_how_much_stands_under_each_paper_is_read_again_as_it_was(tmp_path: Path, detail: str) -> None:
    SubscriberFactory(email="ada@example.org", topics=[TopicFactory(slug="vision")], detail=detail)
    path = tmp_path / "all.csv"
    path.write_text("".join(csv_export.lines()), "utf-8", newline="")
    assert exported()[0]["detail"] == detail
    before = Preferences.objects.get().key
    Subscriber.objects.all().delete()
    Preferences.objects.all().delete()
    imported(path)
    preferences = Subscriber.objects.get().preferences
    assert (preferences.detail, preferences.key) == (detail, before)


entries = st.text(max_size=30).map(clean_entry).filter(lambda entry: entry and not set(entry) & set(",;"))
words = st.lists(entries, max_size=3)
choices = st.fixed_dictionaries(
    {
        **{name: words.map(clean_entries) for name in Preferences.WORDS},
        "max_papers": st.sampled_from([5, 10, 15, 30]),
        "minimum_score": st.sampled_from([0.0, 1.5]),
        "detail": st.sampled_from(Preferences.Detail.values),
    }
)
schedules = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from(Subscriber.Frequency.values),
        "weekday": st.integers(0, 6),
        "send_time": st.times().map(lambda at: at.replace(microsecond=0)),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
        "paused_until": st.none() | st.dates(date(2026, 4, 1), date(2027, 5, 4)),
    }
)


@given(
    choice=choices,
    schedule=schedules,
    slugs=st.sets(st.sampled_from(["vision", "robots", "safety"])),
    name=st.sampled_from(["Ada", "'ada", "''ada", "=ada", "+ada", "-ada"]),
    has_left=st.booleans(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_a_reader_chose_is_the_same_after_export_and_import(
    tmp_path: Path, choice: dict[str, Any], schedule: dict[str, Any], slugs: set[str], name: str, has_left: bool
) -> None:
    Subscriber.objects.all().delete()
    if not any(choice[name] for name in FOLLOWED):
        slugs = slugs | {"vision"}
    topics = [Topic.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0] for slug in slugs]
    reader = SubscriberFactory(
        email=f"{name}@example.org",
        preferences=Preferences.objects.for_choice(topics, **choice),
        **schedule,
        **({"status": "unsubscribed", "next_digest_at": None} if has_left else {}),
    )
    columns = ("email", "status", "preferences__key", *schedule)
    before = Subscriber.objects.values_list(*columns).get()
    path = tmp_path / "all.csv"
    path.write_text("".join(csv_export.lines()), "utf-8", newline="")
    reader.delete()
    Preferences.objects.all().delete()
    imported(path, topics=[])
    assert Subscriber.objects.values_list(*columns).get() == before


def test_an_export_begins_with_the_mark_by_which_excel_knows_utf_8() -> None:
    assert next(csv_export.lines()).encode().startswith(b"\xef\xbb\xbfemail,")


def test_an_export_runs_one_query_a_part_and_keeps_only_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "READERS_PER_QUERY", 10)
    SubscriberFactory.create_batch(25)
    parts = list(csv_export.lines())
    assert (len(parts), query_count(lambda: list(csv_export.lines()))) == (4, 4)
    assert sum(part.count("\r\n") for part in parts) == 26


def test_the_command_writes_a_file_that_only_its_owner_reads_and_replaces_none(tmp_path: Path) -> None:
    SubscriberFactory(email="ada@example.org")
    path = tmp_path / "all.csv"
    call_command("export_subscribers", str(path))
    assert "ada@example.org" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="already exists"):
        call_command("export_subscribers", str(path))
