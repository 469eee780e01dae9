"""The home of the admin, and what it costs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from digests.admin import dashboard_blocks
from digests.assembly import assemble
from digests.models import Batch, DayOfReaders, Delivery
from digests.sending import switch
from digests.statistics import daily_counts
from newsletter import clock
from newsletter.issues.models import Issue
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SourceFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.queries import page_query_count, statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)
BLOCKS = {
    "issues.view_issue": "The next issue",
    "digests.view_batch": "Sending now",
    "subscribers.view_subscriber": "Readers",
    "papers.view_source": "Sources",
}


def client_with(*rights: str) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    names = [right.partition(".")[2] for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client) -> str:
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


def under_way(readers: int) -> Batch:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(readers, topics=[topic])
    assemble.assemble_due_digests()
    return Batch.objects.get()


@pytest.mark.parametrize("right", BLOCKS)
def test_each_block_is_for_those_with_its_permission(right: str) -> None:
    page = shown(client_with(right))
    assert {block for block in BLOCKS.values() if f">{block}</h2>" in page} == {BLOCKS[right]}


def test_an_account_without_rights_sees_an_explanation() -> None:
    page = shown(client_with())
    assert "Your account has no access to the figures" in page
    assert "</h2>" in page  # what waits for it: nothing


def test_a_first_run_says_what_comes() -> None:
    page = shown(client_with(*BLOCKS))
    for words in ("There is no draft. The next one is made within", "Nothing is waiting to be sent.",
                  "Nobody has subscribed yet.", "No issue is out yet.", "No source is set up:"):  # fmt: skip
        assert words in page


def test_the_next_issue_is_shown_with_its_cutoff_and_its_listings() -> None:
    SourceFactory(name="arXiv cs.CL", fresh_on=MONDAY)
    SourceFactory(name="arXiv cs.CV")
    EntryFactory(issue=IssueFactory(cutoff_at=MORNING + timedelta(hours=2, minutes=40)))
    page = shown(client_with(*BLOCKS))
    assert "published automatically in 2 h 40 min, at 07:40 UTC on 4 May" in page
    assert "1 paper on its front. It holds arXiv cs.CL of 4 May." in page
    assert "Awaited: arXiv cs.CV." in page
    Issue.objects.update(status="held", cutoff_at=MORNING - DAY)
    page = shown(client_with_rights_of("bo", "issues.view_issue", "issues.publish_issue"))
    assert "Its cutoff was at 05:00 UTC on 3 May" in page
    assert "The issue of 4 May is held past its cutoff." in page


def client_with_rights_of(name: str, *rights: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[right.partition(".")[2] for right in rights]))
    client = Client()
    client.force_login(user)
    return client


def test_what_is_being_sent_is_shown_with_its_rate_and_the_time_left() -> None:
    batch = under_way(10)
    since = {"started_at": MORNING - timedelta(seconds=8), "status": Batch.Status.SUBMITTING}
    Batch.objects.update(position=4, open_calls=1, **since)
    Delivery.objects.filter(batch=batch, call_no=0).update(status=Delivery.Status.UNCERTAIN)
    found = dashboard_blocks.load_sending()
    assert (found.handed_over, found.left, found.uncertain, found.total) == (3, 6, 1, 9)
    assert (found.rate, found.time_left, found.percent) == ("22 a minute", "16 s", 33)
    page = shown(client_with("digests.view_batch"))
    assert "3 of 9 mails, 22 a minute; about 16 s left." in page
    assert 'hx-trigger="every 4s"' in page
    assert "It is not known whether 1 mail left." in page


def test_a_run_that_is_over_is_quiet() -> None:
    under_way(2)
    Batch.objects.update(position=2, status=Batch.Status.DONE, finished_at=clock.now())
    assert dashboard_blocks.load_sending() == dashboard_blocks.SendingRun(0, 0, 0.0, 0)
    assert 'hx-trigger="every 60s"' in shown(client_with("digests.view_batch"))


def test_progress_is_for_those_who_may_see_batches() -> None:
    assert client_with("issues.view_issue").get("/admin/digests/batch/progress/").status_code == 403
    client = client_with_rights_of("bo", "digests.view_batch")
    assert "Nothing is waiting to be sent." in client.get("/admin/digests/batch/progress/").content.decode()


def test_what_waits_for_the_editor_comes_first_and_only_to_whom_it_concerns() -> None:
    under_way(1)
    Delivery.objects.update(status=Delivery.Status.UNCERTAIN)
    switch.pause("bo", "The provider asked for it.")
    page = shown(client_with("digests.view_sendingswitch", "digests.change_delivery"))
    assert "No digest is sent. The provider asked for it.</a>" in page
    assert "1 mail may or may not have been sent.</a>" in page
    assert "<p>Nothing.</p>" in shown(client_with_rights_of("cy", "issues.view_issue"))


def test_issues_are_compared_by_what_was_counted() -> None:
    under_way(4)
    Batch.objects.update(position=4, status=Batch.Status.DONE)
    Delivery.objects.filter(call_no__lt=3).update(delivered_at=MORNING)
    assert "counted within five minutes" in shown(client_with("issues.view_issue"))
    daily_counts.tally()
    (past,) = dashboard_blocks.load_last_issues()
    assert (past.handed_over, past.delivered, past.bar, past.bounced) == ("100.0 %", "75.0 %", 45.0, "0 %")


def test_the_chart_says_in_words_what_it_draws() -> None:
    SubscriberFactory.create_batch(3, confirmed_at=MORNING - DAY)
    daily_counts.tally()
    page = shown(client_with("subscribers.view_subscriber"))
    assert "Active readers went from 0 on 4 February to 3 on 4 May." in page
    assert '<th scope="row">3 May 2026</th><td>3</td><td>3</td><td>0</td>' in page
    assert dashboard_blocks.load_readers().new == 3


def test_the_home_costs_as_many_queries_for_many_as_for_few() -> None:
    client = client_with(*BLOCKS, "issues.publish_issue", "digests.view_sendingswitch", "digests.change_delivery")
    under_way(2)
    few = page_query_count(client, "/admin/")
    for days in range(1, 12):
        published_issue(MONDAY - days * DAY, PaperFactory())
    SourceFactory.create_batch(12, failure_count=1, last_success_at=MORNING - 3 * DAY)
    SubscriberFactory.create_batch(20, confirmed_at=MORNING)
    Batch.objects.bulk_create(Batch(made_at=MORNING) for _ in range(20))
    daily_counts.tally()
    assert page_query_count(client, "/admin/") <= few


def test_no_page_view_counts_readers_once_they_are_tallied() -> None:
    client = client_with(*BLOCKS)
    SubscriberFactory.create_batch(2, confirmed_at=MORNING)
    daily_counts.tally()
    assert DayOfReaders.objects.count() == 90
    assert not any("subscribers_subscriber" in sql for sql in statements(lambda: shown(client)))


def test_a_pause_says_in_numbers_what_waits(admin_client: Client) -> None:
    under_way(3)
    SubscriberFactory(next_digest_at=MORNING + timedelta(minutes=30))
    Batch.objects.update(position=1)
    assert dashboard_blocks.load_waiting() == (2, MORNING + timedelta(hours=12), 1)
    page = " ".join(admin_client.get("/admin/digests/sendingswitch/").content.decode().split())
    assert "A pause would keep back 2 mails ready to leave, of which the first expire on 4 May at 17:00 UTC" in page
    assert "and the mail of 1 reader who comes due within the hour." in page
