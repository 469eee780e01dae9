import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from newsletter.papers.models import Topic
from subscribers import tasks
from subscribers.imports import import_run, uploads
from subscribers.models import ImportRun, Subscriber
from tests.factories import MORNING, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
IMPORTS = "/admin/subscribers/importrun/"
LINES = "email,status\nada@example.org,\nbo@example.org,unsubscribed\nx,\n"


@pytest.fixture(autouse=True)
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path / "imports"


@pytest.fixture
def topic() -> Topic:
    return TopicFactory(slug="vision")


def upload(client: Client, content: str | bytes, **changes: object) -> str:
    """Upload a file, and return the page that answers."""
    content = content.encode() if isinstance(content, str) else content
    form = {
        "format": "csv",
        "consent_source": "The old list",
        "consent_on": "2026-03-01",
        "topics": [topic.pk for topic in Topic.objects.all()],
        "frequency": "weekdays",
        "weekday": "0",
        "send_time": "07:00",
        "timezone": "Europe/Berlin",
        "file": SimpleUploadedFile("readers.csv", content, "text/csv"),
    }
    return client.post(f"{IMPORTS}add/", form | changes, follow=True).content.decode()


def looked_through(client: Client, content: str | bytes) -> tuple[ImportRun, str]:
    """Upload a file and let it be looked through; return the run and its page."""
    upload(client, content)
    run = ImportRun.objects.get()
    tasks.go_on_with_import(run.pk)
    run.refresh_from_db()
    return run, f"{IMPORTS}{run.pk}/change/"


@pytest.mark.usefixtures("topic")
def test_a_file_is_checked_first_and_written_on_confirmation(admin_client: Client, folder: Path) -> None:
    run, page = looked_through(admin_client, LINES)
    assert run.status == ImportRun.Status.CHECKED
    shown = admin_client.get(page).content.decode()
    for words in ("Nothing is written yet", "Import it: 1 new reader", "We cannot send mail to this address"):
        assert words in shown
    assert not Subscriber.objects.exists()

    admin_client.post(page, {"write": "1"})
    assert ImportRun.objects.get().status == ImportRun.Status.WRITING
    tasks.go_on_with_import(run.pk)
    assert ImportRun.objects.get().counts == {"added": 1, "left": 1, "malformed": 1}
    assert Subscriber.objects.get(status="active").canonical == "ada@example.org"
    assert [path.name for path in folder.iterdir()] == [f"{run.pk}.report.csv"], "the addresses stayed on the disk"
    assert [(entry.actor.username, entry.additional_data["act"]) for entry in LogEntry.objects.order_by("pk")] == [
        ("admin", "uploaded"),
        ("admin", "imported"),
    ]


SUSPECT = "email,Bounces,Name\nada@example.org,0,Ada\nbo@example.org,3,Bo\n"


@pytest.mark.usefixtures("topic")
def test_a_column_that_may_keep_readers_out_is_asked_about_before_anything_is_written(admin_client: Client) -> None:
    run, page = looked_through(admin_client, SUSPECT)
    assert run.status == ImportRun.Status.ASKING
    shown = admin_client.get(page).content.decode()
    for words in ("Waiting for an answer", "Values in the file: 0, 3", "Not read", "Bounces, Name"):
        assert words in shown
    assert "Import it" not in shown
    assert not admin_client.post(page, {"write": "1"}, follow=True).context["run"].counts
    assert ImportRun.objects.get().status == ImportRun.Status.ASKING


@pytest.mark.usefixtures("topic")
def test_with_an_answer_the_file_is_checked_and_those_it_names_are_left_out(admin_client: Client) -> None:
    run, page = looked_through(admin_client, SUSPECT)
    unanswered = admin_client.post(page, {"explain": "1"})
    assert unanswered.status_code == 422
    assert "Say what this column means" in unanswered.content.decode()
    admin_client.post(page, {"explain": "1", "bounces": "set"})
    tasks.go_on_with_import(run.pk)
    shown = admin_client.get(page).content.decode()
    assert "Bounces, as you said" in shown
    assert "Left out because of your answer about a column: “Bounces” says “3”" in shown
    admin_client.post(page, {"write": "1"})
    tasks.go_on_with_import(run.pk)
    assert [reader.email for reader in Subscriber.objects.all()] == ["ada@example.org"]
    run.refresh_from_db()
    assert run.columns["meanings"] == {"bounces": "set"}
    assert run.unexplained == {}, "values of readers stay in the database"


@pytest.mark.usefixtures("topic")
def test_what_was_said_of_a_column_with_a_long_title_is_shown(admin_client: Client) -> None:
    title = "Have you ever opted out of the mails that our department sends in spring"
    run, page = looked_through(admin_client, f"email,{title}\nada@example.org,0\n")
    (name,) = run.unexplained
    admin_client.post(page, {"explain": "1", name: "set"})
    tasks.go_on_with_import(run.pk)
    assert f"{title[:50]}" in admin_client.get(page).content.decode().partition("Not read")[0]
    assert ", as you said" in admin_client.get(page).content.decode()


def test_the_page_of_an_import_by_the_command_speaks_of_no_upload(admin_client: Client) -> None:
    run = ImportRun.objects.create(name="a.csv", format="csv", consent_on="2026-03-01", status="done", by="ops")
    shown = admin_client.get(f"{IMPORTS}{run.pk}/change/").content.decode()
    assert "imported from the command line by ops" in shown
    assert "uploaded" not in shown


@pytest.mark.usefixtures("topic")
def test_two_answers_at_once_check_the_file_once_and_cancel_nothing(admin_client: Client) -> None:
    run, page = looked_through(admin_client, SUSPECT)
    for meaning in ("set", "keep"):
        answer = admin_client.post(page, {"explain": "1", "bounces": meaning}, follow=True)
    assert "Somebody else has changed this import" in answer.content.decode()
    run.refresh_from_db()
    assert (run.status, run.columns["meanings"]) == (ImportRun.Status.CHECKING, {"bounces": "set"})
    assert run.path.exists()


def test_an_import_that_nobody_explains_is_given_up_after_a_week(
    admin_client: Client, set_clock: Callable[[object], None]
) -> None:
    run, _ = looked_through(admin_client, SUSPECT)
    set_clock(MORNING + timedelta(days=8))
    tasks.sweep_imports()
    assert ImportRun.objects.get().status == ImportRun.Status.DROPPED
    assert not run.path.exists()


@pytest.mark.usefixtures("topic")
def test_progress_is_shown_by_a_page_that_refreshes_itself_and_keeps_no_login(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, set_clock: Callable[[object], None]
) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 1)
    upload(admin_client, LINES)
    run = ImportRun.objects.get()
    assert uploads.continue_run(run, lambda: False), "there was nothing left to do"
    path = f"{IMPORTS}{run.pk}/change/"
    answer = admin_client.get(path)
    assert "1 of 3 rows" in answer.content.decode()
    assert "Refresh" not in answer
    (address,) = re.findall(r'hx-get="([^"]+)"[^>]*hx-trigger="every 3s"', answer.content.decode())
    for minutes in (20, 40):
        set_clock(MORNING + timedelta(minutes=minutes))
        assert "1 of 3 rows" in admin_client.get(address, headers={"HX-Request": "true"}).content.decode()
    set_clock(MORNING + timedelta(minutes=60))
    assert admin_client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


@pytest.mark.usefixtures("topic")
def test_the_page_of_an_import_stops_refreshing_where_it_waits_for_an_operator(admin_client: Client) -> None:
    _, page = looked_through(admin_client, LINES)
    assert '<div id="import-run">' in admin_client.get(page).content.decode()


@pytest.mark.usefixtures("topic")
def test_two_clicks_import_once(admin_client: Client) -> None:
    run, page = looked_through(admin_client, LINES)
    admin_client.post(page, {"write": "1"})
    assert (
        "Somebody else has changed this import"
        in admin_client.post(page, {"write": "1"}, follow=True).content.decode()
    )
    for _ in range(2):
        tasks.go_on_with_import(run.pk)
    assert Subscriber.objects.count() == 2


@pytest.mark.usefixtures("topic")
def test_an_import_is_given_up_and_its_file_goes(admin_client: Client) -> None:
    run, page = looked_through(admin_client, LINES)
    admin_client.post(page, {"drop": "1"})
    assert ImportRun.objects.get().status == ImportRun.Status.DROPPED
    assert not run.path.exists()
    admin_client.post(page, {"write": "1"})
    tasks.go_on_with_import(run.pk)
    assert not Subscriber.objects.exists()


@pytest.mark.usefixtures("topic")
def test_the_report_of_every_row_is_there_to_take(admin_client: Client) -> None:
    run, _ = looked_through(admin_client, LINES)
    answer = admin_client.get(f"{IMPORTS}{run.pk}/report/")
    report = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "a…@e…" in report
    assert "ada@" not in report


def test_an_unreadable_file_is_explained_on_its_page(admin_client: Client) -> None:
    run, page = looked_through(admin_client, b"\x00\xff\xfe garbage")
    assert run.status == ImportRun.Status.FAILED
    assert "This is no text file: it holds zero bytes" in admin_client.get(page).content.decode()
    assert not run.path.exists()


def test_a_file_that_is_on_another_machine_fails_with_a_reason(admin_client: Client) -> None:
    upload(admin_client, LINES)
    run = ImportRun.objects.get()
    run.path.unlink()
    tasks.go_on_with_import(run.pk)
    assert "cannot be read" in ImportRun.objects.get().error


def test_a_file_that_is_too_large_is_not_kept(admin_client: Client, settings: LazySettings, folder: Path) -> None:
    settings.IMPORT_MAX_BYTES = 1_000_000
    shown = upload(admin_client, b"email\n" + b"x" * 1_000_000)
    assert "Choose a file of at most 1 MB" in shown
    assert 'value="The old list"' in shown, "what was typed is gone"
    assert not ImportRun.objects.exists()
    assert not folder.exists()


def test_no_other_page_takes_a_file(client: Client) -> None:
    answer = client.post("/subscribe/", {"email": "ada@example.org", "file": SimpleUploadedFile("x", b"x" * 100_000)})
    assert answer.wsgi_request.FILES == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consent_source": ""}, "This field is required"),
        ({"consent_on": ""}, "This field is required"),
        ({"consent_on": "2026-05-05"}, "Readers must have agreed already"),
        ({"format": "pigeon"}, "Select a valid choice"),
        ({"file": ""}, "Choose a file of at most"),
    ],
)
def test_a_missing_value_is_an_error_at_its_field(
    admin_client: Client, changes: dict[str, object], words: str
) -> None:
    assert words in upload(admin_client, LINES, **changes)
    assert not ImportRun.objects.exists()


def test_who_may_only_look_neither_uploads_nor_imports(admin_client: Client, topic: Topic) -> None:
    _, page = looked_through(admin_client, LINES)
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_importrun"))
    client = Client()
    client.force_login(user)
    shown = client.get(page).content.decode()
    assert "Waiting for confirmation" in shown
    assert "Import it" not in shown
    assert client.post(page, {"write": "1"}).status_code == 403
    assert client.get(f"{IMPORTS}add/").status_code == 403


def test_a_forgotten_import_is_gone_on_with_and_an_unconfirmed_one_given_up_after_a_week(
    admin_client: Client, topic: Topic, set_clock: Callable[[object], None]
) -> None:
    upload(admin_client, LINES)
    run = ImportRun.objects.get()
    assert uploads.idle_run_ids() == []
    set_clock(MORNING + timedelta(minutes=3))
    assert uploads.idle_run_ids() == [run.pk]
    tasks.go_on_with_import(run.pk)
    assert uploads.idle_run_ids() == []
    set_clock(MORNING + timedelta(days=8))
    tasks.sweep_imports()
    assert ImportRun.objects.get().status == ImportRun.Status.DROPPED
    assert not run.path.exists()


def test_a_subscribed_readers_choices_stay_when_a_file_says_otherwise(admin_client: Client, topic: Topic) -> None:
    reader = SubscriberFactory(email="ada@example.org", frequency="daily")
    run, page = looked_through(admin_client, LINES)
    admin_client.post(page, {"write": "1"})
    tasks.go_on_with_import(run.pk)
    reader.refresh_from_db()
    assert (reader.frequency, reader.status) == ("daily", "active")


@pytest.mark.usefixtures("topic")
def test_an_import_confirmed_days_later_brings_no_papers_of_the_days_between(
    admin_client: Client, admin_user: User, set_clock: Callable[[object], None]
) -> None:
    run, page = looked_through(admin_client, LINES)
    set_clock(MORNING + timedelta(days=5))
    admin_client.logout()
    admin_client.force_login(admin_user)
    admin_client.post(page, {"write": "1"})
    tasks.go_on_with_import(run.pk)
    assert Subscriber.objects.get(status="active").covered_through == MORNING + timedelta(days=5)


class CountedBody:
    """A body of `left` bytes that counts what is read of it."""

    def __init__(self, left: int) -> None:
        self.left, self.read_count = left, 0

    def read(self, size: int = -1) -> bytes:
        part = min(self.left, size if size >= 0 else self.left)
        self.left, self.read_count = self.left - part, self.read_count + part
        return b"x" * part

    readline = read


@pytest.mark.parametrize("who", ["nobody", "a curator"])
def test_an_upload_of_sixty_megabytes_is_refused_before_a_byte_is_read(
    who: str, settings: LazySettings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    client = Client(enforce_csrf_checks=True)
    if who == "a curator":
        client.force_login(User.objects.create_user("cleo", is_staff=True))
    client.cookies["csrftoken"] = "a" * 32
    body = CountedBody(60_000_000)
    sent: dict[str, Any] = {"wsgi.input": body, "CONTENT_LENGTH": "60000000"}
    answer = client.generic(
        "POST", "/admin/subscribers/importrun/add/", content_type="multipart/form-data; boundary=x", **sent
    )
    assert answer.status_code == 403
    assert body.read_count == 0
    assert list(tmp_path.iterdir()) == []
