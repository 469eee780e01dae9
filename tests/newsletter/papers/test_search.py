import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from newsletter import advisory_locks
from newsletter.advisory_locks import Lock
from newsletter.issues import publish
from newsletter.papers import search as finding
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Alias, Paper, Sighting, Source
from newsletter.papers.search import NotFound, paper_for_link, search
from tests.factories import MONDAY, MORNING, PaperFactory, SourceFactory, published_issue
from tests.newsletter.papers.sources.conftest import Reply, ScriptedServer, payload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
OLD = "hep-th/9901001"


# By words


@pytest.mark.parametrize(
    "typed",
    ["attention", "ATTENTION need", "atten", "vaswani", "Attention, all!", "you need Vaswani", "multi-head", "multi",
     "schrodinger", "Schrödinger", "need 'attention'", "attention & (need | x:*) \\", "arxiv:2605.00007",
     "2605.00007v3", "https://arxiv.org/pdf/2605.00007", "2605.0000"],
)  # fmt: skip
def test_a_paper_is_found_by_words_names_and_its_id(typed: str) -> None:
    paper = PaperFactory(
        key="arxiv:2605.00007",
        title="Attention is all you need: multi-head and x-rays",
        authors=["Ashish Vaswani", "Erwin Schrödinger"],
    )
    PaperFactory(key="arxiv:2604.00001", title="Something else")
    assert search(typed) == [paper]


@pytest.mark.parametrize("typed", ["attention zebra", "ttention", "", "  ", "&", "2605.99999", "'", "10.1000/none"])
def test_what_is_not_there_is_not_found(typed: str) -> None:
    PaperFactory(title="Attention is all you need")
    assert search(typed) == []


def test_the_newest_come_first_and_no_more_than_asked_for() -> None:
    old, older, new = (
        PaperFactory(title=f"Graphs {days}", listed_on=MONDAY - timedelta(days=days)) for days in (40, 400, 0)
    )
    assert search("graphs") == [new, old, older]
    assert search("graphs", limit=1) == [new]


def test_merged_and_withdrawn_papers_are_not_shown() -> None:
    kept = PaperFactory(title="Graphs", key="arxiv:2605.00001")
    merged = PaperFactory(title="Graphs", key="doi:10.1000/graphs")
    PaperFactory(title="Graphs", withdrawn_at=MORNING)
    duplicates.merge(merged, into=kept)
    assert search("graphs") == [kept]
    assert search("doi:10.1000/graphs") == [kept]


@given(st.text(max_size=250))
def test_whatever_is_typed_is_answered(typed: str) -> None:
    assert search(typed) == []


# By link


@pytest.fixture
def server(settings: LazySettings) -> Iterator[ScriptedServer]:
    settings.FEED_ALLOW_LOOPBACK = True
    settings.ARXIV_PAUSE_SECONDS = 0
    script = ScriptedServer()
    SourceFactory(kind=Source.Kind.ARXIV_API, url=f"{script.url}/api/query")
    yield script
    script.stop()


def answer(server: ScriptedServer, name: str, reply: Reply) -> None:
    server.replies[f"/api/query?id_list={name}&start=0&max_results=100"] = reply


@pytest.mark.parametrize(
    "link",
    [
        "2605.00007", "arXiv:2605.00007v2", "https://arxiv.org/abs/2605.00007v1", "arxiv.org/pdf/2605.00007.pdf",
        "https://arxiv.org/html/2605.00007v3", "https://doi.org/10.48550/arXiv.2605.00007",
        "https://huggingface.co/papers/2605.00007", "https://doi.org/10.1000/other",
    ],
)  # fmt: skip
def test_a_known_paper_is_found_by_any_of_its_links_without_a_call(server: ScriptedServer, link: str) -> None:
    paper = PaperFactory(key="arxiv:2605.00007")
    Alias.objects.create(key="doi:10.1000/other", paper=paper)
    assert paper_for_link(link) == paper
    assert server.requests == []


def test_a_merged_paper_leads_to_the_one_that_is_left() -> None:
    merged, kept = PaperFactory(key="arxiv:2605.00007"), PaperFactory()
    duplicates.merge(merged, into=kept)
    assert paper_for_link("2605.00007") == kept


def test_a_page_that_is_known_by_its_address_is_found() -> None:
    paper = PaperFactory(key="url:https://lab.example.org/paper")
    assert paper_for_link("https://lab.example.org/paper/?utm_source=x") == paper


def test_an_unknown_paper_is_fetched_from_arxiv_and_is_neither_listed_nor_seen(server: ScriptedServer) -> None:
    published_issue(MONDAY, PaperFactory(first_seen_at=MORNING - timedelta(days=1)))
    answer(server, OLD, Reply(payload("arxiv_api.xml")))
    paper = paper_for_link(f"https://arxiv.org/abs/{OLD}")
    assert (paper.key, paper.title) == (f"arxiv:{OLD}", "A Title That Is Broken by Hand")
    assert paper.authors == ["Ada Example", "Bohumil Vzor"]
    assert (paper.listed_on, paper.first_seen_at) == (date(1999, 1, 1), datetime(1999, 1, 1, 14, 57, 58, tzinfo=UTC))
    assert not Sighting.objects.filter(paper=paper).exists()
    assert not publish.has_news()
    assert paper_for_link(OLD) == paper
    assert len(server.requests) == 1
    assert search("broken hand") == [paper]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "This is not the link of a paper."),
        ("https://example.org/blog", "This is not the link of a paper."),
        ("javascript:alert(1)", "This is not the link of a paper."),
        ("https://doi.org/10.1000/unknown", "papers outside arXiv cannot be looked up"),
        ("https://openreview.net/forum?id=abcdef123", "papers outside arXiv cannot be looked up"),
    ],
)
def test_a_failed_look_up_is_explained(link: str, words: str) -> None:
    with pytest.raises(NotFound, match=words):
        paper_for_link(link)


@pytest.mark.parametrize(
    ("name", "reply", "words"),
    [
        ("2605.99999", Reply(payload("arxiv_api.xml")), "arXiv has no paper 2605.99999"),
        ("2605.99999", Reply(b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>'), "arXiv has no paper 2605.99999"),
        ("2605.99999", Reply(payload("arxiv_api_error.xml")), "arXiv cannot be reached now"),
        ("2605.99999", Reply(status=503), "arXiv cannot be reached now: The server answered 503"),
        ("2605.99999", Reply(b"no feed"), "arXiv cannot be reached now"),
    ],
)
def test_a_failed_lookup_at_arxiv_is_explained_in_words(
    server: ScriptedServer, name: str, reply: Reply, words: str
) -> None:
    answer(server, name, reply)
    with pytest.raises(NotFound, match=words):
        paper_for_link(name)
    assert not Paper.objects.exists()


def test_a_withdrawn_paper_is_not_taken_in(server: ScriptedServer) -> None:
    body = payload("arxiv_api.xml").decode()
    start, end = body.index("<entry>"), body.index("</entry>") + len("</entry>")
    answer(server, "2605.90001", Reply((body[:start] + body[end:]).encode()))
    with pytest.raises(NotFound, match="was withdrawn from arXiv"):
        paper_for_link("2605.90001")
    assert not Paper.objects.exists()


def test_a_server_that_drips_is_given_up(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MAX_SECONDS", 0.2)
    answer(server, OLD, Reply(payload("arxiv_api.xml"), drip=0.05))
    with pytest.raises(NotFound, match="arXiv cannot be reached now"):
        paper_for_link(OLD)


@pytest.mark.django_db(transaction=True)
def test_waiting_too_long_for_arxivs_turn_is_an_error_with_a_reason(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MAX_SECONDS", 0.2)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with advisory_locks.held(Lock.ARXIV):
            taken.set()
            done.wait(20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(20)
    try:
        with pytest.raises(NotFound, match="fetching the day’s listings"):
            paper_for_link(OLD)
    finally:
        done.set()
        holder.join()
    assert server.requests == []
