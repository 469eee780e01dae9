import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.statistics import paper_counts
from newsletter.issues.models import Issue
from newsletter.papers.community import votes
from newsletter.papers.ingest import duplicates
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.queries import query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def served(sent: bool = True) -> None:
    """Serve who is due, and have all of it accepted."""
    assemble.assemble_due_digests()
    if sent:
        Batch.objects.update(position=99)


def counts(issue: Issue) -> dict[str, tuple[int, int]]:
    return {row.entry.title: (row.sent, row.votes) for row in paper_counts.figures_of(issue)}


def test_a_paper_counts_the_deliveries_that_held_it_and_left() -> None:
    one, two, none = TopicFactory(), TopicFactory(), TopicFactory()
    papers = [PaperFactory(topics=[topic], title=title) for topic, title in ((one, "One"), (two, "Two"), (none, "No"))]
    shelved = PaperFactory(topics=[two], title="Shelved")
    issue = published_issue(MONDAY, *papers, shelf=(shelved,))
    SubscriberFactory.create_batch(3, topics=[one])
    SubscriberFactory.create_batch(2, topics=[one, two])
    served()
    rejected = Delivery.objects.filter(subscriber__preferences__topics=two).first()
    assert rejected
    Delivery.objects.filter(pk=rejected.pk).update(status=Delivery.Status.REJECTED)
    votes.vote(papers[0], "ada", issue.date)
    votes.vote(papers[0], "bo", issue.date)
    votes.vote(papers[0], "cy")
    votes.vote(papers[1], "ada", issue.date - timedelta(days=1))
    assert counts(issue) == {"One": (4, 2), "Two": (1, 0), "No": (0, 0), "Shelved": (1, 0)}


def test_what_is_planned_is_not_counted_and_a_draft_has_no_figures() -> None:
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic], title="One"))
    SubscriberFactory(topics=[topic])
    served(sent=False)
    assert counts(issue) == {"One": (0, 0)}
    issue.published_at = None
    assert counts(issue) == {"One": (0, 0)}


def test_a_weekly_digest_counts_for_the_papers_of_each_issue_it_holds(set_clock: SetClock) -> None:
    topic = TopicFactory()
    monday = published_issue(MONDAY, PaperFactory(topics=[topic], title="Of Monday"))
    reader = SubscriberFactory(topics=[topic], next_digest_at=MORNING + timedelta(days=2))
    reader.covered_through = MORNING - timedelta(days=5)
    reader.save()
    set_clock(MORNING + timedelta(days=1))
    tuesday = published_issue(MONDAY + timedelta(days=1), PaperFactory(topics=[topic], title="Of Tuesday"))
    set_clock(MORNING + timedelta(days=2))
    served()
    assert (counts(monday), counts(tuesday)) == ({"Of Monday": (1, 0)}, {"Of Tuesday": (1, 0)})


def test_a_vote_for_a_paper_that_was_merged_since_stands_beside_it() -> None:
    paper, left = PaperFactory(title="Here"), PaperFactory()
    issue = published_issue(MONDAY, paper)
    votes.vote(paper, "ada", issue.date)
    duplicates.merge(paper, left)
    paper.refresh_from_db()
    votes.vote(paper, "bo", issue.date)
    assert counts(issue) == {"Here": (0, 2)}


def test_figures_are_those_counted_one_by_one_and_cost_as_many_queries_for_many() -> None:
    dice, topics = random.Random(7), TopicFactory.create_batch(6)
    papers = [PaperFactory(topics=dice.sample(topics, 2)) for _ in range(12)]
    issue = published_issue(MONDAY, *papers)
    for _ in range(25):
        SubscriberFactory(topics=dice.sample(topics, dice.randint(1, 4)), max_papers=dice.randint(1, 8))
    served()
    for delivery in Delivery.objects.order_by("pk")[:5]:
        Delivery.objects.filter(pk=delivery.pk).update(status=dice.choice(Delivery.Status.values))
    held = [
        entry
        for delivery in Delivery.objects.select_related("batch", "digest")
        if delivery.is_sent and delivery.digest
        for entry in [card.entry_id for card in delivery.digest.cards]
    ]
    found = {row.entry.pk: row.sent for row in paper_counts.figures_of(issue)}
    assert found == {entry.pk: held.count(entry.pk) for entry in issue.entries.all()}
    assert query_count(lambda: list(paper_counts.figures_of(issue))) <= 7


def test_the_statistics_fetch_the_table_of_papers_which_is_a_page_too(client: Client) -> None:
    paper = PaperFactory(title="A <b>paper</b>")
    issue = published_issue(MONDAY, paper)
    client.force_login(User.objects.create_superuser("mara"))
    path = reverse("admin:issues_issue_papers", args=[issue.pk])
    statistics = client.get(reverse("admin:issues_issue_statistics", args=[issue.pk])).content.decode()
    assert f'hx-get="{path}"' in statistics
    part = client.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "A &lt;b&gt;paper&lt;/b&gt;" in part
    assert "<html" not in part
    assert "Papers of the issue of 4 May 2026" in client.get(path).content.decode()


def test_who_may_not_see_issues_sees_no_figures(client: Client) -> None:
    issue = published_issue(MONDAY, PaperFactory())
    client.force_login(User.objects.create_user("lea", is_staff=True))
    assert client.get(reverse("admin:issues_issue_papers", args=[issue.pk])).status_code == 403
