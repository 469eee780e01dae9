"""The handle on a provider that runs beside the tests, in a thread or as a process of its own."""

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson

from tests.outside import ledger
from tests.outside.events import Event, Reports, events, post
from tests.outside.faults import Rule
from tests.outside.running import APIS, Options, run
from tests.outside.server import PLAN_PATH


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider. `settings` are Django's, `environment` the same for a process of the product."""

    name: str
    url: str
    control_url: str
    ledger_path: Path
    settings: dict[str, Any]
    environment: dict[str, str]
    pid: int = 0  # of a process alone
    certificate: str = ""  # SMTP alone: the file that SSL_CERT_FILE has to name

    def plan(self, *rules: Rule) -> None:
        """Replace the plan: these rules hold from the next request on; without rules nothing fails."""
        host, _, port = self.control_url.removeprefix("http://").partition(":")
        connection = HTTPConnection(host, int(port), timeout=10)
        connection.request("PUT", PLAN_PATH, orjson.dumps([asdict(rule) for rule in rules]))
        assert connection.getresponse().status == 200
        connection.close()

    def events(self, **reports: Any) -> list[Event]:
        """Return the posts about all accepted mails; the arguments are the fields of Reports."""
        return events(APIS[self.name](), self.entries(), Reports(**reports))

    def post_events(self, url: str, **reports: Any) -> list[int]:
        """Post what became of all that was accepted to a webhook; return the status of each answer.

        SMTP has no webhooks.
        """
        return list(post(url, self.events(**reports)))

    def entries(self) -> list[ledger.Entry]:
        """Return the entries of the ledger, oldest first, with those of refused mails."""
        return list(ledger.read(self.ledger_path))

    def accepted(self) -> list[ledger.Entry]:
        return [entry for entry in self.entries() if entry.accepted]


@contextmanager
def providing(name: str, path: Path | None = None, **options: Any) -> Iterator[Provider]:
    """Run a provider in a thread during the block; `path` is its ledger, `options` are the fields of Options."""
    with ledger_at(path) as place:
        started: Future[dict[str, Any]] = Future()
        stopping: list[Any] = []
        thread = threading.Thread(
            target=asyncio.run, args=(serve(Options(name, place, **options), started, stopping),), daemon=True
        )
        thread.start()
        provider = Provider(**started.result(30))
        try:
            yield provider
        finally:
            stopping[0]()
            thread.join()


async def serve(options: Options, started: "Future[dict[str, Any]]", stopping: list[Any]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    stopping.append(lambda: loop.call_soon_threadsafe(stop.set))
    try:
        async with run(options) as facts:
            started.set_result(facts)
            await stop.wait()
    except Exception as exc:
        started.set_exception(exc)
        raise


@contextmanager
def providing_apart(name: str, path: Path | None = None, **options: Any) -> Iterator[Provider]:
    """Run a provider as a process of its own, so that it is neither measured nor killed with the tested process."""
    with ledger_at(path) as place:
        words = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
        command = [sys.executable, "-m", "tests.outside", name, f"--ledger={place}", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            facts = orjson.loads(process.stdout.readline())
            yield Provider(**facts | {"ledger_path": place, "pid": process.pid})
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def ledger_at(path: Path | None) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="provider-") as folder:
        yield Path(folder) / "ledger.jsonl"
