import gzip
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from random import Random

import pytest
from django.conf import LazySettings
from django.db import connection

from newsletter import advisory_locks
from newsletter.advisory_locks import Lock
from newsletter.papers.ingest import fetch as fetching
from newsletter.papers.models import Paper, Sighting, Source
from tests.factories import MORNING, SourceFactory
from tests.newsletter.papers.sources.conftest import Reply, ScriptedServer, payload
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
HOUR = timedelta(hours=1)
TUESDAY = MORNING + timedelta(days=1)
RSS = "/rss/cs.CL"


@pytest.fixture
def server(settings: LazySettings) -> Iterator[ScriptedServer]:
    """Serve what a test writes down, over real HTTP on loopback."""
    settings.FEED_ALLOW_LOOPBACK = True
    settings.ARXIV_PAUSE_SECONDS = 0
    script = ScriptedServer()
    yield script
    script.stop()


@pytest.fixture
def arxiv(server: ScriptedServer, set_clock: SetClock) -> Source:
    set_clock(TUESDAY)
    server.replies[RSS] = Reply(payload("arxiv_rss.xml"))
    source: Source = SourceFactory(kind=Source.Kind.ARXIV, url=server.url + RSS)
    return source


@pytest.fixture
def daily(server: ScriptedServer, set_clock: SetClock) -> Source:
    """A source of one list a day, of which Monday's holds papers."""
    set_clock(TUESDAY)
    for day in ("2026-05-01", "2026-05-05"):
        server.replies[daily_path(day)] = Reply(b"[]")
    server.replies[daily_path("2026-05-04")] = Reply(payload("hf_daily.json"))
    source: Source = SourceFactory(kind=Source.Kind.HF_DAILY, url=f"{server.url}/api/daily_papers")
    return source


def daily_path(day: str) -> str:
    return f"/api/daily_papers?date={day}&limit=100"


def stored(source: Source) -> Source:
    return Source.objects.get(pk=source.pk)


def fetch(source: Source) -> bool:
    return fetching.fetch_source(stored(source))


def test_a_listing_comes_in_and_the_row_says_how_it_went(arxiv: Source) -> None:
    assert fetch(arxiv)
    paper = Paper.objects.get()
    assert (paper.key, paper.listed_on) == ("arxiv:2605.90001", date(2026, 5, 5))
    row = stored(arxiv)
    assert (row.last_success_at, row.last_error, row.failure_count) == (TUESDAY, "", 0)
    assert (row.last_tried_at, row.next_try_at, row.fresh_on) == (TUESDAY, TUESDAY + HOUR, date(2026, 5, 5))


def test_a_list_a_day_is_asked_for_each_of_the_last_weekdays(daily: Source, server: ScriptedServer) -> None:
    assert fetch(daily)
    assert [path for path, _ in server.requests] == [
        daily_path(day) for day in ("2026-05-01", "2026-05-04", "2026-05-05")
    ]
    assert Sighting.objects.get(paper__key="arxiv:2605.90001").votes == 42


def test_the_product_says_who_it_is(arxiv: Source, server: ScriptedServer, settings: LazySettings) -> None:
    settings.PUBLICATION_NAME, settings.SITE_URL = "Blätter", "https://papers.example.org"
    fetch(arxiv)
    assert server.requests[0][1]["user-agent"] == "Bl?tter (+https://papers.example.org)"


def test_what_has_not_changed_is_not_sent_again(daily: Source, server: ScriptedServer, set_clock: SetClock) -> None:
    monday = daily_path("2026-05-04")
    server.replies[monday].headers.update({"ETag": '"one"', "Last-Modified": "Mon, 04 May 2026 00:00:00 GMT"})
    fetch(daily)
    seen = list(Sighting.objects.values())
    server.replies[monday] = Reply(status=304)
    server.requests.clear()

    set_clock(TUESDAY + HOUR)
    assert fetch(daily)

    headers = dict(server.requests)[monday]
    assert (headers["if-none-match"], headers["if-modified-since"]) == ('"one"', "Mon, 04 May 2026 00:00:00 GMT")
    assert "if-none-match" not in dict(server.requests)[daily_path("2026-05-01")]
    assert list(Sighting.objects.values()) == seen
    assert stored(daily).last_success_at == TUESDAY + HOUR
    assert stored(daily).validators[server.url + monday][0] == '"one"'


def test_what_is_known_of_a_days_list_goes_with_its_day(
    daily: Source, server: ScriptedServer, set_clock: SetClock
) -> None:
    server.replies[daily_path("2026-05-04")].headers["ETag"] = '"one"'
    fetch(daily)
    for day in ("2026-05-06", "2026-05-07", "2026-05-08"):
        server.replies[daily_path(day)] = Reply(b"[]", headers={"ETag": '"new"'})
    set_clock(TUESDAY + timedelta(days=3))
    fetch(daily)
    assert set(stored(daily).validators) == {
        server.url + daily_path(day) for day in ("2026-05-06", "2026-05-07", "2026-05-08")
    }


def refused_lines(source: Source) -> set[str]:
    return {line for lines in stored(source).refused.values() for line in lines}


def test_what_a_source_refused_is_kept_with_its_reason_and_since_when(
    arxiv: Source, server: ScriptedServer, set_clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    line = "https://blog.example/maintenance: it names no arXiv paper"
    fetch(arxiv)
    assert refused_lines(arxiv) == {line}
    assert caplog.text.count(line) == 1

    set_clock(TUESDAY + HOUR)
    fetch(arxiv)

    assert stored(arxiv).refused == {arxiv.url: {line: TUESDAY.isoformat()}}
    assert caplog.text.count(line) == 1, "an item refused twice in a row is told once"

    server.replies[RSS] = Reply(payload("arxiv_empty.xml"))
    fetch(arxiv)
    assert stored(arxiv).refused == {}


def test_an_unchanged_answer_keeps_what_was_refused(arxiv: Source, server: ScriptedServer) -> None:
    server.replies[RSS].headers["ETag"] = '"one"'
    fetch(arxiv)
    server.replies[RSS] = Reply(status=304)
    fetch(arxiv)
    assert refused_lines(arxiv) == {"https://blog.example/maintenance: it names no arXiv paper"}


def cut_feed(packing: str) -> Reply:
    """Return a feed that ends too early: its good items stand before the cut."""
    body = payload("arxiv_rss.xml")
    if packing == "plain":
        return Reply(body[:-20], headers={"ETag": '"cut"'})
    # What does not compress at the end takes all of the bytes that are missing.
    padded = body + b"<!-- " + bytes(Random(1).choices(b"0123456789abcdef", k=400)) + b" -->"
    packed = gzip.compress(padded) if packing == "gzip" else zlib.compress(padded)
    return Reply(packed[:-20], headers={"ETag": '"cut"', "Content-Encoding": packing})


@pytest.mark.parametrize(
    ("packing", "words"), [("plain", "not well-formed"), ("gzip", "cut short"), ("deflate", "cut short")]
)
def test_a_cut_answer_is_told_its_good_items_are_kept_and_it_is_asked_again_soon(
    arxiv: Source, server: ScriptedServer, set_clock: SetClock, packing: str, words: str
) -> None:
    server.replies[RSS] = cut_feed(packing)
    assert fetch(arxiv)

    row = stored(arxiv)
    assert Paper.objects.get().key == "arxiv:2605.90001"
    assert words in row.warning
    assert (row.failure_count, row.next_try_at) == (0, TUESDAY + timedelta(minutes=15))

    set_clock(TUESDAY + timedelta(minutes=15))
    fetch(arxiv)
    assert "if-none-match" not in server.requests[-1][1], "what was cut is sent again"
    assert stored(arxiv).next_try_at == TUESDAY + timedelta(minutes=75), "what stays so is asked as usual"

    server.replies[RSS] = Reply(payload("arxiv_rss.xml"))
    fetch(arxiv)
    assert stored(arxiv).warning == ""


def test_an_empty_answer_of_a_sunday_is_no_failure(arxiv: Source, server: ScriptedServer) -> None:
    server.replies[RSS] = Reply(payload("arxiv_empty.xml"))
    assert fetch(arxiv)
    assert not Paper.objects.exists()
    assert stored(arxiv).fresh_on is None


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=500), "The server answered 500"),
        (Reply(status=404), "The server answered 404"),
        (Reply(b"<html><body>Welcome</body></html>"), "a web page, not with a feed"),
        (Reply(b""), "empty"),
        (Reply(payload("arxiv_error.xml")), "arXiv knows no such category"),
        (Reply(b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss/>"), "DOCTYPE"),
    ],
)
def test_a_source_that_fails_says_so_in_plain_words(
    arxiv: Source, server: ScriptedServer, reply: Reply, words: str
) -> None:
    server.replies[RSS] = reply
    assert not fetch(arxiv)
    row = stored(arxiv)
    assert words in row.last_error
    assert len(row.last_error.splitlines()) == 1
    assert (row.failure_count, row.last_success_at) == (1, None)
    assert not Paper.objects.exists()


def test_a_source_that_fails_stops_no_other(arxiv: Source, daily: Source, server: ScriptedServer) -> None:
    server.replies[RSS] = Reply(status=503)
    answers = [fetch(source) for source in Source.objects.due().order_by("pk")]
    assert answers == [False, True]
    assert Paper.objects.exists()


def test_days_that_were_read_before_a_failure_stay(daily: Source, server: ScriptedServer) -> None:
    server.replies[daily_path("2026-05-05")] = Reply(status=500)
    assert not fetch(daily)
    assert Paper.objects.exists()
    assert "500" in stored(daily).last_error


def test_waits_grow_with_the_failures_and_end_with_a_success(
    arxiv: Source, server: ScriptedServer, set_clock: SetClock
) -> None:
    good, server.replies[RSS] = server.replies[RSS], Reply(status=500)
    now, waits = TUESDAY, []
    for _ in range(6):
        set_clock(now)
        fetch(arxiv)
        waits.append(stored(arxiv).next_try_at - now)  # type: ignore[operator]
        now += waits[-1]
    assert [wait / HOUR for wait in waits] == [1, 2, 4, 6, 6, 6]
    assert not Source.objects.due().exists()

    server.replies[RSS] = good
    set_clock(now)
    assert fetch(arxiv)
    row = stored(arxiv)
    assert (row.failure_count, row.last_error, row.next_try_at) == (0, "", now + HOUR)


@pytest.mark.parametrize(("wish", "seconds"), [("90", 90), ("43200", 43_200), ("9999999", 86_400)])
def test_a_server_that_asks_for_a_pause_is_given_it_up_to_a_day(
    arxiv: Source, server: ScriptedServer, wish: str, seconds: int
) -> None:
    server.replies[RSS] = Reply(status=429, headers={"Retry-After": wish})
    fetch(arxiv)
    assert stored(arxiv).next_try_at == TUESDAY + timedelta(seconds=seconds)


def test_a_source_is_due_again_after_its_wait(arxiv: Source, set_clock: SetClock) -> None:
    assert list(Source.objects.due()) == [arxiv]
    fetch(arxiv)
    assert not Source.objects.due().exists()
    set_clock(TUESDAY + HOUR)
    assert list(Source.objects.due()) == [arxiv]


def test_sources_that_rest_or_are_inside_are_never_due() -> None:
    SourceFactory(is_active=False)
    for kind in Source.INSIDE:
        SourceFactory(kind=kind)
    assert not Source.objects.due().exists()


def test_a_source_another_worker_has_is_left_to_it(arxiv: Source, server: ScriptedServer) -> None:
    mine, rivals = stored(arxiv), stored(arxiv)
    assert fetching.fetch_source(rivals)
    assert not fetching.fetch_source(mine)
    assert len(server.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_one_asks_the_source(arxiv: Source, server: ScriptedServer) -> None:
    answers = at_once(*[partial(fetching.fetch_source, stored(arxiv)) for _ in range(4)])
    assert sorted(answers) == [False, False, False, True]
    assert len(server.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_arxiv_is_asked_by_one_worker_at_a_time(arxiv: Source, server: ScriptedServer) -> None:
    """Its terms: one connection, for everything from one operator."""
    answers = list[bool]()

    def work() -> None:
        answers.append(fetch(arxiv))
        connection.close()

    worker = threading.Thread(target=work)
    with advisory_locks.held(Lock.ARXIV):
        worker.start()
        wait_for_a_waiter()
        assert server.requests == []
    worker.join(60)
    assert answers == [True]


def wait_for_a_waiter() -> None:
    """Return once somebody waits for a lock of this database."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")


def test_another_machine_is_not_asked_without_leave(arxiv: Source, settings: LazySettings) -> None:
    settings.FEED_ALLOW_LOOPBACK = False
    assert not fetch(arxiv)
    assert "not on the public internet" in stored(arxiv).last_error


@pytest.mark.parametrize(
    ("today", "days"),
    [
        (date(2026, 5, 6), ["2026-05-04", "2026-05-05", "2026-05-06"]),
        (date(2026, 5, 4), ["2026-04-30", "2026-05-01", "2026-05-04"]),
        (date(2026, 5, 10), ["2026-05-06", "2026-05-07", "2026-05-08"]),
    ],
)
def test_the_last_listing_days_are_weekdays(set_clock: SetClock, today: date, days: list[str]) -> None:
    set_clock(MORNING.replace(day=today.day, month=today.month))
    assert [day.isoformat() for day in fetching.listing_days()] == days
