"""What a person types, and what is said to it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.models import Paper, Source
from subscribers.models import Subscriber
from tests.factories import (
    MONDAY,
    MORNING,
    PaperFactory,
    SourceFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.newsletter.papers.sources.conftest import Reply, ScriptedServer, payload
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


def run(*words: str) -> str:
    """Return what a command says."""
    said = StringIO()
    call_command(*words, stdout=said, stderr=said)
    return said.getvalue()


def typed(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, env=os.environ | {"DEBUG": "1"}, capture_output=True, text=True, timeout=60)


@pytest.fixture
def server(settings: LazySettings) -> Iterator[ScriptedServer]:
    settings.FEED_ALLOW_LOOPBACK = True
    settings.ARXIV_PAUSE_SECONDS = 0
    script = ScriptedServer()
    script.replies["/rss/cs.CL"] = Reply(payload("arxiv_rss.xml"))
    yield script
    script.stop()


# Every command


@pytest.mark.parametrize(
    "command", ["up", "add_source", "fetch_papers", "draft_issue", "publish_issue", "send_due", "explain"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        call_command(command, "--help")
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith("usage:")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("send_due", "--now", "tomorrow"), "“tomorrow” is not a moment. Write it as 2026-05-04T05:00+00:00."),
        (("publish_issue", "2026-02-30"), "“2026-02-30” is not a day. Write it as 2026-05-04."),
    ],
)
def test_an_invalid_day_or_time_is_refused_with_a_reason(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match="is no"):
        run(*words)
    done = typed(*words)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


# add_source and fetch_papers


def test_adding_a_source_prints_how_to_fetch_it() -> None:
    said = run("add_source", "arxiv", "https://rss.arxiv.org/rss/cs.CL", "--name", "Language")
    source = Source.objects.get()
    assert (source.kind, source.url, source.name) == ("arxiv", "https://rss.arxiv.org/rss/cs.CL", "Language")
    assert f"fetch_papers --source {source.pk}" in said


@pytest.mark.parametrize(
    ("kind", "url", "complaint"),
    [
        ("gopher", "https://example.org/feed", "invalid choice: 'gopher'"),
        ("readers", "https://example.org/feed", "invalid choice: 'readers'"),
        ("feed", "not an address", "Enter a valid URL"),
        ("feed", "javascript:alert(1)", "Enter a valid URL"),
        ("feed", "ftp://example.org/feed", "Only addresses with http:// or https:// are fetched"),
        ("feed", "http://u:p@example.org/feed", "it holds a user name"),
        ("feed", "http://localhost/feed", "not on the public internet"),
        ("feed", "http://10.0.0.5/feed", "not on the public internet"),
        ("feed", "http://[::1]/feed", "not on the public internet"),
        ("feed", "https://example.org:22/feed", "Port 22 is not one that may be fetched from"),
        ("feed", "https://example.org/" + "x" * 500, "at most 500 characters"),
    ],
)
def test_a_bad_source_is_refused(kind: str, url: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run("add_source", kind, url)
    assert not Source.objects.exists()


def test_a_source_is_added_once() -> None:
    source = SourceFactory()
    with pytest.raises(CommandError, match="already exists"):
        run("add_source", "arxiv", source.url)


def test_papers_are_fetched_at_the_moment_given(server: ScriptedServer) -> None:
    source = SourceFactory(url=f"{server.url}/rss/cs.CL")
    said = run("fetch_papers", "--now", "2026-05-05T06:00Z")
    assert "1 new papers" in said
    paper = Paper.objects.get()
    assert paper.first_seen_at == datetime(2026, 5, 5, 6, 0, tzinfo=UTC)
    source.refresh_from_db()
    assert source.last_success_at == paper.first_seen_at
    assert clock.now() == MORNING


def test_one_source_is_fetched(server: ScriptedServer) -> None:
    one, other = SourceFactory(url=f"{server.url}/rss/cs.CL"), SourceFactory(url=f"{server.url}/rss/cs.AI")
    run("fetch_papers", "--source", str(one.pk))
    assert [path for path, _ in server.requests] == ["/rss/cs.CL"]
    other.refresh_from_db()
    assert other.last_tried_at is None


def test_a_source_that_fails_is_named_and_the_others_are_fetched(server: ScriptedServer) -> None:
    SourceFactory(name="Broken", url=f"{server.url}/nothing")
    SourceFactory(url=f"{server.url}/rss/cs.CL")
    said = run("fetch_papers", "--now", "2026-05-05T06:00Z")
    assert "Broken: The server answered 404" in said
    assert Paper.objects.exists()


def test_where_no_source_answers_the_command_fails(server: ScriptedServer) -> None:
    SourceFactory(url=f"{server.url}/nothing")
    with pytest.raises(CommandError, match="No source answered"):
        run("fetch_papers")


@pytest.mark.parametrize("words", [(), ("--source", "999")])
def test_an_unknown_source_is_refused_with_a_reason(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="no such active source"):
        run("fetch_papers", *words)


# draft_issue and publish_issue


def test_a_draft_is_made_for_a_day_or_for_the_next() -> None:
    PaperFactory()
    assert "Issue of 2026-05-04 (draft): 1 papers on the front" in run("draft_issue")
    assert "Issue of 2026-05-06 (draft): 0 papers on the front" in run("draft_issue", "2026-05-06")
    assert set(Issue.objects.values_list("date", flat=True)) == {MONDAY, MONDAY + 2 * DAY}


def test_a_draft_is_published() -> None:
    PaperFactory()
    run("draft_issue", "2026-05-04")
    assert "Issue of 2026-05-04 is published with 1 papers" in run("publish_issue", "2026-05-04")
    assert Issue.objects.get().published_at == MORNING


def test_an_unknown_day_is_not_published() -> None:
    with pytest.raises(CommandError, match=r"There is no issue of 2026-05-04. Create it with manage.py draft_issue."):
        run("publish_issue", "2026-05-04")


def test_an_issue_is_published_once_and_not_empty() -> None:
    run("draft_issue", "2026-05-04")
    with pytest.raises(CommandError, match="no paper on its front"):
        run("publish_issue", "2026-05-04")
    PaperFactory()
    run("draft_issue", "2026-05-04")
    run("publish_issue", "2026-05-04")
    with pytest.raises(CommandError, match="Only a draft can be published"):
        run("publish_issue", "2026-05-04")


# send_due and explain


@pytest.fixture
def reader(set_clock: SetClock) -> Subscriber:
    """A reader in Berlin who is due at seven, and an issue of two papers of which one matches."""
    vision = TopicFactory(name="Seeing")
    seeing = PaperFactory(title="Seeing in the dark", votes=41, topics=[vision])
    published_issue(MONDAY, seeing, PaperFactory(title="Hearing"))
    made: Subscriber = SubscriberFactory(email="ada@example.org", topics=[vision], timezone="Europe/Berlin")
    return made


@pytest.mark.usefixtures("reader")
def test_what_is_due_is_sent() -> None:
    assert "1 readers were due" in run("send_due")
    assert [message.to for message in sent()] == [["ada@example.org"]]


@pytest.mark.usefixtures("reader")
def test_what_is_due_later_is_sent_at_the_moment_given() -> None:
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    assert "0 readers were due" in run("send_due")
    assert "1 readers were due" in run("send_due", "--now", "2026-05-05T05:00+00:00")
    assert len(sent()) == 1


def test_a_sent_digest_is_explained_paper_by_paper(reader: Subscriber) -> None:
    run("send_due")
    said = run("explain", "Ada@Example.org", "2026-05-04")
    for words in (
        "Due 2026-05-04 07:00 (Europe/Berlin)",
        ": sent",
        "from the issue of 2026-05-04",
        "Seeing in the dark",
        "Seeing: arXiv cs.CL · 41 votes",
        "Left out: 1",
        "Hearing: none of the reader’s topics",
    ):
        assert words in said, said


def test_a_day_without_a_match_is_explained(reader: Subscriber) -> None:
    other = SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - DAY)
    run("send_due")
    assert "no digest: none of the papers matched" in run("explain", other.email, "2026-05-04")


def test_a_paused_reader_is_explained(reader: Subscriber) -> None:
    Subscriber.objects.update(paused_until=MONDAY + 9 * DAY, next_digest_at=MORNING + 9 * DAY)
    assert "paused until 2026-05-13" in run("explain", reader.email, "2026-05-06")


def test_a_reader_who_left_is_explained(reader: Subscriber) -> None:
    reader.unsubscribe()
    assert "the subscription is unsubscribed" in run("explain", reader.email, "2026-05-06")


def test_a_day_on_which_nothing_was_due_is_explained(reader: Subscriber) -> None:
    assert "The next one is due 2026-05-04 07:00 (Europe/Berlin)" in run("explain", reader.email, "2026-05-02")


def test_the_day_is_the_readers_own(reader: Subscriber) -> None:
    Subscriber.objects.update(timezone="Pacific/Auckland")
    run("send_due")
    assert "17:00 (Pacific/Auckland)" in run("explain", reader.email, "2026-05-04")


@pytest.mark.parametrize(("email", "complaint"), [("bo@example.org", "Nobody is subscribed as"), ("ada", "@-sign")])
def test_an_unknown_account_is_refused_with_a_reason(email: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run("explain", email, date(2026, 5, 4).isoformat())
