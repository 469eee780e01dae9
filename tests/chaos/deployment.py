"""A deployment to break: its own servers, workers, beat and web, each restarted when it ends."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import django
import psutil
import redis
from django.core.management import call_command
from django.db import Error, connection

from newsletter.runtime import embedded_servers, processes
from tests.benchmarks.__main__ import ENVIRONMENT
from tests.outside.interfaces.api import WEBHOOK_SECRET
from tests.outside.provider import Provider
from tests.ports import free_port

LEADERS = 2  # of processes that send; one more keeps the books


class Deployment:
    """The processes, and the ways to break them. Servers are as durable as in production."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: dict[str, list[str]] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = 0
        self._is_over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_up, daemon=True)

    @property
    def url(self) -> str:
        return os.environ["SITE_URL"]

    @property
    def log(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    def start(self) -> None:
        worker = processes.workers("sending")["sending"]
        place = worker.index("--hostname") + 1
        for number in range(LEADERS):
            named = [*worker[:place], f"sending{number}@%h", *worker[place + 1 :]]
            self.commands[f"leader{number}"] = named
        self.commands |= {"leader": processes.workers("digests")["digests"]} | processes.beat() | processes.web()
        self._keeper.start()

    def start_web(self) -> None:
        """Start the web server alone."""
        self.commands |= processes.web()
        self._keeper.start()

    def stop(self) -> None:
        self._is_over.set()
        self._keeper.join()
        for process in self.running.values():
            end_group(process.pid)
            process.wait()

    def _keep_up(self) -> None:
        """Restart the processes that have ended, as a machine's process manager does."""
        while not self._is_over.wait(0.1):
            for name, command in self.commands.items():
                process = self.running.get(name)
                if process is None or process.poll() is not None:
                    self.restarts += process is not None
                    self.running[name] = self._launch(command)

    def _launch(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / "output.txt").open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent
            )

    def kill_one(self, dice: random.Random) -> str:
        """Kill a random worker process, leader or child, and return a description of it."""
        leaders = [process for name, process in self.running.items() if name.startswith("leader")]
        children = [child for leader in leaders for child in children_of(leader.pid)]
        chosen = dice.choice([*(psutil.Process(leader.pid) for leader in leaders if leader.poll() is None), *children])
        with suppress(psutil.NoSuchProcess):
            chosen.kill()
        return "child" if chosen in children else "leader"

    def flush_redis(self) -> None:
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.flushall()

    def stop_redis(self) -> None:
        self._end(embedded_servers.Redis(self.folder), signal.SIGKILL)

    def start_redis(self) -> None:
        self._begin(embedded_servers.Redis(self.folder))

    def restart_postgres(self) -> None:
        """Crash PostgreSQL without closing its connections, and restart it, so that it recovers from its log."""
        self._end(embedded_servers.Postgres(self.folder), signal.SIGQUIT)
        self._begin(embedded_servers.Postgres(self.folder))
        connection.close()

    def _end(self, server: embedded_servers.Server, by: signal.Signals) -> None:
        process = server.process()
        assert process
        process.send_signal(by)
        while embedded_servers._is_alive(process):
            time.sleep(0.02)

    def _begin(self, server: embedded_servers.Server) -> None:
        embedded_servers._launch(server)
        while not server.is_answering():
            time.sleep(0.05)


def end_with_parent() -> None:
    processes.end_with_parent(signal.SIGKILL)


def children_of(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def end_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@contextmanager
def deployed(provider: Provider, **environment: str) -> Iterator[Deployment]:
    """Run servers with an empty database during the block, and set their URLs in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="paper-round-chaos-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(embedded_servers.keep_running(folder, {}))
        port = free_port()
        os.environ.update(ENVIRONMENT)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="tests.chaos.settings",
            DATABASE_URL=embedded_servers.database_url(folder),
            REDIS_URL=embedded_servers.redis_url(folder),
            VAR_DIR=str(folder),
            PORT=str(port),
            SITE_URL=f"http://127.0.0.1:{port}",
            ALLOWED_HOSTS="127.0.0.1",
            WEB_CONCURRENCY="1",
            DIGESTS_CONCURRENCY="1",
            WEBHOOK_SECRET=WEBHOOK_SECRET,
        )
        os.environ.update(provider.environment | environment)
        django.setup()
        call_command("migrate", verbosity=0)
        deployment = Deployment(folder)
        stack.callback(deployment.stop)
        yield deployment


def when_answering(ask: Callable[[], bool]) -> bool:
    """Query the database; repeat the query if the server was crashed meanwhile."""
    while True:
        try:
            return ask()
        except Error:
            connection.close()
            time.sleep(0.1)
