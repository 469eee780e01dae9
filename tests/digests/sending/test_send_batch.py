import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from anymail.exceptions import AnymailAPIError
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.sending import send_batch
from newsletter.issues.models import Issue
from subscribers import tokens
from subscribers.models import Subscriber, Suppression
from subscribers.subscription import opt_in
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.provider import answering, http_error, sent
from tests.smtp_server import serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
UNSUBSCRIBE = tokens.Purpose.UNSUBSCRIBE


@pytest.fixture
def batch() -> Batch:
    """Three readers of one digest, assembled and not sent."""
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic], title="Seeing in the dark"))
    SubscriberFactory.create_batch(3, topics=[topic])
    assemble.assemble_due_digests()
    return Batch.objects.get()


def addresses() -> list[str]:
    return [message.to[0] for message in sent()]


def test_a_sent_batch_is_done_and_each_reader_has_one_mail(batch: Batch) -> None:
    assert send_batch.send_batch(batch)

    batch.refresh_from_db()
    assert (batch.status, batch.position) == (Batch.Status.DONE, 3)
    assert sorted(addresses()) == sorted(Subscriber.objects.values_list("canonical", flat=True))
    assert all(row.is_sent for row in Delivery.objects.select_related("batch"))


def test_a_batch_that_is_done_is_not_sent_again(batch: Batch) -> None:
    send_batch.send_batch(batch)
    assert not send_batch.send_batch(Batch.objects.get())
    assert len(sent()) == 3


def test_a_mail_carries_one_click_unsubscribe_the_list_and_the_delivery(batch: Batch) -> None:
    send_batch.send_batch(batch)
    message = sent()[0]
    assert message.extra_headers["List-Unsubscribe"].startswith("<http://localhost:8000/unsubscribe/")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert {"List-Id", "Feedback-ID"} <= message.extra_headers.keys()
    delivery = Delivery.objects.get(pk=message.metadata["delivery"])
    assert delivery.subscriber is not None
    assert message.to == [delivery.subscriber.canonical]


def test_a_digest_leaves_over_smtp_with_every_header_a_list_mail_needs(batch: Batch, settings: LazySettings) -> None:
    with serving() as server:
        settings.EMAIL_PROVIDER = "smtp"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        send_batch.send_batch(batch)
    message = message_from_bytes(server.messages[0].encode(), policy=policy.default)
    reader = Subscriber.objects.get(canonical=message["To"])
    leave = f"http://localhost:8000/unsubscribe/{tokens.sign(UNSUBSCRIBE, reader.pk)}/"
    assert message["List-Unsubscribe"].strip() == f"<{leave}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "Paper Round <papers.localhost>"
    assert message["Feedback-ID"] == "20260504:digest:paperround"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.year >= 2026
    assert re.fullmatch(r"<\S+@paper-round\.invalid>", message["Message-ID"])
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Subject"] == "Seeing in the dark"


def test_a_mail_holds_the_paper_its_reason_and_no_open_slot(batch: Batch) -> None:
    send_batch.send_batch(batch)
    message = sent()[0]
    html = message.alternatives[0][0]
    for part in (message.body, html):
        assert "Seeing in the dark" in part
        assert "Topic" in part
        assert "/preferences/" in part
        assert "/pause/" in part
        assert "slot-" not in part


def test_who_left_after_assembly_is_skipped(batch: Batch) -> None:
    leaver = Subscriber.objects.first()
    assert leaver is not None
    opt_in.unsubscribe(leaver, ip=None)

    send_batch.send_batch(batch)

    assert leaver.canonical not in addresses()
    assert Delivery.objects.get(subscriber=leaver).reason == Delivery.Reason.UNSUBSCRIBED


def test_a_suppressed_address_is_skipped(batch: Batch) -> None:
    reader = Subscriber.objects.first()
    assert reader is not None
    Suppression.objects.create(address_hash=reader.address_hash, reason=Suppression.Reason.BOUNCE)

    send_batch.send_batch(batch)

    assert reader.canonical not in addresses()
    assert Delivery.objects.get(subscriber=reader).reason == Delivery.Reason.SUPPRESSED


def test_what_was_not_sent_before_the_issue_was_withdrawn_never_is(batch: Batch) -> None:
    Issue.objects.get().move_to(Issue.Status.WITHDRAWN)
    send_batch.send_batch(batch)
    assert sent() == []


def test_an_expired_delivery_is_skipped_and_gives_its_span_back(batch: Batch, set_clock: SetClock) -> None:
    set_clock(MORNING + timedelta(hours=13))
    send_batch.send_batch(batch)
    assert sent() == []
    assert set(Subscriber.objects.values_list("covered_through", flat=True)) == {None}


def test_a_refused_address_is_rejected_and_the_others_are_sent(batch: Batch) -> None:
    with answering(http_error(422), once=True):
        send_batch.send_batch(batch)
    assert Delivery.objects.filter(status=Delivery.Status.REJECTED).count() == 1
    assert Batch.objects.get().status == Batch.Status.DONE


@pytest.mark.parametrize("error", [http_error(500), AnymailAPIError("unreadable"), TimeoutError()])
def test_an_unclear_answer_makes_its_delivery_uncertain_and_is_never_repeated(batch: Batch, error: Exception) -> None:
    with answering(error, once=True):
        send_batch.send_batch(batch)
    uncertain = Delivery.objects.get(status=Delivery.Status.UNCERTAIN)
    send_batch.send_batch(Batch.objects.get())
    assert len([m for m in sent() if m.metadata["delivery"] == str(uncertain.pk)]) <= 1
    assert Batch.objects.get().status == Batch.Status.DONE


def test_a_provider_that_asks_for_a_pause_is_obeyed_and_nothing_is_lost(batch: Batch, set_clock: SetClock) -> None:
    with answering(http_error(429, Retry_After="120"), once=True):
        assert not send_batch.send_batch(batch)
    assert not send_batch.send_batch(Batch.objects.get())

    set_clock(MORNING + timedelta(seconds=121))
    assert send_batch.send_batch(Batch.objects.get())
    assert all(row.is_sent for row in Delivery.objects.select_related("batch"))


def test_nothing_is_mailed_without_a_postal_address(batch: Batch, settings: LazySettings) -> None:
    settings.POSTAL_ADDRESS = " "
    assert not send_batch.send_batch(batch)
    assert sent() == []
