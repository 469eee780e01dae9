import csv
import os
import signal
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscribers.addresses.canonical import AddressError, hash_address, readable_address
from subscribers.imports import import_run
from subscribers.imports.file_error import FileError
from subscribers.imports.formats import FORMATS
from subscribers.models import Consent, ImportRun, Preferences, Subscriber, Suppression
from tests.factories import MORNING, SubscriberFactory, TopicFactory
from tests.subscribers.imports.files import imported, outcomes, report_of, started, written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def suppress(address: str, reason: str = "bounce") -> None:
    Suppression.objects.create(address_hash=hash_address(address), reason=reason)


def test_an_imported_reader_is_active_and_mailed_at_the_next_regular_hour(tmp_path: Path) -> None:
    imported(written(tmp_path, "email", "Ada@Example.org"))
    reader = Subscriber.objects.get()
    assert (reader.email, reader.canonical, reader.status) == ("Ada@Example.org", "ada@example.org", "active")
    assert reader.address_hash == hash_address("ada@example.org")
    assert reader.next_digest_at == datetime(2026, 5, 4, 7, tzinfo=UTC)
    assert reader.covered_through == MORNING, "papers of the past would come as a flood"
    assert not reader.letters.exists()


def test_where_and_when_a_reader_agreed_is_recorded(tmp_path: Path) -> None:
    imported(written(tmp_path, "email", "ada@example.org"))
    consent = Consent.objects.get()
    assert (consent.act, consent.source, consent.ip) == (Consent.Act.IMPORTED, "The old list", None)
    assert consent.at == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell", ["Ada <ada@example.org>", "\u200bada@example.org", "ada@example.org;", "x, ADA@example.org"]
)
def test_a_line_that_cannot_be_imported_still_keeps_out_the_address_in_it(tmp_path: Path, cell: str) -> None:
    path = written(
        tmp_path, "email,status", "ada@example.org,active", f'"{cell}",unsubscribed', "bo@example.org,active"
    )
    imported(path)
    assert [reader.email for reader in Subscriber.objects.all()] == ["bo@example.org"]
    assert outcomes(path) == ["duplicate", "malformed", "added"]


def test_columns_of_topics_and_hours_are_taken_and_defaults_fill_what_is_empty(tmp_path: Path) -> None:
    vision, robots = TopicFactory(slug="vision", name="Computer vision"), TopicFactory(slug="robots")
    path = written(
        tmp_path,
        "email;topics;frequency;weekday;hour;zone",
        "ada@example.org;computer vision, robots;weekly;friday;8;europe/berlin",
        "bo@example.org;;;;;",
    )
    imported(path, topics=[robots.pk])
    ada, bo = Subscriber.objects.order_by("canonical")
    assert set(ada.preferences.topics.all()) == {vision, robots}
    assert (ada.frequency, ada.weekday, ada.send_time, str(ada.timezone)) == ("weekly", 4, time(8), "Europe/Berlin")
    assert set(bo.preferences.topics.all()) == {robots}
    assert (bo.frequency, bo.send_time, str(bo.timezone)) == ("daily", time(7), "UTC")


def test_who_chose_the_same_shares_preferences_with_who_joined_here(tmp_path: Path) -> None:
    topic = TopicFactory()
    here = Preferences.objects.for_choice([topic])
    imported(written(tmp_path, "email", "ada@example.org"), topics=[topic.pk])
    assert Subscriber.objects.get().preferences == here


def test_unknown_values_are_noted_and_replaced_by_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, "email,topics,hour,zone", "ada@example.org,astrology,25:00,Mars/Olympus")
    run = imported(path)
    report = report_of(path).read_text("utf-8")
    for value in ("hour “25:00”", "time zone “Mars/Olympus”", "topic “astrology”"):
        assert value in report
    assert run.notes == {
        "hour “25:00” (write 07:00)": 1,
        "time zone “Mars/Olympus” (write a name as Europe/Berlin)": 1,
        "topic “astrology”": 1,
    }
    assert Subscriber.objects.get().send_time == time(7)


def test_each_kind_of_row_has_its_own_outcome(tmp_path: Path) -> None:
    SubscriberFactory(email="here@example.org")
    SubscriberFactory(email="gone@example.org", status="unsubscribed", next_digest_at=None)
    suppress("held@example.org")
    path = written(
        tmp_path,
        "email,status",
        "ada@example.org,",
        "ADA@example.org,active",
        "here@example.org,active",
        "gone@example.org,active",
        "held@example.org,active",
        "no address,active",
        "postmaster@example.org,active",
        "me@mailinator.com,active",
        "asked@example.org,unconfirmed",
        "vip@example.org,platinum",
        "left@example.org,unsubscribed",
        "dead@example.org,bounced",
    )
    run = imported(path)
    assert outcomes(path) == [
        "added", "duplicate", "already", "gone", "held", "malformed", "role", "throw_away", "unconfirmed", "unknown",
        "left", "suppressed",
    ]  # fmt: skip
    assert run.counts == dict.fromkeys(outcomes(path), 1)
    assert len(run.problems) == 8


def test_a_row_without_a_topic_is_not_imported_where_no_topic_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "email", "ada@example.org")
    imported(path, topics=[])
    assert outcomes(path) == ["no_topic"]
    assert not Subscriber.objects.exists()


def test_who_is_subscribed_keeps_every_choice(tmp_path: Path) -> None:
    reader = SubscriberFactory(email="ada@example.org", topics=[TopicFactory()])
    before = Subscriber.objects.filter(pk=reader.pk).values().get()
    imported(written(tmp_path, "email,frequency,status", "ada@example.org,weekly,unsubscribed"))
    assert Subscriber.objects.values().get() == before


def test_who_only_asked_here_becomes_a_reader_by_what_was_agreed_elsewhere(tmp_path: Path) -> None:
    SubscriberFactory(email="ada@example.org", status="pending", next_digest_at=None)
    path = written(tmp_path, "email,frequency", "ada@example.org,weekly")
    imported(path)
    assert outcomes(path) == ["added"]
    reader = Subscriber.objects.get()
    assert (reader.status, reader.frequency) == ("active", "weekly")


def test_who_left_here_and_asked_again_is_not_brought_back_by_an_import(tmp_path: Path) -> None:
    SubscriberFactory(email="ada@example.org", status="pending", next_digest_at=None, unsubscribed_at=MORNING)
    path = written(tmp_path, "email", "ada@example.org")
    imported(path)
    assert outcomes(path) == ["gone"]
    assert Subscriber.objects.get().status == "pending"


def test_who_left_elsewhere_is_noted_as_gone_and_never_imported_again(tmp_path: Path) -> None:
    imported(written(tmp_path, "email,status", "ada@example.org,unsubscribed"))
    reader = Subscriber.objects.get()
    assert (reader.status, reader.unsubscribed_at, reader.next_digest_at) == ("unsubscribed", MORNING, None)
    assert reader.consents.get().act == Consent.Act.UNSUBSCRIBED
    later = written(tmp_path, "email", "ada@example.org", name="later.csv")
    imported(later)
    assert outcomes(later) == ["gone"]


def test_who_came_by_an_import_and_left_elsewhere_since_leaves_here(tmp_path: Path) -> None:
    imported(written(tmp_path, "email", "ada@example.org"))
    later = written(tmp_path, "email,status", "ada@example.org,unsubscribed", name="later.csv")
    imported(later)
    assert outcomes(later) == ["left"]
    reader = Subscriber.objects.get()
    assert reader.status == "unsubscribed"
    assert [consent.act for consent in reader.consents.order_by("pk")] == ["imported", "unsubscribed"]


@pytest.mark.parametrize(
    ("state", "reason"), [("bounced", "bounce"), ("complained", "complaint"), ("blocked", "manual")]
)
def test_what_must_not_be_mailed_is_suppressed_and_leaves_only_its_hash(
    tmp_path: Path, state: str, reason: str
) -> None:
    imported(written(tmp_path, "email,status", f"ada@example.org,{state}"))
    row = Suppression.objects.get()
    assert (row.address_hash, row.reason) == (hash_address("ada@example.org"), reason)
    assert row.note == "Imported from The old list"
    assert not Subscriber.objects.exists()


def test_a_complaint_elsewhere_outweighs_a_bounce_here_and_ends_a_subscription(tmp_path: Path) -> None:
    SubscriberFactory(email="ada@example.org")
    suppress("ada@example.org", "bounce")
    path = written(tmp_path, "email,status", "ada@example.org,complained")
    imported(path)
    assert outcomes(path) == ["suppressed"]
    assert Suppression.objects.get().reason == "complaint"
    assert Subscriber.objects.get().status == "unsubscribed"


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_lines_of_one_address_the_one_that_keeps_mail_away_counts(tmp_path: Path, order: int) -> None:
    lines = ["ada@example.org,active", "Ada@example.org,complained", "ADA@example.org,unsubscribed"][::order]
    path = written(tmp_path, "email,status", *lines)
    imported(path)
    assert sorted(outcomes(path)) == ["duplicate", "duplicate", "suppressed"]
    assert not Subscriber.objects.exists()


def test_a_dry_run_writes_nothing_and_reports_the_same(tmp_path: Path) -> None:
    SubscriberFactory(email="here@example.org")
    lines = (
        "email,status",
        "ada@example.org,",
        "ada@example.org,",
        "x,",
        "here@example.org,",
        "bo@example.org,bounced",
    )
    path = written(tmp_path, *lines)
    tables = (Subscriber, Consent, Suppression, Preferences)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    dry = imported(path, is_dry=True)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    told = report_of(path).read_bytes()
    wet = imported(path)
    assert (report_of(path).read_bytes(), wet.counts, wet.problems) == (told, dry.counts, dry.problems)


def test_the_report_names_lines_and_masks_addresses(tmp_path: Path) -> None:
    path = written(tmp_path, "email", "ada@example.org", '"', 'two lines"', "=1+1@example.org")
    imported(path)
    with report_of(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["line", "2", "3", "5"]
    assert [row[1] for row in rows[1:]] == ["a…@e…", "…", "'=…@e…"]


def test_a_quote_that_never_closes_leaves_no_line_out_of_the_count(tmp_path: Path) -> None:
    lines = ["q1@example.org,Al,a", 'q2@example.org,"Bob,vision', *(f"q{n}@example.org,Cy,a" for n in (3, 4, 5))]
    path = written(tmp_path, "email,name,topics", *lines)
    run = imported(path)
    assert outcomes(path) == ["added"] + ["unreadable"] * 4
    assert run.counts == {"added": 1, "unreadable": 4}
    assert [(line, reason) for line, _, reason in run.problems][:2] == [
        (3, "cannot be read with certainty, so it is not imported: a quotation mark opens in this line and "
            "spans lines 3 to 6"),
        (4, "cannot be read with certainty, so it is not imported: is inside a quotation that opens in line 3"),
    ]  # fmt: skip


def test_empty_lines_are_counted_and_no_trouble(tmp_path: Path) -> None:
    path = written(tmp_path, "email,name", "", "ada@example.org,Ada", ",")
    run = imported(path)
    assert run.counts == {"empty": 2, "added": 1}
    assert run.problems == []


def test_the_reason_for_an_address_is_that_of_the_form(tmp_path: Path) -> None:
    wrong = ["a\u200bb@example.org", "ab.example.org", "ab@localhost", "a b@example.org", "ab@exa_mple.org"]
    run = imported(written(tmp_path, "email", *wrong))
    for (_, _, reason), address in zip(run.problems, wrong, strict=True):
        with pytest.raises(AddressError) as raised:
            readable_address(address)
        assert reason == f"we cannot send mail to this address: {str(raised.value).rstrip('.')}"
    assert "ZERO WIDTH SPACE" in run.problems[0][2]


def test_a_pause_lasts_through_an_import(tmp_path: Path) -> None:
    imported(written(tmp_path, "email,paused_until", "ada@example.org,2026-05-20", "bo@example.org,soon"))
    reader = Subscriber.objects.get()
    assert (reader.email, reader.paused_until) == ("ada@example.org", date(2026, 5, 20))
    assert reader.next_digest_at == datetime(2026, 5, 20, 7, tzinfo=UTC)


def test_an_address_that_a_spreadsheet_would_take_for_a_formula_is_read_as_we_wrote_it(tmp_path: Path) -> None:
    imported(written(tmp_path, "email", "'+ada@example.org"))
    assert Subscriber.objects.get().canonical == "+ada@example.org"


def test_a_stopped_run_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 2)
    path = written(tmp_path, "email", *(f"reader{n}@example.org" for n in range(5)), "reader0@example.org")
    run = started(path)
    next(import_run.process(run, path, report_of(path), is_dry=False))
    assert Subscriber.objects.count() == 2
    with report_of(path).open("a") as file:
        file.write("half a li")
    again = ImportRun.objects.get()
    for _ in import_run.process(again, path, report_of(path), is_dry=False):
        pass
    assert outcomes(path) == ["added"] * 5 + ["duplicate"]
    assert ImportRun.objects.get().counts == {"added": 5, "duplicate": 1}


def test_two_workers_on_one_run_import_each_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 2)
    path = written(tmp_path, "email", *(f"reader{n}@example.org" for n in range(6)))
    run = started(path)
    one, other = (import_run.process(ImportRun.objects.get(), path, report_of(path), is_dry=False) for _ in range(2))
    next(one)
    assert list(other) == [], "a rival went on with the same rows"
    assert len(list(one)) == 2
    run.refresh_from_db()
    assert (run.counts, Consent.objects.count()) == ({"added": 6}, 6)


def test_a_file_that_was_changed_meanwhile_is_not_gone_on_with(tmp_path: Path) -> None:
    path = written(tmp_path, "email", "ada@example.org")
    run = started(path)
    written(tmp_path, "email", "bo@example.org")
    with pytest.raises(FileError, match="not the file"):
        list(import_run.process(run, path, None, is_dry=False))
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"name,city\nAda,London\n", "No column of the first line is called “email”"),
        (b'email,"name\nada@example.org,Ada\n', "No column of the first line"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_reason_and_nothing_is_written(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "readers.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=words):
        imported(path)
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_whatever_unicode_a_spreadsheet_writes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "readers.csv"
    path.write_text("Email address\tStatus\r\nada@екзампл.ком\tsubscribed\r\n", encoding)
    imported(path)
    assert Subscriber.objects.get().canonical == "ada@xn--80ajglhfv.xn--j1aef"


def test_an_address_that_the_provider_cannot_deliver_to_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "readers.csv"
    path.write_text("email,status\n用户@example.org,active\nада@example.org,complained\n")
    run = imported(path)
    assert not Subscriber.objects.exists()
    assert run.problems[0][0] == 2
    assert "Our mail provider cannot deliver" in run.problems[0][2]
    assert Suppression.objects.get().reason == "complaint"


rows = st.lists(
    st.tuples(st.sampled_from(["ada@example.org", "Ada@example.org", "b@x.org", "x"]) | st.text(), st.text())
)
files = st.binary() | rows.map(
    lambda made: "".join(f"{address},{state}\r\n" for address, state in [("email", "status"), *made]).encode(
        "utf-8", "surrogatepass"
    )
)


@given(content=files, form=st.sampled_from(sorted(FORMATS)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused_in_words_or_reported_row_by_row(tmp_path: Path, content: bytes, form: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    report_of(path).unlink(missing_ok=True)
    try:
        run = imported(path, form)
    except FileError:
        return
    assert run.total == run.position == sum(run.counts.values())
    assert not run.total or len(outcomes(path)) == run.total


@pytest.mark.django_db(transaction=True)
def test_killed_anywhere_and_resumed_it_comes_to_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_clock: Callable[[datetime], None]
) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 40)
    lines = [f"reader{n % 700}@example.org,{('', 'bounced', 'unsubscribed')[n % 3]}" for n in range(1000)]
    path = written(tmp_path, "email,status", *lines)
    topic = TopicFactory()
    whole = imported(path, topics=[topic.pk])
    expected, report = stored_rows(), report_of(path).read_bytes()
    for table in (Subscriber, Suppression, ImportRun):
        table.objects.all().delete()
    report_of(path).unlink()

    run = started(path, topics=[topic.pk])
    deaths = 0
    while not ended_before_it_was_killed(run.pk, path, seconds=0.03 + 0.02 * deaths):
        deaths += 1
    assert deaths
    assert stored_rows() == expected
    assert report_of(path).read_bytes() == report
    assert ImportRun.objects.get().counts == whole.counts


def stored_rows() -> list[object]:
    readers = Subscriber.objects.order_by("canonical").values_list("canonical", "status", "next_digest_at")
    consents = Consent.objects.order_by("subscriber__canonical").values_list("subscriber__canonical", "act", "at")
    suppressed = Suppression.objects.order_by("address_hash").values_list("address_hash", "reason")
    return [list(readers), list(consents), list(suppressed)]


def ended_before_it_was_killed(run_id: int, path: Path, seconds: float) -> bool:
    """Import in a child that the system ends at an unforeseen moment; return whether it was through by then."""
    connection.close()
    child = os.fork()
    if not child:
        import_and_exit(run_id, path, seconds)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), "see what the process printed"
    return status == 0


def import_and_exit(run_id: int, path: Path, seconds: float) -> NoReturn:
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for _ in import_run.process(ImportRun.objects.get(pk=run_id), path, report_of(path), is_dry=False):
            pass
        connections.close_all()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def test_labels_of_ghost_that_are_no_topics_are_left_out_without_a_word(tmp_path: Path) -> None:
    vision = TopicFactory(slug="vision")
    path = written(tmp_path, "email,subscribed_to_emails,labels", 'ada@example.org,true,"vip, vision"')
    imported(path, "ghost")
    assert list(Subscriber.objects.get().preferences.topics.all()) == [vision]
    assert "not known" not in report_of(path).read_text("utf-8")
