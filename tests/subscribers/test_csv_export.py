import csv
from datetime import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscribers import csv_export
from subscribers.addresses.canonical import hash_address
from subscribers.models import Consent, Preferences, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.subscribers.imports.files import imported, outcomes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def exported() -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO("".join(csv_export.lines()), newline="")))


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


def test_an_export_runs_one_query_a_part_and_keeps_only_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "READERS_PER_QUERY", 10)
    SubscriberFactory.create_batch(25)
    with CaptureQueriesContext(connection) as captured:
        parts = list(csv_export.lines())
    assert (len(parts), len(captured)) == (4, 4)
    assert sum(part.count("\r\n") for part in parts) == 26


def test_the_command_writes_a_file_that_only_its_owner_reads_and_replaces_none(tmp_path: Path) -> None:
    SubscriberFactory(email="ada@example.org")
    path = tmp_path / "all.csv"
    call_command("export_subscribers", str(path))
    assert "ada@example.org" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="already exists"):
        call_command("export_subscribers", str(path))
