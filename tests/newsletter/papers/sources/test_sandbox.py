import gzip
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from newsletter.papers.sources import arxiv, sandbox
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.finding import Listing
from newsletter.papers.sources.sandbox import PROJECT, Sandbox
from tests.newsletter.papers.sources.conftest import payload

CS_CL = "https://rss.arxiv.org/rss/cs.CL"
MOST_MEMORY_KB = 256 * 1024
PATIENCE_SECONDS = 60  # with a child that is stopped after a second or two, on the slowest machine
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture(scope="module")
def bombed() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def rss(title: bytes, description: bytes = b"") -> bytes:
    return (
        b'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item><title>' + title + b"</title>"
        b"<link>https://arxiv.org/abs/2605.90001</link><description>" + description + b"</description>"
        b"</item></channel></rss>"
    )


ENTITIES = (
    b'<?xml version="1.0"?>\n<!DOCTYPE feed [\n<!ENTITY a "' + b"A" * 50_000 + b'">\n]>\n'
    b'<rss version="2.0"><channel><item><title>' + b"&a;" * 4_000 + b"</title></item></channel>"
)
XML_BOMBS = {
    "entities": ENTITIES,
    "entities in UTF-16": ENTITIES.decode().replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"),
    "entities in UTF-7": ENTITIES.replace(b'"1.0"', b'"1.0" encoding="utf-7"').replace(b"<!DOC", b"+ADwAIQ-DOC"),
    "gzip in the body": gzip.compress(rss(bytes(100_000_000))),
    "comments that never end": rss(b"t", b"&lt;!--" * 120_000),
    "comments in a title": rss(b"&lt;!--" * 120_000),
    "comments in broken XML": rss(b"t", b"&lt;!--" * 120_000)[:-20],
    "a path": b"/etc/passwd",
    "an address": b"http://127.0.0.1:9/",
    "elements without end": b'<rss version="2.0"><channel>' + b"<a>" * 1_000_000,
    "attributes": b'<rss version="2.0" ' + b"".join(b'a%d="" ' % i for i in range(380_000)) + b"/>",
    "brackets": b'<rss version="2.0"><channel><item><title>' + b"<" * 2_000_000,
    "items": b'<rss version="2.0"><channel>' + b"<item/>" * 700_000 + b"</channel></rss>",
    "authors": b'<rss version="2.0"><channel>'
    + b"".join(
        b"<item><title>t</title><link>https://arxiv.org/abs/2605.%05d</link><author>" % i
        + b"ab," * 500
        + b"</author></item>"
        for i in range(2_900)
    )
    + b"</channel></rss>",
}
JSON_BOMBS = {
    "nested JSON": b"[" * 2_000_000,
    "a long number": b'[{"paper":{"upvotes":' + b"9" * 4_000_000 + b"}}]",
    "small objects": b"[" + b"[]," * 1_600_000 + b"[]]",
    "wide characters": (
        '[{"paper":{"id":"2605.90001","title":"t","summary":"' + "a" * 4_900_000 + "\U0001f600" + '"}}]'
    ).encode(),
    "zeros": bytes(5_000_000),
    "too long": bytes(6_000_000),
}


def peak_kb() -> int:
    found = PEAK.search(Path("/proc/self/status").read_text())
    assert found, "Linux tells the peak"
    return int(found[1])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(kind, body, id=f"{kind}: {name}")
        for kinds, bombs in ((("arxiv", "feed"), XML_BOMBS), (("hf_daily", "feed"), JSON_BOMBS))
        for kind in kinds
        for name, body in bombs.items()
    ],
)
def test_no_bomb_costs_the_worker_more_than_its_limits(
    kind: str, body: bytes, bombed: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bombed.parse("hf_daily", b"[]", "")
    # A shorter leash than in service, so that the slow ones need not be waited for.
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 1.5)
    Path("/proc/self/clear_refs").write_text("5")
    before, started = peak_kb(), time.monotonic()

    with suppress(SourceError):
        bombed.parse(kind, body, CS_CL)

    assert time.monotonic() - started < PATIENCE_SECONDS
    assert peak_kb() - before < MOST_MEMORY_KB


def test_the_child_limits_itself(box: Sandbox) -> None:
    box.parse("hf_daily", b"[]", "")
    assert box.child is not None
    child = psutil.Process(box.child.pid)

    assert child.rlimit(psutil.RLIMIT_AS)[0] == 512 * 1024 * 1024
    assert child.rlimit(psutil.RLIMIT_CPU)[0] < 10 + sum(child.cpu_times()[:2])
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)


def test_the_child_finds_what_the_reader_finds(box: Sandbox) -> None:
    body = payload("arxiv_rss.xml")

    assert box.parse("arxiv", body, CS_CL) == arxiv.parse(body, CS_CL)


def test_one_child_serves_many_parses(box: Sandbox) -> None:
    box.parse("arxiv", payload("arxiv_rss.xml"), CS_CL)
    child = box.child

    with pytest.raises(SourceError, match="not a feed"):
        box.parse("arxiv", b"words", CS_CL)
    box.parse("hf_daily", b"[]", "?date=2026-05-04")

    assert box.child is child


def test_a_child_is_replaced_after_its_share(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "PARSES_A_CHILD", 2)
    seen = []
    for _ in range(3):
        box.parse("hf_daily", b"[]", "")
        seen.append(box.child)

    assert seen[0] is not None
    assert seen[1] is None
    assert seen[2] not in (None, seen[0])


def test_a_child_that_died_in_between_is_replaced(box: Sandbox) -> None:
    box.parse("hf_daily", b"[]", "")
    assert box.child is not None
    box.child.kill()
    box.child.wait()

    assert box.parse("hf_daily", b"[]", "") == Listing((), None)


def test_a_child_that_hangs_is_stopped(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.parse("hf_daily", b"[]", "")
    assert box.child is not None
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.2)
    box.child.send_signal(signal.SIGSTOP)

    with pytest.raises(SourceError, match="stopped"):
        box.parse("arxiv", bytes(3_000_000), CS_CL)

    monkeypatch.undo()
    assert box.parse("hf_daily", b"[]", "") == Listing((), None)


def test_the_start_of_the_child_costs_a_parse_none_of_its_time(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 2.0)
    box.child = sandbox._start()
    box.child.send_signal(signal.SIGSTOP)
    threading.Timer(2.5, box.child.send_signal, [signal.SIGCONT]).start()

    assert box.parse("hf_daily", b"[]", "") == Listing((), None)


def test_a_parse_is_stopped_by_its_cpu_time_and_the_next_child_warms_up(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 1)

    with pytest.raises(SourceError, match="more than 1 s of CPU time"):
        box.parse("feed", XML_BOMBS["items"], "")

    assert box.child is not None
    monkeypatch.undo()
    assert box.parse("hf_daily", b"[]", "") == Listing((), None)


def test_the_child_knows_no_secrets(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    box.parse("hf_daily", b"[]", "")
    assert box.child is not None

    assert "SECRET_KEY" not in psutil.Process(box.child.pid).environ()


def test_the_child_does_not_outlive_its_worker() -> None:
    program = (
        "import os\n"
        "from newsletter.papers.sources import sandbox\n"
        "sandbox.parse('hf_daily', b'[]', '')\n"
        "print(sandbox._sandbox.child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
    child = int(told.stdout)

    with suppress(psutil.NoSuchProcess):
        psutil.Process(child).wait(timeout=PATIENCE_SECONDS)
    assert not psutil.pid_exists(child)


def parse_and_tell(answers: "multiprocessing.SimpleQueue[tuple[int | None, int]]") -> None:
    sandbox.parse("hf_daily", b"[]", "")
    child = sandbox._sandbox.child
    answers.put((child.pid if child else None, os.getppid()))


def test_a_daemonic_worker_forked_later_starts_its_own_child() -> None:
    sandbox.parse("hf_daily", b"[]", "")
    mine = sandbox._sandbox.child
    assert mine is not None
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    worker = context.Process(target=parse_and_tell, args=(answers,), daemon=True)
    worker.start()
    worker.join(timeout=PATIENCE_SECONDS)

    theirs, parent = answers.get()

    assert parent == os.getpid()
    assert theirs not in (None, mine.pid)
    assert sandbox.parse("hf_daily", b"[]", "") == Listing((), None)
    assert sandbox._sandbox.child is mine


def test_a_worker_forked_while_its_parent_parses_does_not_wait_for_it() -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    worker = context.Process(target=parse_and_tell, args=(answers,), daemon=True)
    with sandbox._sandbox.lock:
        worker.start()
        worker.join(timeout=PATIENCE_SECONDS)
    assert worker.exitcode == 0
