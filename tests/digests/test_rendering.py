import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from digests import assembly, rendering
from digests.models import Card, Digest, Frame
from newsletter.papers.models import Paper, Topic
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def topic() -> Topic:
    return TopicFactory()


def digest_of(topic: Topic, *papers: Paper) -> Digest:
    published_issue(MONDAY, *papers)
    SubscriberFactory(topics=[topic], max_papers=100)
    assembly.assemble_due_digests()
    return Digest.objects.get()


def test_cards_and_frame_are_stored_at_the_first_mail_and_never_rendered_again(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic]))
    first = rendering.compose(digest)
    Card.objects.update(html=rendering.slot("number") + "<p>as stored</p>")
    rendering.known_cards.clear()
    assert "as stored" in rendering.compose(digest).html
    assert Frame.objects.count() == 1
    assert "as stored" not in first.html


def test_a_mail_whose_cards_are_known_costs_no_query(topic: Topic) -> None:
    digest = digest_of(topic, *[PaperFactory(topics=[topic]) for _ in range(5)])
    rendering.compose(digest)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        rendering.compose(digest)
    assert len(queries) == 0


def test_papers_are_numbered_in_their_order_in_both_parts(topic: Topic) -> None:
    digest = digest_of(topic, *[PaperFactory(topics=[topic], title=f"Title {n:02}") for n in range(1, 13)])
    parts = rendering.compose(digest)
    assert re.findall(r"^(\d+)\. +Title (\d+)", parts.text, re.M) == [(str(n), f"{n:02}") for n in range(1, 13)]
    assert re.findall(r">(\d+)</span>.*?Title (\d+)", parts.html) == [(str(n), f"{n:02}") for n in range(1, 13)]


def test_no_line_of_the_text_part_is_wider_than_72(topic: Topic) -> None:
    papers = [
        PaperFactory(topics=[topic], title="A rather long title " * 9, abstract="Words " * 300) for _ in range(3)
    ]
    text = rendering.fill(rendering.compose(digest_of(topic, *papers)).text, dict.fromkeys(rendering.READER_SLOTS, ""))
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= 72


def test_a_mail_stays_under_90_kb_and_says_how_many_papers_are_in_brief(topic: Topic) -> None:
    long = {"title": "𝒜" * 480, "abstract": "𝒜" * 3_000, "authors": ["𝒜" * 100] * 3}
    html = rendering.compose(digest_of(topic, *[PaperFactory(topics=[topic], **long) for _ in range(30)])).html
    assert 60_000 < len(html.encode()) <= rendering.MOST_HTML
    assert re.search(r"its last \d+ papers are listed in brief", html)
    assert html.count("<h2") == 30


@pytest.mark.parametrize("name", rendering.READER_SLOTS)
def test_a_papers_text_cannot_forge_a_slot(topic: Topic, name: str) -> None:
    forged = f"slot-{'0' * 20}-{name}-"
    digest = digest_of(topic, PaperFactory(topics=[topic], title=forged, abstract=forged))
    parts = rendering.compose(digest)
    assert rendering.fill(parts.html, dict.fromkeys(rendering.READER_SLOTS, "FILLED")).count(forged) >= 2


@given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(rendering.READER_SLOTS))
def test_cutting_and_filling_gives_back_what_was_cut(before: str, after: str, name: str) -> None:
    text = before + rendering.slot(name) + after
    assert rendering.fill(text, {name: rendering.slot(name)}) == text
    assert rendering.fill(text, {name: "X"}) == before + "X" + after


def test_markup_in_a_paper_arrives_as_text(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic], title="Let's <think> about <b>it</b> & more"))
    parts = rendering.compose(digest)
    assert "&lt;think&gt; about &lt;b&gt;it&lt;/b&gt; &amp; more" in parts.html
    assert "Let's <think> about <b>it</b> & more" in parts.text
