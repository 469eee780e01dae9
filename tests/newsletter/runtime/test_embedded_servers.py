import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import dj_database_url
import psutil
import psycopg
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from newsletter.runtime import embedded_servers
from tests.product import wait_until

NOTHING_NAMED: dict[str, str] = {}
HOLD = "import sys, pathlib, newsletter.runtime.embedded_servers as e"
HOLD += "; c = e.keep_running(pathlib.Path(sys.argv[1]), {}, scratch=True)"
HOLD += "; c.__enter__(); print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def var_dir() -> Iterator[Path]:
    # Not tmp_path, which root's pytest closes to the account that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="paper-round-") as folder:
        yield Path(folder) / "var"


def running(var_dir: Path) -> AbstractContextManager[None]:
    return embedded_servers.keep_running(var_dir, NOTHING_NAMED, scratch=True)


def ask(var_dir: Path, sql: str) -> object:
    """Run one statement; return the first value of its answer, if it has any."""
    with psycopg.connect(embedded_servers.database_url(var_dir)) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def ask_redis(var_dir: Path) -> redis.Redis:
    return redis.Redis.from_url(embedded_servers.redis_url(var_dir))


def servers(var_dir: Path) -> list[psutil.Process]:
    """Return the processes that serve the folder."""
    both = (embedded_servers.Postgres(var_dir), embedded_servers.Redis(var_dir))
    return [process for server in both if (process := server.process())]


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()
    psutil.wait_procs(processes)


def test_both_servers_answer_and_keep_their_data(var_dir: Path) -> None:
    with running(var_dir):
        ask(var_dir, "CREATE TABLE kept ()")
        ask_redis(var_dir).set("kept", "yes")

    with running(var_dir):
        assert ask(var_dir, "SELECT count(*) FROM kept") == 0
        assert ask_redis(var_dir).get("kept") == b"yes"


def test_the_logs_are_open_to_their_owner_alone_and_hold_no_row(var_dir: Path) -> None:
    var_dir.mkdir()
    old = var_dir / "postgres.log"
    old.touch(mode=0o644)
    insert = "INSERT INTO reader VALUES ('ada@example.org', '93.184.216.34')"
    with running(var_dir):
        ask(var_dir, "CREATE TABLE reader (address text PRIMARY KEY, network text)")
        ask(var_dir, insert)
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(var_dir, insert)
        with psycopg.connect(embedded_servers.database_url(var_dir)) as connection:
            row = ("ada@example.org", "93.184.216.34")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO reader VALUES (%s, %s)", row, prepare=True)
    log = old.read_text()
    assert log.count("duplicate key value violates unique constraint") == 2
    assert "ada@" not in log
    assert "93.184" not in log
    assert {path.stat().st_mode & 0o777 for path in var_dir.glob("*.log")} == {0o600}


def test_redis_drops_no_task_to_save_memory(var_dir: Path) -> None:
    with running(var_dir):
        assert ask_redis(var_dir).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert ask_redis(var_dir).config_get("appendonly") == {"appendonly": "yes"}


def test_nothing_is_left_when_the_last_user_has_gone(var_dir: Path) -> None:
    with running(var_dir):
        sockets = Path(dj_database_url.parse(embedded_servers.database_url(var_dir))["HOST"])
        assert len(servers(var_dir)) == 2
        assert sockets.stat().st_mode & 0o077 == 0

    assert servers(var_dir) == []
    assert not sockets.exists()


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_who_leaves_first_leaves_the_servers_to_the_other(var_dir: Path, first_to_leave: int) -> None:
    users = [ExitStack(), ExitStack()]
    for user in users:
        user.enter_context(running(var_dir))

    users.pop(first_to_leave).close()
    assert len(servers(var_dir)) == 2

    users.pop().close()
    assert servers(var_dir) == []


def test_two_that_start_at_once_share_one_pair_of_servers(var_dir: Path) -> None:
    both_in = threading.Barrier(2, timeout=60)
    seen: list[list[int]] = []

    def use() -> None:
        with running(var_dir):
            both_in.wait()
            seen.append([process.pid for process in servers(var_dir)])
            both_in.wait()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert servers(var_dir) == []


def test_killed_servers_are_restarted_with_their_data(var_dir: Path) -> None:
    with embedded_servers.keep_running(var_dir, NOTHING_NAMED):
        ask(var_dir, "CREATE TABLE kept ()")
        kill(servers(var_dir))

        with running(var_dir):
            assert ask(var_dir, "SELECT count(*) FROM kept") == 0
            assert ask_redis(var_dir).ping()


def test_a_watched_server_that_dies_is_restarted_and_reported(var_dir: Path) -> None:
    told: list[str] = []
    with running(var_dir), embedded_servers.restart_when_dead(var_dir, NOTHING_NAMED, told.append):
        kill(servers(var_dir))
        wait_until(lambda: len(told) == 2)
        assert ask_redis(var_dir).ping()
        assert ask(var_dir, "SELECT 1") == 1
    assert sorted(told)[1] == "Redis had ended and was started again."


@pytest.mark.parametrize("content", ["", "{stranger}\n"], ids=["emptied by a power cut", "a stranger's number"])
def test_a_stale_pid_file_or_socket_stops_no_start(var_dir: Path, content: str) -> None:
    with running(var_dir):
        sockets = Path(dj_database_url.parse(embedded_servers.database_url(var_dir))["HOST"])
        kill(servers(var_dir))
        for path in (var_dir / "postgres" / "postmaster.pid", var_dir / "redis" / "redis.pid", *sockets.iterdir()):
            path.unlink()
            path.write_text(content.format(stranger=os.getpid()))

        with running(var_dir):
            assert ask(var_dir, "SELECT 1") == 1
            assert ask_redis(var_dir).ping()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_servers_end_however_their_user_ended(var_dir: Path, signum: signal.Signals) -> None:
    command = [sys.executable, "-c", HOLD, str(var_dir)]
    root = Path(embedded_servers.__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
    ) as user:
        assert user.stdout
        assert user.stdout.readline() == b"ready\n"
        assert len(servers(var_dir)) == 2
        user.send_signal(signum)

    wait_until(lambda: not servers(var_dir))
    with running(var_dir):
        assert len(servers(var_dir)) == 2


def test_an_interrupted_first_start_is_begun_anew(var_dir: Path) -> None:
    half = var_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with running(var_dir):
        assert ask(var_dir, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_works(var_dir: Path) -> None:
    deep = var_dir / ("deep" * 30) / "er"

    with running(deep):
        assert ask(deep, "SELECT 1") == 1
        assert ask_redis(deep).ping()


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=300))
def test_every_socket_has_a_short_path_of_its_own(name: str) -> None:
    here, beside = Path("/srv") / name, Path("/srv/elsewhere") / name
    socket = Path(embedded_servers.redis_url(here).removeprefix("unix://").removesuffix("?db=0"))

    assert len(os.fsencode(socket.with_name(".s.PGSQL.5432.lock"))) < 100
    assert embedded_servers.redis_url(here) != embedded_servers.redis_url(beside) or here == beside


def test_servers_named_elsewhere_are_left_to_others(var_dir: Path) -> None:
    named = {"DATABASE_URL": "postgres://example.org/papers", "REDIS_URL": "redis://example.org"}

    with embedded_servers.keep_running(var_dir, named):
        assert not var_dir.exists()


def test_only_the_server_that_is_not_named_is_started(var_dir: Path) -> None:
    with embedded_servers.keep_running(var_dir, {"DATABASE_URL": "postgres://example.org/papers"}):
        assert [process.name() for process in servers(var_dir)] == [servers(var_dir)[0].name()]
        assert not (var_dir / "postgres").exists()


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(var_dir: Path) -> None:
    var_dir.write_text("a file where the folder should be")

    with (
        pytest.raises(embedded_servers.CannotStart, match=r"Cannot write to .*var/below.*: set VAR_DIR"),
        running(var_dir / "below"),
    ):
        pass


def test_a_socket_folder_of_somebody_else_is_not_trusted(var_dir: Path) -> None:
    sockets = Path(dj_database_url.parse(embedded_servers.database_url(var_dir))["HOST"])
    sockets.mkdir(mode=0o700)
    sockets.chmod(0o777)
    try:
        with pytest.raises(embedded_servers.CannotStart, match="is not ours alone"), running(var_dir):
            pass
    finally:
        sockets.rmdir()
