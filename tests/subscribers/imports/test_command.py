from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.imports import import_run
from subscribers.models import ImportRun, Subscriber
from tests.factories import TopicFactory
from tests.subscribers.imports.files import started, written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
CONSENT = ("--consent-source", "The old list", "--consent-date", "2026-03-01")


def run(path: Path, *words: str) -> str:
    out = StringIO()
    call_command("import_subscribers", str(path), "--format", "csv", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_prints_the_results_and_where_the_report_is(tmp_path: Path) -> None:
    TopicFactory(slug="vision")
    path = written(tmp_path, "email", "ada@example.org", "bo@example.org", "x")
    said = run(path, *CONSENT, "--topics", "vision", "--hour", "8", "--zone", "Europe/Berlin")
    assert "2  added" in said
    assert "1  malformed" in said
    assert f"{path}.report.csv" in said
    assert {str(reader.timezone) for reader in Subscriber.objects.all()} == {"Europe/Berlin"}
    assert ImportRun.objects.get().status == ImportRun.Status.DONE


def test_a_dry_run_of_the_command_leaves_no_trace_but_its_report(tmp_path: Path) -> None:
    TopicFactory(slug="vision")
    path = written(tmp_path, "email", "ada@example.org")
    assert "nothing was imported" in run(path, *CONSENT, "--topics", "vision", "--dry-run")
    assert not Subscriber.objects.exists()
    assert not ImportRun.objects.exists()
    assert Path(f"{path}.report.csv").read_text().count("added") == 2


def test_a_column_that_may_keep_readers_out_stops_the_command_until_it_is_explained(tmp_path: Path) -> None:
    TopicFactory(slug="vision")
    path = written(tmp_path, "email,Mail status,City", "ada@example.org,,Paris", "bo@example.org,yes,Rome")
    with pytest.raises(CommandError, match=r"“Mail status” \(\(empty\), yes\)\. Say what each means with --column"):
        run(path, *CONSENT, "--topics", "vision")
    assert not Subscriber.objects.exists()
    said = run(path, *CONSENT, "--topics", "vision", "--column", "Mail status=set")
    assert "1  added" in said
    assert "1  left_out" in said
    assert "Columns that were not read: City." in said
    assert [reader.email for reader in Subscriber.objects.all()] == ["ada@example.org"]


def test_an_import_that_needs_an_answer_leaves_no_trace(tmp_path: Path) -> None:
    TopicFactory(slug="vision")
    path = written(tmp_path, "email,Bounces", "ada@example.org,3")
    for _ in range(2):
        with pytest.raises(CommandError, match="Say what each means"):
            run(path, *CONSENT, "--topics", "vision")
    assert not ImportRun.objects.exists()


def test_a_resumed_import_takes_a_new_answer_and_no_other_one_for_the_same_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 1)
    lines = ["ada@example.org,0,", "bo@example.org,0,1", "cy@example.org,1,"]
    path = written(tmp_path, "email,Mail status,Source", *lines)
    stopped = started(path)
    stopped.columns = {"meanings": {"mail_status": "set"}}
    next(import_run.process(stopped, path, None, is_dry=False))
    with pytest.raises(CommandError, match="“mail_status” was “set” when the import began"):
        run(path, *CONSENT, "--resume", "--column", "Mail status=keep")
    said = run(path, *CONSENT, "--resume", "--column", "Source=set")
    assert "1  added" in said
    assert "2  left_out" in said
    assert ImportRun.objects.get().columns["meanings"] == {"mail_status": "set", "source": "set"}


def test_a_resumed_import_that_needs_an_answer_waits_for_it_without_values_of_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 1)
    path = written(tmp_path, "email,Bounces", "ada@example.org,0", "bo@example.org,3")
    stopped = started(path)
    stopped.columns = {"meanings": {"bounces": "keep"}}
    next(import_run.process(stopped, path, None, is_dry=False))
    # As if a newer release asked about a column that the older one did not know.
    ImportRun.objects.update(columns={})
    with pytest.raises(CommandError, match="Say what each means"):
        run(path, *CONSENT, "--resume")
    waiting = ImportRun.objects.get()
    assert (waiting.status, waiting.unexplained) == (ImportRun.Status.WRITING, {})
    assert "1  left_out" in run(path, *CONSENT, "--resume", "--column", "Bounces=set")


def test_values_for_which_the_default_is_used_are_counted(tmp_path: Path) -> None:
    TopicFactory(slug="vision")
    path = written(tmp_path, "email,weekday", "ada@example.org,5", "bo@example.org,5", "cy@example.org,Fri")
    said = run(path, *CONSENT, "--topics", "vision")
    assert "2  added with the default for weekday “5” (write Monday to Sunday, or Mon to Sun)" in said


@pytest.mark.parametrize("missing", ["--consent-source", "--consent-date"])
def test_without_consent_nothing_is_imported(tmp_path: Path, missing: str) -> None:
    words = dict(zip(CONSENT[::2], CONSENT[1::2], strict=True))
    words.pop(missing)
    with pytest.raises(CommandError, match=missing):
        run(written(tmp_path, "email", "ada@example.org"), *(word for pair in words.items() for word in pair))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--topics", "astrology"), "There is no topic “astrology”"),
        (("--zone", "Mars/Olympus"), "There is no time zone"),
        (("--hour", "25"), "is not a time"),
        (("--column", "Bounces"), "is no answer"),
        (("--column", "Bounces=maybe"), "is no answer"),
        (("--resume",), "There is no interrupted import of this file"),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(written(tmp_path, "email", "ada@example.org"), *CONSENT, *words)
    assert not ImportRun.objects.exists()


def test_consent_of_days_to_come_is_none(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is in the future"):
        run(written(tmp_path, "email", "a@b.org"), "--consent-source", "x", "--consent-date", "2026-05-05")


def test_a_file_that_is_not_there_is_named_by_its_trouble(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(tmp_path / "none.csv", *CONSENT)


def test_an_import_that_stopped_goes_on_only_when_asked_and_with_the_same_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 1)
    path = written(tmp_path, "email", "ada@example.org", "bo@example.org")
    next(import_run.process(started(path), path, None, is_dry=False))
    with pytest.raises(CommandError, match=r"stopped after 1 rows\. Add --resume"):
        run(path, *CONSENT)
    with pytest.raises(CommandError, match="another consent_on"):
        run(path, "--consent-source", "The old list", "--consent-date", str(date(2026, 1, 1)), "--resume")
    assert "2  added" in run(path, *CONSENT, "--resume")
    assert Subscriber.objects.count() == 2
