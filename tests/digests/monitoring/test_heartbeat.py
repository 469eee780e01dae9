from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Batch, Delivery, Heartbeat
from digests.monitoring import heartbeat as finishing
from newsletter.issues.models import Issue
from newsletter.papers.models import Topic
from subscribers.models import Subscriber
from tests.digests.monitoring.listening import Listener, listening
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def heartbeat(settings: LazySettings) -> Iterator[Listener]:
    with listening() as listener:
        settings.HEARTBEAT_URL = listener.url
        yield listener


@pytest.fixture(autouse=True)
def issue(set_clock: SetClock) -> Issue:
    """An issue of which three readers were sent a digest."""
    topic = TopicFactory()
    issue = published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(3, topics=[topic])
    assemble.assemble_due_digests()
    Batch.objects.update(status=Batch.Status.DONE, position=3)
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    return issue


def test_a_finished_issue_pings_once_with_its_counts(heartbeat: Listener, set_clock: SetClock) -> None:
    set_clock(MORNING + DAY - MINUTE)
    finishing.ping_finished_issues()
    assert heartbeat.heard == []
    for minutes in range(0, 60, 5):
        set_clock(MORNING + DAY + minutes * MINUTE)
        finishing.ping_finished_issues()
    (told,) = heartbeat.heard
    assert told["issue"] == "2026-05-04"
    assert (told["eligible"], told["sent"], told["planned"], told["uncertain"]) == (3, 3, 0, 0)


def test_an_issue_with_a_batch_on_its_way_is_not_finished(heartbeat: Listener, set_clock: SetClock) -> None:
    Batch.objects.update(status=Batch.Status.PLANNED)
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    assert heartbeat.heard == []
    Batch.objects.update(status=Batch.Status.DROPPED)
    finishing.ping_finished_issues()
    assert len(heartbeat.heard) == 1


def test_where_assembly_leaves_a_reader_out_there_is_silence(heartbeat: Listener, set_clock: SetClock) -> None:
    Subscriber.objects.update(next_digest_at=MORNING + timedelta(hours=11))
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    assert heartbeat.heard == []


def test_where_the_counts_do_not_close_there_is_silence_and_a_line_in_the_log(
    heartbeat: Listener, set_clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    Delivery.objects.filter(call_no=1).delete()
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    assert heartbeat.heard == []
    assert "its counts do not close" in caplog.text


def test_an_address_that_does_not_answer_is_tried_again(heartbeat: Listener, set_clock: SetClock) -> None:
    heartbeat.status = 503
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    finishing.ping_finished_issues()
    assert len(heartbeat.heard) == 1
    assert not Heartbeat.objects.exclude(pinged_at=None).exists()
    heartbeat.status = 200
    for minutes in (5, 10):
        set_clock(MORNING + DAY + minutes * MINUTE)
        finishing.ping_finished_issues()
    assert len(heartbeat.heard) == 2


def test_a_new_heartbeat_url_gets_no_pings_of_old_issues(heartbeat: Listener, set_clock: SetClock) -> None:
    set_clock(MORNING + 5 * DAY)
    finishing.ping_finished_issues()
    assert heartbeat.heard == []


def test_without_a_heartbeat_url_nothing_is_pinged(settings: LazySettings, set_clock: SetClock) -> None:
    settings.HEARTBEAT_URL = ""
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize(("refused", "pings"), [(0, 1), (1, 1), (2, 0)])
def test_an_issue_that_reached_fewer_than_nine_in_ten_of_its_readers_pings_nothing(
    heartbeat: Listener, set_clock: SetClock, caplog: pytest.LogCaptureFixture, refused: int, pings: int
) -> None:
    SubscriberFactory.create_batch(9, topics=[Topic.objects.get()])
    assemble.assemble_due_digests()
    Batch.objects.update(status=Batch.Status.DONE, position=12)
    Subscriber.objects.update(next_digest_at=MORNING + DAY)
    some = Delivery.objects.order_by("pk").values("pk")[:refused]
    Delivery.objects.filter(pk__in=some).update(status=Delivery.Status.REJECTED)
    set_clock(MORNING + DAY)
    finishing.ping_finished_issues()
    assert len(heartbeat.heard) == pings
    if refused == 2:
        assert "only 10 of 12 mails that were owed reached their readers" in caplog.text
    else:
        assert (heartbeat.heard[0]["owed"], heartbeat.heard[0]["reached"]) == (12, 12 - refused)
