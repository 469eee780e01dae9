import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

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
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import votes
from newsletter.papers.models import Sighting, Vote
from subscribers import letters, tokens
from subscribers.models import Subscriber
from subscribers.pages.link_session import mark_of
from subscribers.tokens import Purpose
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, mark, press
from tests.provider import sent
from tests.rivals import between, in_another_connection
from tests.rows import rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


@pytest.fixture
def entry() -> IssueEntry:
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic], title="Seeing in the dark"))
    SubscriberFactory(topics=[topic])
    return issue.entries.get()


def reader() -> Subscriber:
    return Subscriber.objects.get()


def link_of(entry: IssueEntry, reader: Subscriber) -> str:
    token = tokens.sign(Purpose.VOTE, reader.pk, reader.token_epoch)
    return f"/vote/{token}/?entry={entry.pk}"


def vote(client: Client, link: str, act: str = "vote") -> Any:
    entry = link.rpartition("=")[2]
    answer = press(client, link, {"entry": entry, "act": act})
    return client.get(answer["Location"]) if answer.status_code == 302 else answer


def test_the_link_beside_a_card_leads_to_a_button_that_votes_and_one_for_a_wrong_topic(
    client: Client, entry: IssueEntry
) -> None:
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    (mailed,) = sent()
    (found,) = re.findall(r"https?://[^/]+(/vote/[^\"\s]+)", mailed.alternatives[0][0])
    assert found == link_of(entry, reader())
    page = follow(client, found)
    assert "Seeing in the dark" in page.content.decode()
    assert re.findall(r"<button[^>]*>([^<]+)", page.content.decode()) == ["Vote for this paper", "Wrong topic"]
    assert "You voted for this paper" in vote(client, found).content.decode()
    assert list(Vote.objects.values_list("paper", "issue_day")) == [(entry.paper_id, MONDAY)]


def test_the_one_vote_link_of_the_text_part_lists_the_digests_papers(client: Client, entry: IssueEntry) -> None:
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    (found,) = re.findall(r"https?://[^/]+(/vote/[^\s]+)", sent()[0].body)
    before = str(rows_of())
    page = follow(client, found).content.decode()
    assert f'<a href="?entry={entry.pk}" dir="auto">Seeing in the dark</a>' in page
    assert "Vote for this paper?" in client.get(f"/vote/?entry={entry.pk}").content.decode()
    assert str(rows_of()) == before


@pytest.mark.parametrize("day", ["2026-05-03", "2026-05-04"])
def test_a_day_without_a_digest_has_nothing_to_vote_for(client: Client, entry: IssueEntry, day: str) -> None:
    page = follow(client, link_of(entry, reader()).replace(f"entry={entry.pk}", f"issue={day}"))
    assert page.status_code == 404
    assert "There is nothing to vote for" in page.content.decode()


def test_looking_at_the_link_and_its_page_changes_nothing(client: Client, entry: IssueEntry) -> None:
    link = link_of(entry, reader())
    before = str(rows_of())
    for ask in (client.get, client.head):
        assert ask(link, follow=True).status_code == 200
        assert ask(f"/vote/?entry={entry.pk}&act=vote").status_code == 200
    assert str(rows_of()) == before


def test_a_press_without_the_pages_mark_counts_nothing(client: Client, entry: IssueEntry) -> None:
    follow(client, link_of(entry, reader()))
    assert client.post("/vote/", {"entry": entry.pk, "act": "vote"}).status_code == 403
    assert Client().post("/vote/", {"entry": entry.pk, "act": "vote", "mark": "x"}).status_code == 403
    assert not Vote.objects.exists()


def test_a_double_click_is_one_vote(client: Client, entry: IssueEntry) -> None:
    link = link_of(entry, reader())
    assert "Your vote counts" in vote(client, link).content.decode()
    assert "Your vote counts" in vote(client, link).content.decode()
    assert Vote.objects.count() == 1


def test_a_vote_is_taken_back_and_given_again(client: Client, entry: IssueEntry) -> None:
    link = link_of(entry, reader())
    vote(client, link)
    assert "Vote for this paper?" in vote(client, link, "take_back").content.decode()
    assert not Vote.objects.exists()
    vote(client, link)
    assert Vote.objects.count() == 1


def test_votes_reach_the_ranking_as_a_sighting(client: Client, entry: IssueEntry) -> None:
    vote(client, link_of(entry, reader()))
    votes.write_counts()
    seen = Sighting.objects.get(source__kind="readers")
    assert (seen.paper_id, seen.votes) == (entry.paper_id, 1)


def test_the_web_page_of_an_issue_lets_vote_who_came_by_a_preferences_link(client: Client, entry: IssueEntry) -> None:
    page = client.get("/issues/2026-05-04/").content.decode()
    (path,) = re.findall(r'<a href="(/vote/[^"]+)"', page)
    follow(client, letters.preferences_path(reader()))
    answer = client.post("/vote/", {"entry": entry.pk, "act": "vote", "mark": mark(client.get(path))})
    assert "You voted" in client.get(answer["Location"]).content.decode()
    assert Vote.objects.get().issue_day is None


def test_a_part_of_the_page_holds_the_button_or_how_to_come_by_it(client: Client, entry: IssueEntry) -> None:
    path, part = f"/vote/?entry={entry.pk}", {"HX-Request": "true"}
    stranger = client.get(path, headers=part).content.decode()
    assert "Vote from your digest" in stranger
    assert "<html" not in stranger
    follow(client, letters.preferences_path(reader()))
    page = client.get(path, headers=part)
    typed = {"entry": entry.pk, "act": "vote", "mark": mark(page)}
    assert "Your vote counts" in client.post("/vote/", typed, headers=part).content.decode()
    assert "Vote from your digest" in client.post("/vote/", typed | {"mark": "x"}, headers=part).content.decode()
    assert Vote.objects.count() == 1


def test_the_page_explains_to_a_stranger_how_to_vote(client: Client, entry: IssueEntry) -> None:
    page = client.get(f"/vote/?entry={entry.pk}").content.decode()
    assert "Vote from your digest" in page
    assert "Email me my link" in page


@pytest.mark.parametrize("status", ["unsubscribed", "pending"])
def test_only_readers_who_are_confirmed_and_active_vote(client: Client, entry: IssueEntry, status: str) -> None:
    Subscriber.objects.update(status=status, next_digest_at=None)
    page = follow(client, link_of(entry, reader()))
    assert "<button" not in page.content.decode().partition("<main")[2]
    token = tokens.sign(Purpose.VOTE, reader().pk)
    client.post("/vote/", {"entry": entry.pk, "act": "vote", "mark": mark_of(token)})
    assert not Vote.objects.exists()


def test_a_link_in_an_inbox_that_was_left_votes_no_more(client: Client, entry: IssueEntry) -> None:
    link = link_of(entry, reader())
    Subscriber.objects.update(token_epoch=1)
    page = client.get(link)
    assert page.status_code == 410
    assert "This link no longer works" in page.content.decode()


def test_a_reader_at_the_vote_limit_is_asked_to_vote_tomorrow(
    client: Client, entry: IssueEntry, settings: LazySettings
) -> None:
    settings.VOTES_PER_DAY = 0
    answer = vote(client, link_of(entry, reader()))
    assert answer.status_code == 422
    assert "Vote again tomorrow" in answer.content.decode()


def test_nothing_is_voted_for_in_a_draft_a_withdrawn_issue_or_a_free_item(client: Client, entry: IssueEntry) -> None:
    link = link_of(entry, reader())
    for change in ({"status": Issue.Status.WITHDRAWN}, {"status": Issue.Status.DRAFT}):
        Issue.objects.update(**change)
        page = follow(client, link)
        assert page.status_code == 404
        assert "There is nothing to vote for" in page.content.decode()
    Issue.objects.update(status=Issue.Status.PUBLISHED)
    IssueEntry.objects.update(paper=None, free_title="A talk")
    assert follow(client, link).status_code == 404
    assert 'href="/vote/' not in client.get("/issues/2026-05-04/").content.decode()


def test_pages_of_a_vote_are_kept_by_nobody_and_tell_no_referrer(client: Client, entry: IssueEntry) -> None:
    page = follow(client, link_of(entry, reader()))
    assert "no-store" in page["Cache-Control"]
    assert (page["Referrer-Policy"], page["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert Client().get(f"/vote/?entry={entry.pk}")["X-Robots-Tag"] == "noindex"


class AnyText(TestCase):
    def setUp(self) -> None:
        self.reader = SubscriberFactory()
        self.token = tokens.sign(Purpose.VOTE, self.reader.pk)

    @examples(max_examples=30)
    @given(st.text(max_size=30) | st.integers().map(str))
    def test_any_entry_is_a_clean_answer(self, text: str) -> None:
        client = Client()
        client.get(f"/vote/{self.token}/")  # its cookie opens the page; a query with a NUL is refused without one
        assert client.get(f"/vote/{self.token}/", {"entry": text}, follow=True).status_code == 404
        page = client.post("/vote/", {"entry": text, "act": text, "mark": mark_of(self.token)})
        assert page.status_code == 404

    @examples(max_examples=30)
    @given(st.text(max_size=60))
    def test_any_token_is_a_clean_answer(self, text: str) -> None:
        for page in ("vote", "propose"):
            assert Client().get(f"/{page}/{quote(text, safe='')}/").status_code in {200, 301, 404}


@pytest.mark.django_db(transaction=True)
def test_of_two_presses_at_once_one_waits_and_one_counts() -> None:
    paper = PaperFactory()
    with between('INSERT INTO "papers_vote"', lambda: votes.vote(paper, "ada")) as raised:
        votes.vote(paper, "ada")
    assert "lock timeout" in str(raised[0])
    assert in_another_connection(lambda: votes.vote(paper, "ada")) is None
    assert Vote.objects.count() == 1


def test_a_vote_older_than_a_day_makes_room_for_another(
    client: Client, entry: IssueEntry, settings: LazySettings, set_clock: SetClock
) -> None:
    settings.VOTES_PER_DAY = 1
    votes.vote(PaperFactory(), tokens.reader_key(reader().pk))
    assert vote(client, link_of(entry, reader())).status_code == 422
    set_clock(MORNING + timedelta(hours=25))
    assert "You voted" in vote(client, link_of(entry, reader())).content.decode()
