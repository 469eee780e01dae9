import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from newsletter.issues import publish
from newsletter.issues.models import Issue
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.queries import page_query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY = timedelta(days=1)


def page(client: Client, path: str = "/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_before_the_first_issue_the_home_page_says_when_it_comes(client: Client, set_clock: SetClock) -> None:
    assert "The first issue is on its way" in page(client)
    set_clock(MORNING - timedelta(hours=1))
    IssueFactory()
    assert "05:00 UTC" in page(client)


def test_a_machines_summary_says_on_the_page_whose_it_is(client: Client, settings: Any) -> None:
    settings.SHOW_MACHINE_SUMMARIES = True
    published_issue(MONDAY, PaperFactory(machine_summary="It sees by <starlight>."), PaperFactory())
    home = page(client)
    assert "It sees by &lt;starlight&gt;." in home
    assert home.count("(summary by a machine, from Hugging Face)") == 1


def test_the_home_page_shows_the_newest_issue_and_the_box(client: Client) -> None:
    topic = TopicFactory(name="Seeing", slug="vision")
    paper = PaperFactory(title="Seeing <in> the dark", votes=41, topics=[topic], proposed_by="Dana")
    published_issue(MONDAY - DAY, PaperFactory(title="Yesterday’s"))
    published_issue(MONDAY, paper)
    home = page(client)
    for words in ("Monday, 4 May 2026", "Seeing &lt;in&gt; the dark", "41 votes", "Ada Example", "Shared by Dana",
                  "We show a thing. It holds.", 'value="vision"', 'name="email"'):  # fmt: skip
        assert words in home
    assert "Yesterday’s" not in home


def test_a_page_says_truly_who_brought_a_paper(client: Client) -> None:
    shared = PaperFactory(proposed_by="Dana", origins={"proposed_by": [2, 0]})
    mentioned = PaperFactory(proposed_by="Cy", origins={"proposed_by": [1, 0]})
    published_issue(MONDAY, shared, mentioned, PaperFactory(proposed_by="a reader"))
    home = page(client)
    for words in ("Shared on Hugging Face by Dana", "Shared by Cy", "Proposed by a reader"):
        assert home.count(words) == 1


def test_each_topic_of_a_paper_opens_to_all_its_evidence(client: Client) -> None:
    paper = PaperFactory(topics=[TopicFactory(name="GPUs and hardware")])
    paper.paper_topics.update(evidence=["cs.AR", "phrase: systolic array"])
    published_issue(MONDAY, paper)
    assert "<summary>GPUs and hardware</summary><p>arXiv cs.AR, systolic array</p>" in page(client)


def test_an_issues_page_shows_its_front_in_order_and_who_curated_it(client: Client) -> None:
    issue = IssueFactory(intro="Good morning.")
    for place, title in ((2, "Second"), (1, "First")):
        EntryFactory(issue=issue, paper=PaperFactory(title=title), position=place)
    EntryFactory(issue=issue, paper=PaperFactory(title="Dropped"), dropped_at=MORNING)
    EntryFactory(issue=issue, paper=PaperFactory(title="Shelved"), shelf="shelf")
    publish.publish(issue, by=User.objects.create_user("ed", first_name="Edith", last_name="Itor"))
    text = page(client, "/issues/2026-05-04/")
    assert text.index("First") < text.index("Second")
    assert "curated by Edith Itor" in text
    assert "Good morning." in text
    assert "Dropped" not in text
    assert "Shelved" not in text


def test_what_an_editor_drops_after_publication_leaves_the_page(client: Client) -> None:
    issue = published_issue(MONDAY, PaperFactory(title="Kept"), PaperFactory(title="Dropped"))
    issue.entries.filter(paper__title="Dropped").update(dropped_at=MORNING)
    assert "Dropped" not in page(client)


@pytest.mark.parametrize(
    ("status", "answer"), [(Issue.Status.DRAFT, 404), (Issue.Status.HELD, 404), (Issue.Status.WITHDRAWN, 410)]
)
def test_an_issue_that_is_not_published_has_no_page(client: Client, status: str, answer: int) -> None:
    issue = IssueFactory(status=status, published_at=MORNING)
    EntryFactory(issue=issue, paper=PaperFactory(title="Not yet"))
    assert client.get("/issues/2026-05-04/").status_code == answer
    assert "Not yet" not in page(client)
    assert "/issues/2026-05-04/" not in page(client, "/issues/")


def test_the_page_of_a_withdrawn_issue_answers_gone_with_an_explanation(client: Client) -> None:
    published_issue(MONDAY, PaperFactory(title="Seeing")).move_to(Issue.Status.WITHDRAWN)
    answer = client.get("/issues/2026-05-04/")
    assert answer.status_code == 410
    assert "was withdrawn" in answer.content.decode()
    assert "Seeing" not in answer.content.decode()


def test_an_issue_names_the_listings_it_holds_and_not_those_it_lacks(client: Client) -> None:
    issue = published_issue(MONDAY, PaperFactory())
    Issue.objects.update(listings="arXiv cs.CL of 4 May; failing: arXiv cs.AI; awaited: Hugging Face and 29 more")
    assert "holds the listings of arXiv cs.CL of 4 May.</p>" in page(client, issue.get_absolute_url())
    Issue.objects.update(listings="no listing; failing: arXiv cs.AI")
    assert "listings" not in page(client, issue.get_absolute_url())


@pytest.mark.parametrize("day", ["2026-05-05", "2026-02-30", "0000-00-00", "2026-5-4", "yesterday", "٢٠٢٦-٠٥-٠٤"])
def test_an_unknown_day_is_404(client: Client, day: str) -> None:
    published_issue(MONDAY, PaperFactory())
    assert client.get(f"/issues/{day}/").status_code == 404


def test_the_archive_lists_issues_newest_first_by_their_subject_or_first_paper(client: Client) -> None:
    published_issue(MONDAY - DAY, PaperFactory(title="First paper of Sunday"))
    issue = published_issue(MONDAY, PaperFactory(title="First paper of Monday"))
    Issue.objects.filter(pk=issue.pk).update(subject="What a Monday")
    text = page(client, "/issues/")
    assert text.index("What a Monday") < text.index("First paper of Sunday")
    assert "First paper of Monday" not in text


def test_issues_lead_to_the_days_around_them(client: Client) -> None:
    for days in range(3):
        published_issue(MONDAY + days * DAY, PaperFactory())
    text = page(client, "/issues/2026-05-05/")
    assert 'href="/issues/2026-05-04/"' in text
    assert 'href="/issues/2026-05-06/"' in text


@pytest.mark.parametrize("path", ["/", "/issues/2026-05-04/"])
def test_a_page_runs_no_query_a_paper(client: Client, path: str) -> None:
    topics = TopicFactory.create_batch(2)
    issue = published_issue(MONDAY, *PaperFactory.create_batch(3, topics=topics))
    few = page_query_count(client, path)
    Issue.objects.filter(pk=issue.pk).delete()
    published_issue(MONDAY, *PaperFactory.create_batch(30, topics=topics))
    assert page_query_count(client, path) == few


def test_the_archive_runs_no_query_an_issue(client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    few = page_query_count(client, "/issues/")
    for days in range(1, 10):
        published_issue(MONDAY - days * DAY, PaperFactory())
    assert page_query_count(client, "/issues/") == few


@pytest.mark.parametrize("path", ["/", "/issues/", "/issues/2026-05-04/"])
def test_pages_are_only_read(client: Client, path: str) -> None:
    published_issue(MONDAY, PaperFactory())
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/issues/2026-05-04/"])
def test_an_issue_has_one_address_for_those_who_index_it(client: Client, path: str) -> None:
    published_issue(MONDAY, PaperFactory())
    text = page(client, path)
    assert text.count("canonical") == 1
    assert '<link rel="canonical" href="http://localhost:8000/issues/2026-05-04/">' in text


def test_an_issues_page_is_the_same_for_everybody(client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    SubscriberFactory()
    answer = client.get("/issues/2026-05-04/")
    assert not answer.cookies
    assert not re.search(r"/(preferences|pause|unsubscribe|digest)/\d|@example", answer.content.decode())
