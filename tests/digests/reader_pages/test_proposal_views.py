import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from digests.assembly import assemble
from digests.models import Batch
from digests.sending import send_batch
from newsletter.papers.models import Proposal
from subscribers import letters, tokens
from subscribers.models import Subscriber
from subscribers.pages.link_session import mark_of
from subscribers.tokens import Purpose
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, mark, press
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
LINK = "https://arxiv.org/abs/2605.00658"
Status = Proposal.Status


@pytest.fixture
def reader() -> Subscriber:
    return SubscriberFactory()


def link_of(reader: Subscriber) -> str:
    return f"/propose/{tokens.sign(Purpose.PROPOSE, reader.pk, reader.token_epoch)}/"


def propose(client: Client, reader: Subscriber, link: str = LINK, why: str = "It is short and true.") -> Any:
    return press(client, link_of(reader), {"paper": link, "because": why})


def said(page: Any) -> str:
    found = re.search(r'<div class="state.*?</div>', page.content.decode(), re.S)
    assert found, page.content.decode()
    return found[0]


def test_the_digests_foot_leads_to_the_page_and_its_button_into_the_queue(client: Client) -> None:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic]))
    reader = SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    for part in (sent()[0].body, sent()[0].alternatives[0][0]):
        (found,) = re.findall(r"https?://[^/]+(/propose/[^\"\s]+)", part)
        assert found == link_of(reader)
    answer = propose(client, reader)
    assert "The editors will look at it" in said(answer)
    row = Proposal.objects.get()
    assert (row.key, row.link, row.why, row.status) == ("arxiv:2605.00658", LINK, "It is short and true.", "new")
    assert row.reader_key == tokens.reader_key(reader.pk)


def test_the_page_of_the_choices_leads_there_too(client: Client, reader: Subscriber) -> None:
    page = follow(client, letters.preferences_path(reader))
    assert 'href="/propose/"' in page.content.decode()
    form = client.get("/propose/")
    client.post("/propose/", {"paper": LINK, "because": "Good.", "mark": mark(form)})
    assert Proposal.objects.count() == 1


def test_without_a_link_one_is_mailed(client: Client) -> None:
    assert "Email me my link" in client.get("/propose/").content.decode()
    assert client.post("/propose/", {"paper": LINK, "because": "x"}).status_code == 403
    assert not Proposal.objects.exists()


def test_looking_proposes_nothing(client: Client, reader: Subscriber) -> None:
    for ask in (client.get, client.head):
        assert ask(link_of(reader), {"paper": LINK, "because": "x"}, follow=True).status_code == 200
        assert ask("/propose/", {"paper": LINK, "because": "x"}).status_code == 200
    assert not Proposal.objects.exists()


def test_what_others_proposed_is_counted_and_ones_own_is_known(client: Client, reader: Subscriber) -> None:
    propose(Client(), SubscriberFactory())
    assert "and yours is counted" in said(propose(client, reader, "arxiv.org/pdf/2605.00658v2"))
    assert "You have already proposed it" in said(propose(client, reader))
    assert Proposal.objects.count() == 2


def test_a_paper_that_was_in_an_issue_is_named_with_its_day(client: Client, reader: Subscriber) -> None:
    published_issue(MONDAY, PaperFactory(key="arxiv:2605.00658", title="A known one"))
    page = said(propose(client, reader))
    assert "already in the issue of" in page
    assert "4 May" in page
    assert "A known one" in page
    assert not Proposal.objects.exists()


def test_a_decision_of_the_editors_is_shown_with_their_comment(client: Client, reader: Subscriber) -> None:
    propose(Client(), SubscriberFactory())
    Proposal.objects.update(status=Status.DECLINED, answer="Not <peer> reviewed.")
    assert "did not include it.</strong> They say: Not &lt;peer&gt; reviewed." in said(propose(client, reader))
    Proposal.objects.update(status=Status.ACCEPTED)
    assert "The editors have accepted it" in said(propose(client, reader))
    assert Proposal.objects.count() == 1


def test_the_reader_sees_what_became_of_earlier_proposals(client: Client, reader: Subscriber) -> None:
    propose(client, reader)
    Proposal.objects.update(status=Status.DECLINED, answer="Too old.")
    page = client.get("/propose/").content.decode()
    assert "Your proposals" in page
    assert "The editors say: Too old." in page
    assert "declined" in page


def test_the_fourth_of_a_day_waits_and_keeps_what_was_typed(
    client: Client, reader: Subscriber, settings: LazySettings
) -> None:
    for number in range(settings.PROPOSALS_PER_DAY):
        propose(client, reader, f"2605.0000{number}")
    page = propose(client, reader, why="Kept <words>.")
    assert "3 proposals in 24 hours" in said(page)
    assert "Kept &lt;words&gt;." in page.content.decode()
    assert Proposal.objects.count() == 3


@pytest.mark.parametrize(
    ("link", "why", "words"),
    [
        ("", "Good.", "Paste the link"),
        ("not a link", "Good.", "This is not a link to a paper"),
        (LINK, " ", "Say in a sentence"),
        (LINK, "x" * 501, "Say it in 500"),
        (LINK + "\0", "Good.", "Null characters"),
    ],
)
def test_a_missing_or_unreadable_field_has_an_error_beside_it(
    client: Client, reader: Subscriber, link: str, why: str, words: str
) -> None:
    page = propose(client, reader, link, why)
    assert page.status_code == 422
    assert words in page.content.decode()
    assert not Proposal.objects.exists()


def test_who_has_left_proposes_nothing(client: Client, reader: Subscriber) -> None:
    reader.unsubscribe()
    page = follow(client, link_of(reader)).content.decode()
    assert "your subscription is not active" in page
    token = tokens.sign(Purpose.PROPOSE, reader.pk)
    client.post("/propose/", {"paper": LINK, "because": "x", "mark": mark_of(token)})
    assert not Proposal.objects.exists()


class AnyText(TestCase):
    @examples(max_examples=20)
    @given(st.text(max_size=200), st.text(max_size=520))
    def test_any_words_are_a_clean_answer(self, link: str, why: str) -> None:
        reader = SubscriberFactory()
        client = Client()
        for typed in (link, LINK):
            page = propose(client, reader, typed, why)
            assert page.status_code in {200, 422}
        for row in Proposal.objects.all():
            assert 0 < len(row.why) <= 500
            assert row.link.startswith("http")
