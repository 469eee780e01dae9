import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django import conf
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection, transaction

from digests.models import SendingSwitch, SwitchChange
from digests.monitoring import system_checks
from digests.sending import backup_markers, switch
from tests.factories import MORNING
from tests.queries import query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def machine(settings: LazySettings, tmp_path: Path) -> Iterator[None]:
    """A machine of its own: no marker is known, and no process has run."""
    settings.VAR_DIR = tmp_path / "var"
    switch._newest.clear()
    yield
    forget_in_redis()


def forget_in_redis() -> None:
    with redis.Redis.from_url(conf.settings.REDIS_URL) as client:
        for key in client.scan_iter(backup_markers.PREFIX + "*"):
            client.delete(key)


def backup() -> dict[str, Any]:
    return {**SendingSwitch.objects.values().get()}


def restore(row: dict[str, Any]) -> None:
    """Put the database back to a backup, as a process finds it that starts now."""
    SendingSwitch.objects.filter(pk=1).update(**row)
    switch._newest.clear()


def start_elsewhere(settings: LazySettings, tmp_path: Path) -> None:
    """Start on another machine, with a Redis of its own."""
    settings.VAR_DIR = tmp_path / "elsewhere"
    forget_in_redis()
    switch._newest.clear()


def run(command: str, capsys: pytest.CaptureFixture[str], **options: str) -> str:
    call_command(command, **options)
    return capsys.readouterr().out


def test_a_new_database_may_send_at_once_and_the_question_is_one_query() -> None:
    assert switch.send_permission() == (True, "")
    assert query_count(switch.send_permission) == 1


def test_paused_says_why_and_resumed_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    said = run("pause_sending", capsys, reason="A wrong link in the issue.")
    assert said.startswith("Paused. No new call to the provider begins")
    assert switch.send_permission() == (False, "A wrong link in the issue.")
    assert "already" in run("pause_sending", capsys, reason="Another.")
    assert switch.send_permission() == (False, "A wrong link in the issue.")

    assert run("resume_sending", capsys).startswith("Resumed.")
    assert switch.send_permission().is_allowed
    assert "was not paused" in run("resume_sending", capsys)
    acts = list(SwitchChange.objects.order_by("id").values_list("act", "reason"))
    assert acts == [("paused", "A wrong link in the issue."), ("resumed", "")]
    assert all(change.by for change in SwitchChange.objects.all())


@pytest.mark.django_db(transaction=True)
def test_a_pause_is_answered_when_every_call_allowed_before_is_opened() -> None:
    switch.send_permission()
    paused = threading.Event()

    def pause() -> None:
        switch.pause("Ada", "Stop.")
        paused.set()
        connection.close()

    with transaction.atomic():
        assert switch.send_permission().is_allowed
        pauser = threading.Thread(target=pause)
        pauser.start()
        assert not paused.wait(0.3)
    assert paused.wait(10)
    pauser.join()
    assert not switch.send_permission().is_allowed


def test_a_database_restored_under_the_same_files_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    switch.raise_epoch()
    yesterday = backup()
    switch.raise_epoch()
    restore(yesterday)

    answer = switch.send_permission()
    switch.send_permission()

    assert not answer.is_allowed
    assert "restored backup" in answer.reason
    assert SwitchChange.objects.filter(act=SwitchChange.Act.HELD).count() == 1
    assert run("allow_sending", capsys).startswith("Allowed.")
    assert switch.send_permission().is_allowed
    assert "nothing to allow" in run("allow_sending", capsys)


def test_either_marker_is_enough(settings: LazySettings, tmp_path: Path) -> None:
    for forget in (forget_in_redis, (Path(settings.VAR_DIR) / "sending.json").unlink):
        SendingSwitch.objects.all().delete()
        switch.raise_epoch()
        yesterday = backup()
        switch.raise_epoch()
        forget()
        restore(yesterday)
        assert not switch.send_permission().is_allowed


def test_a_database_restored_under_a_running_worker_is_held() -> None:
    switch.raise_epoch()
    yesterday = backup()
    switch.raise_epoch()
    assert switch.send_permission().is_allowed
    SendingSwitch.objects.filter(pk=1).update(**yesterday)
    assert not switch.send_permission().is_allowed


@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=5), DAY])
def test_a_copy_on_a_machine_that_does_not_know_it_is_held_however_fresh(
    settings: LazySettings, tmp_path: Path, set_clock: SetClock, later: timedelta
) -> None:
    switch.send_permission()
    start_elsewhere(settings, tmp_path)
    set_clock(MORNING + later)
    switch.raise_epoch()
    answer = switch.send_permission()
    assert not answer.is_allowed
    assert "at work on 4 May 2026 at 05:00 UTC, and neither this machine’s VAR_DIR nor its Redis" in answer.reason


def test_a_copy_beside_the_original_with_the_same_files_and_redis_is_held() -> None:
    switch.raise_epoch()
    original = backup()
    switch.raise_epoch()
    here = switch._read_row()
    assert here is not None
    elsewhere = backup_markers.Marker(original["epoch"], f"{here.place}0")
    backup_markers.write({str(original["lineage"]): elsewhere})
    switch._newest.clear()
    answer = switch.send_permission()
    assert not answer.is_allowed
    assert "VAR_DIR or Redis belongs to another database, which is at work" in answer.reason
    assert backup_markers.read(str(original["lineage"])) == [elsewhere, elsewhere]


def test_a_new_machine_of_the_same_deployment_joins_by_its_redis(settings: LazySettings, tmp_path: Path) -> None:
    switch.send_permission()
    settings.VAR_DIR = tmp_path / "elsewhere"
    switch._newest.clear()
    assert switch.send_permission().is_allowed
    switch.raise_epoch()
    assert (tmp_path / "elsewhere" / "sending.json").exists()


def test_a_machine_whose_redis_was_lost_goes_on_and_tells_the_new_one() -> None:
    switch.send_permission()
    forget_in_redis()
    switch._newest.clear()
    assert switch.send_permission().is_allowed
    switch.raise_epoch()
    with redis.Redis.from_url(conf.settings.REDIS_URL) as client:
        assert len(list(client.scan_iter(backup_markers.PREFIX + "*"))) == 1


def test_a_marker_of_before_places_were_recorded_is_good_for_its_epoch() -> None:
    switch.raise_epoch()
    row = backup()
    with redis.Redis.from_url(conf.settings.REDIS_URL) as client:
        client.set(backup_markers.PREFIX + str(row["lineage"]), row["epoch"])
    assert backup_markers.Marker(row["epoch"], "") in backup_markers.read(str(row["lineage"]))
    switch._newest.clear()
    assert switch.send_permission().is_allowed


def test_a_desk_that_was_off_for_weeks_goes_on_by_itself(set_clock: SetClock) -> None:
    switch.raise_epoch()
    switch._newest.clear()
    set_clock(MORNING + 30 * DAY)
    assert switch.send_permission().is_allowed


def test_an_allowed_database_is_held_by_no_old_marker_and_its_backup_is_held_again(
    settings: LazySettings, tmp_path: Path
) -> None:
    switch.raise_epoch()
    yesterday = backup()
    switch.raise_epoch()
    restore(yesterday)
    assert switch.allow("Ada")
    switch._newest.clear()
    assert switch.send_permission().is_allowed
    restore(yesterday)
    assert not switch.send_permission().is_allowed


def test_a_held_database_does_not_come_alive_by_itself() -> None:
    switch.raise_epoch()
    yesterday = backup()
    switch.raise_epoch()
    restore(yesterday)
    switch.raise_epoch()
    switch.raise_epoch()
    row = backup()
    assert row["epoch"] == yesterday["epoch"]
    assert "restored" in row["hold_reason"]


def test_allowing_is_not_resuming(capsys: pytest.CaptureFixture[str]) -> None:
    switch.raise_epoch()
    yesterday = backup()
    switch.raise_epoch()
    restore(yesterday)
    switch.pause("Ada", "Stop.")
    assert "Sending is paused besides" in run("allow_sending", capsys)
    assert switch.send_permission() == (False, "Stop.")


def test_a_file_that_cannot_be_written_or_read_stops_nothing(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / "file"
    (tmp_path / "file").write_text("not a folder")
    switch.raise_epoch()
    assert switch.send_permission().is_allowed
    settings.VAR_DIR = tmp_path
    (tmp_path / "sending.json").write_text("{broken")
    switch.raise_epoch()
    assert switch.send_permission().is_allowed


def test_check_tells_of_a_pause_and_of_a_hold(capsys: pytest.CaptureFixture[str]) -> None:
    switch.raise_epoch()
    assert system_checks.check_sending(None) == []
    switch.pause("Ada", "Stop.")
    (warning,) = system_checks.check_sending(None)
    assert (warning.id, warning.hint) == ("digests.W002", "To go on, run `manage.py resume_sending`.")
    switch.resume("Ada")
    yesterday = backup()
    switch.raise_epoch()
    restore(yesterday)
    call_command("check")
    said = "".join(capsys.readouterr())
    assert "No digest is sent. This database is older" in said
    assert "manage.py allow_sending" in said


@pytest.mark.parametrize(
    ("provider", "keys", "number"),
    [
        ("smtp", {}, None),
        ("postmark", {}, "digests.W003"),
        ("postmark", {"WEBHOOK_SECRET": ["papers:secret"]}, None),
        ("postmark", {"WEBHOOK_SECRET": ["secret"]}, "digests.W004"),
        ("resend", {"RESEND_API_KEY": "key"}, "digests.W003"),
        ("resend", {"RESEND_SIGNING_SECRET": "key"}, None),
        ("mailgun", {"MAILGUN_API_KEY": "key"}, None),
    ],
)
def test_check_tells_of_a_webhook_that_is_closed(
    settings: LazySettings, provider: str, keys: dict[str, Any], number: str | None
) -> None:
    settings.DEBUG, settings.EMAIL_PROVIDER, settings.ANYMAIL = False, provider, keys
    assert [message.id for message in system_checks.check_webhook(None)] == ([number] if number else [])


@pytest.mark.parametrize(("value", "told"), [("on", []), ("off", ["digests.W005"])])
def test_check_tells_of_a_database_that_may_lose_a_commit(value: str, told: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL synchronous_commit = {value}")
    assert [message.id for message in system_checks.check_synchronous_commit(None)] == told


def test_a_heartbeat_between_the_reading_of_the_row_and_of_its_marker_raises_no_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that starts now knows no epoch, and asks the markers just after another has raised them."""
    switch.raise_epoch()
    switch._newest.clear()
    read = backup_markers.read

    def read_late(lineage: str) -> list[backup_markers.Marker]:
        monkeypatch.undo()
        switch.raise_epoch()
        return read(lineage)

    monkeypatch.setattr(backup_markers, "read", read_late)
    assert switch.send_permission().is_allowed
    assert not switch.is_held()


def test_of_a_database_and_a_copy_of_its_servers_files_beside_it_one_is_soon_held(
    settings: LazySettings, tmp_path: Path
) -> None:
    switch.raise_epoch()
    rows = {machine: backup() for machine in ("var", "elsewhere")}
    known = {machine: {**switch._newest} for machine in rows}
    for machine in [*rows, *rows]:  # both go on working, each with what it knows
        settings.VAR_DIR = tmp_path / machine
        restore(rows[machine])
        switch._newest.update(known[machine])
        switch.raise_epoch()
        rows[machine], known[machine] = backup(), {**switch._newest}
    assert sorted(bool(row["hold_reason"]) for row in rows.values()) == [False, True]
