"""A provider on loopback that takes every mail: one in C where a compiler is there, else the tests' own, counting."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from django.test import override_settings

from tests.outside.provider import providing_apart
from tests.outside.running import APIS, Options, smtp_facts

SOURCES = Path(__file__).parent / "sinks"
COMPILER = shutil.which("cc")


class Sink(NamedTuple):
    """A running sink: the settings to send to it by, what a note calls it, and how many mails it has taken so far."""

    settings: dict[str, Any]
    port: int
    name: str
    taken: Callable[[], int]


@contextmanager
def sending_to(provider: str, **others: Any) -> Iterator[Sink]:
    """Run a sink, with Django's settings such that mail goes to it, while the block lasts."""
    with (sink_in_c if COMPILER else sink_of_tests)(provider) as sink, override_settings(**sink.settings | others):
        yield sink


@contextmanager
def sink_in_c(provider: str) -> Iterator[Sink]:
    name = "smtpsink" if provider == "smtp" else "httpsink"
    with tempfile.TemporaryDirectory(prefix="paper-round-sink-") as folder:
        program = Path(folder) / name
        subprocess.run([str(COMPILER), "-O2", "-o", program, SOURCES / f"{name}.c"], check=True)
        process = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield Sink(settings_of(provider, port), port, f"{name}.c", lambda: count_of(process))
        finally:
            process.terminate()
            process.communicate()


def count_of(process: "subprocess.Popen[bytes]") -> int:
    assert process.stderr is not None
    process.send_signal(signal.SIGUSR1)
    return int(orjson.loads(process.stderr.readline())["messages"])


def settings_of(provider: str, port: int) -> dict[str, Any]:
    if provider == "smtp":
        return dict(smtp_facts(Options("smtp", Path()), port)["settings"])
    return {
        "EMAIL_PROVIDER": provider,
        "EMAIL_BACKEND": f"anymail.backends.{provider}.EmailBackend",
        "SEND_CALLS_A_MINUTE": 0,
        "ANYMAIL": APIS[provider]().settings(f"http://127.0.0.1:{port}"),
    }


@contextmanager
def sink_of_tests(provider: str) -> Iterator[Sink]:
    with providing_apart(provider, counting=True) as server:
        yield Sink(
            server.settings,
            int(server.url.rpartition(":")[2]),
            "the tests’ own server in Python",
            lambda: len(server.accepted()),
        )
