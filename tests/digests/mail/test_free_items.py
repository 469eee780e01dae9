"""What is no paper, from the desk to the reader."""

import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from digests.assembly import assemble
from digests.mail import compose, slots
from digests.models import Card, Delivery, Digest
from digests.previews import explanation, reader_day
from digests.reader_pages.personal_data import collect_personal_data
from digests.selection import recent_issues
from digests.selection.choice_effect import effects
from digests.selection.entry_index import Choice, Entry, build_index
from digests.selection.rules import choose_fallback_places, fallback_items, reasons_left_out, select
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.publish import NothingToPublish, publish
from newsletter.papers.models import Paper, Sighting, Topic
from subscribers.models import Preferences, Subscriber
from tests.digests.selection.test_rules import VISION, entry
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory, TopicFactory

SetClock = Callable[[datetime], None]
TITLE, URL = "Our archive moves", "https://example.org/moving"
Reason = Delivery.Reason


def free(number: int, **fields: Any) -> Entry:
    return entry(number, paper_id=-number, **{"score": 0.0, "title": f"Item {number}"} | fields)


def chosen(entries: list[Entry], choice: Choice, had: Collection[int] = ()) -> list[int]:
    return [item.entry.id for item in select(build_index(entries, [choice]), choice, had)]


# Who gets one


def test_a_free_item_comes_first_with_the_papers_of_every_reader() -> None:
    assert chosen([entry(1, "vision"), free(2), entry(3, "audio")], VISION) == [2, 1]


def test_a_free_item_makes_no_mail_by_itself() -> None:
    assert chosen([free(1), entry(2, "audio")], VISION) == []


def test_a_free_item_that_is_a_pick_comes_by_itself_like_any_pick() -> None:
    assert chosen([free(1, is_pick=True), entry(2, "audio")], VISION) == [1]


def test_a_free_item_comes_along_with_a_pick() -> None:
    assert chosen([free(1), entry(2, "audio", is_pick=True)], VISION) == [1, 2]


def test_a_free_item_takes_no_papers_place() -> None:
    entries = [free(1), *[entry(n, "vision") for n in range(2, 9)], free(9)]
    assert chosen(entries, Choice(frozenset({"vision"}), max_papers=2)) == [1, 9, 2, 3]


def test_a_followed_word_in_a_free_item_makes_no_mail_and_is_named_where_it_comes() -> None:
    choice = Choice(frozenset({"vision"}), followed_phrases=("survey",))
    notice = free(1, title="Our survey of readers")
    assert chosen([notice], choice) == []
    index = build_index([notice, entry(2, "vision")], [choice])
    assert [item.reason for item in select(index, choice)] == [
        "From the editors · You follow “survey”",
        "Vision",
    ]


def test_what_is_muted_or_was_had_does_not_come_again() -> None:
    entries = [free(1, title="Our survey of readers"), free(2), entry(3, "vision")]
    choice = Choice(frozenset({"vision"}), muted_phrases=("survey",))
    assert chosen(entries, choice, had={-2}) == [3]


def test_a_first_digest_of_the_fronts_best_has_it_too_and_never_it_alone() -> None:
    index = build_index([entry(1, "audio"), free(2)])
    shown = fallback_items(choose_fallback_places(index, VISION), VISION)
    assert [item.reason for item in shown] == ["From the editors", "From the newest issue"]
    assert choose_fallback_places(build_index([free(2)]), VISION) == []


def test_a_free_item_that_is_left_out_has_its_reason() -> None:
    index = build_index([free(1), entry(2, "audio")])
    left = reasons_left_out(index, VISION, select(index, VISION))
    assert left[1] == "it comes along with papers, and there were none"


# What it looks like


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def topic() -> Topic:
    return TopicFactory(name="Seeing")


def issue_of(*papers: Paper, day: Any = MONDAY, **fields: Any) -> Issue:
    """Return a published issue that begins with a free item."""
    issue = IssueFactory(date=day)
    item: dict[str, Any] = {"free_title": TITLE, "free_url": URL, "free_text": "It moves **on Friday**."}
    EntryFactory(issue=issue, paper=None, position=1, **item | fields)
    for place, paper in enumerate(papers, start=2):
        EntryFactory(issue=issue, paper=paper, position=place)
    publish(issue)
    issue.refresh_from_db()
    return issue


def mail_to(reader: Subscriber) -> tuple[Digest, slots.Parts]:
    assemble.assemble_due_digests()
    digest = Delivery.objects.filter(subscriber=reader).latest("slot").digest
    assert digest is not None
    return digest, compose.compose(digest)


def test_the_mail_shows_it_first_without_a_number_and_does_not_count_it(topic: Topic) -> None:
    issue_of(*[PaperFactory(topics=[topic], title=f"Title {n}") for n in (1, 2)])
    digest, parts = mail_to(SubscriberFactory(topics=[topic]))
    assert digest.subject == "Title 1, and 1 more paper"
    assert ">2 papers<br>" in parts.html
    assert re.findall(r">(\d+)</span>.*?Title (\d+)", parts.html) == [("1", "1"), ("2", "2")]
    assert re.findall(r"^(\d+)\. +Title (\d+)", parts.text, re.M) == [("1", "1"), ("2", "2")]
    for part in (parts.html, parts.text):
        assert part.index(TITLE) < part.index("Title 2")
        assert URL in part
    assert "It moves <strong>on Friday</strong>." in parts.html
    assert "    It moves on Friday.\n" in parts.text
    assert parts.html.count("From the editors") == 1
    assert "FROM THE EDITORS" in parts.text


def test_it_stands_whole_in_every_detail_and_is_one_card(topic: Topic) -> None:
    issue_of(PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(2, topics=[topic])
    for detail in Preferences.Detail:
        SubscriberFactory(topics=[topic], detail=detail)
    assemble.assemble_due_digests()
    mails = [compose.compose(digest) for digest in Digest.objects.all()]
    assert len(mails) == 3
    assert all("It moves <strong>on Friday</strong>." in mail.html for mail in mails)
    assert all("    It moves on Friday.\n" in mail.text for mail in mails)
    assert Card.objects.filter(entry__paper=None).count() == 1


def test_without_a_link_there_is_nothing_to_click_on(topic: Topic) -> None:
    issue_of(PaperFactory(topics=[topic]), free_url="")
    _, parts = mail_to(SubscriberFactory(topics=[topic]))
    card = parts.html.split(TITLE)[1].split('<div class="c"')[0]
    assert "<a" not in card
    assert f"    {TITLE}\n" in parts.text
    assert "http" not in parts.text.split(TITLE)[1].split("1.  ")[0]


def test_a_picked_item_alone_gives_the_mail_its_subject(topic: Topic) -> None:
    issue_of(PaperFactory(), is_pick=True)
    digest, parts = mail_to(SubscriberFactory(topics=[topic], covered_through=MORNING - timedelta(days=1)))
    assert digest.subject == TITLE
    assert "A word from the editors" in parts.html
    assert parts.html.count("From the editors") == 1
    assert "Editors’ pick" not in parts.html


def test_a_reader_to_whom_no_paper_came_gets_no_mail(topic: Topic) -> None:
    issue_of(PaperFactory())
    SubscriberFactory(topics=[topic], covered_through=MORNING - timedelta(days=1))
    assemble.assemble_due_digests()
    delivery = Delivery.objects.get()
    assert (delivery.reason, delivery.note) == (Reason.NOTHING_MATCHED, "1 paper considered")


def test_long_items_are_shortened_with_the_rest_and_keep_their_titles(topic: Topic) -> None:
    issue = IssueFactory()
    for place in range(1, 41):
        text = "[a](https://example.org/) " * 115
        EntryFactory(issue=issue, paper=None, position=place, free_title=f"Item {place}.", free_text=text)
    EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]), position=99)
    publish(issue)
    _, parts = mail_to(SubscriberFactory(topics=[topic]))
    assert 60_000 < len(parts.html.encode()) <= 90_000
    assert all(f"Item {place}." in parts.html for place in range(1, 41))


def test_it_never_comes_twice_to_a_reader_who_left_and_came_back(topic: Topic, set_clock: SetClock) -> None:
    issue_of(*[PaperFactory(topics=[topic]) for _ in range(2)])
    reader = SubscriberFactory(topics=[topic], max_papers=1)
    mail_to(reader)
    set_clock(MORNING + timedelta(hours=1))
    Subscriber.objects.update(
        covered_through=None, next_digest_at=MORNING + timedelta(hours=1), confirmed_at=MORNING + timedelta(hours=1)
    )
    digest, parts = mail_to(reader)
    assert Delivery.objects.count() == 2
    assert len(digest.card_ids) == 1
    assert TITLE not in parts.html
    assert reader_day.preview_day(reader, MONDAY)[-1].subject == digest.subject


def test_preview_explanation_and_export_speak_of_it(topic: Topic) -> None:
    paper = PaperFactory(topics=[topic])
    issue_of(paper)
    reader = SubscriberFactory(topics=[topic])
    digest, parts = mail_to(reader)
    (preview,) = reader_day.preview_day(reader, MONDAY)
    assert preview.subject == digest.subject == paper.title
    assert preview.compose() == parts
    told = "\n".join(explanation.explain(reader, MONDAY))
    assert f"1. {TITLE}\n     From the editors" in told
    assert "the issue of 2026-05-04, 1 paper" in told
    assert collect_personal_data(reader)["digests"][0]["subject"] == paper.title


def test_what_a_choice_would_bring_is_papers(topic: Topic) -> None:
    paper = PaperFactory(topics=[topic])
    issue_of(paper)
    (day, *_) = effects(recent_issues.last_days(), Choice(frozenset({topic.slug})))
    assert day.titles == (paper.title,)


def test_the_page_gives_it_no_rank_and_the_archive_leads_with_a_paper(client: Client) -> None:
    papers = PaperFactory(title="First paper"), PaperFactory(title="Second paper")
    issue_of(*papers)
    page = client.get("/issues/2026-05-04/").content.decode()
    assert "2 papers" in page
    assert re.findall(r"Rank </span>(\d+)", page) == ["1", "2"]
    assert f'<a href="{URL}">{TITLE}</a>' in page
    assert "It moves <strong>on Friday</strong>." in page
    assert page.count("<summary>Abstract</summary>") == 2
    archive = client.get("/issues/").content.decode()
    assert "First paper" in archive
    assert TITLE not in archive


def test_an_issue_of_free_items_alone_is_none() -> None:
    issue = IssueFactory()
    EntryFactory(issue=issue, paper=None, free_title=TITLE, is_pick=True)
    with pytest.raises(NothingToPublish):
        publish(issue)


def test_a_picked_item_counts_for_no_paper_in_the_ranking() -> None:
    paper = PaperFactory()
    issue_of(paper, is_pick=True)
    assert not Sighting.objects.exists()


# Words of the editors' own


def test_an_editors_summary_stands_instead_of_the_abstract_and_the_page_keeps_that(
    topic: Topic, client: Client
) -> None:
    issue, paper = IssueFactory(), PaperFactory(topics=[topic], abstract="The authors’ own words.")
    EntryFactory(issue=issue, paper=paper, summary="Ours, with [code](https://example.org/code).")
    publish(issue)
    _, parts = mail_to(SubscriberFactory(topics=[topic]))
    assert re.search(r'Ours, with <a href="https://example.org/code" style="color: ?#b5391f;?">code</a>\.', parts.html)
    assert "Ours, with code (https://example.org/code)." in parts.text
    assert "The authors’ own words." not in parts.html + parts.text
    page = client.get("/issues/2026-05-04/").content.decode()
    assert 'Ours, with <a href="https://example.org/code">code</a>.' in page
    assert page.count("The authors’ own words.") == 1
    assert '<summary>Abstract</summary><p dir="auto">The authors’ own words.</p>' in page


def test_a_note_is_markdown_everywhere_and_a_draft_of_one_nowhere(topic: Topic, client: Client) -> None:
    issue = IssueFactory(intro="Good *morning*.")
    note = "Read **this** and [that](https://example.org/that)."
    EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]), note=note)
    EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]), note="Not ready yet.", note_is_draft=True)
    publish(issue)
    _, parts = mail_to(SubscriberFactory(topics=[topic]))
    page = client.get("/issues/2026-05-04/").content.decode()
    for shown in (parts.html, page):
        assert "Read <strong>this</strong> and <a href=" in shown
        assert re.search(r"Good <em[^>]*>morning</em>\.", shown)
    assert "Editor: Read this and that (https://example.org/that)." in parts.text
    assert "Good morning." in parts.text
    trial = compose.compose_trial(Issue.objects.get())
    for shown in (*vars_of(parts), *vars_of(trial), page, client.get("/issues/").content.decode()):
        assert "Not ready yet." not in shown
    assert IssueEntry.objects.filter(note_is_draft=True).exists()


def vars_of(parts: slots.Parts) -> tuple[str, str]:
    return parts.html, parts.text
