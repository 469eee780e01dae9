import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.publication import withdrawal_counts
from digests.sending import recovery, send_batch
from newsletter.issues.models import Issue
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


@pytest.fixture
def issue() -> Issue:
    """An issue on its way to eight readers: three have it, two are being called, one is uncertain, two wait."""
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(8, topics=[topic])
    assemble.assemble_due_digests()
    Batch.objects.update(position=4, open_calls=2, status=Batch.Status.SUBMITTING)
    Delivery.objects.filter(call_no=0).update(status=Delivery.Status.UNCERTAIN)
    return issue


def test_the_copies_of_an_issue_are_counted_by_how_far_they_came(issue: Issue) -> None:
    assert withdrawal_counts.count_copies(issue) == (3, 2, 2, 1)


def test_an_uncertain_copy_is_still_counted_as_unknown_once_it_expired(issue: Issue, set_clock: SetClock) -> None:
    set_clock(MORNING + timedelta(hours=13))
    recovery.abandon_expired()
    assert withdrawal_counts.count_copies(issue).uncertain == 1


def test_withdrawing_shows_who_has_the_issue_and_who_does_not_get_it(admin_client: Client, issue: Issue) -> None:
    SubscriberFactory()
    path = f"/admin/issues/issue/{issue.pk}/withdraw/"
    asked = admin_client.get(path).content.decode()
    facts = re.findall(r"<dd>(\d+)</dd>", asked)
    assert facts == ["3", "2", "1", "2", "1"]  # sent, in flight, uncertain, ready, still to come
    response = admin_client.post(path, {"reason": "A retraction."})
    (said,) = map(str, get_messages(response.wsgi_request))
    assert said == (
        "Withdrawn. 3 readers have received it, 2 are being sent it now, 1 may have received it, and "
        "2 whose copy was ready will not get it. Nobody gets it later."
    )


def test_a_withdrawn_issue_leaves_no_more(issue: Issue) -> None:
    Batch.objects.update(position=6, open_calls=0, status=Batch.Status.PLANNED)
    issue.move_to(Issue.Status.WITHDRAWN)
    send_batch.send_batch(Batch.objects.get())
    assert sent() == []
    assert Delivery.objects.filter(reason=Delivery.Reason.WITHDRAWN).count() == 2


def test_words_for_one_reader(issue: Issue) -> None:
    reach = withdrawal_counts.WithdrawalCounts(1, 0, 0, 0)
    assert reach.words == "1 reader has received it, and 0 whose copy was ready will not get it. Nobody gets it later."
