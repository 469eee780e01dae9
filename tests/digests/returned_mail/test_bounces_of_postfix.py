"""A digest leaves by SMTP, a receiver refuses it, Postfix bounces it, and the bounce is read from its mailbox."""

import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Batch, Delivery, ProviderEvent, ReturnMailbox
from digests.provider_events import application
from digests.returned_mail import mailbox_reading
from digests.returned_mail.intake import Intake
from digests.sending import send_batch
from newsletter.mail.refusal import Blame
from subscribers.models import Subscriber, Suppression
from tests.digests.returned_mail.returning import leaving_address, plain
from tests.digests.returned_mail.test_mailbox_reading import url_of
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.imap_server import imap_serving
from tests.postfix_server import PostfixServer, postfix_serving
from tests.smtp_server import FRIENDLY, SmtpServer, serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
READER = "ada@example.net"


@pytest.fixture(scope="module")
def receiver() -> Iterator[SmtpServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def postfix(receiver: SmtpServer) -> Iterator[PostfixServer]:
    with postfix_serving(receiver.port) as server:
        yield server


@pytest.fixture(autouse=True)
def by_smtp(postfix: PostfixServer, receiver: SmtpServer, settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER, settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp", "127.0.0.1", postfix.port
    settings.BOUNCE_MAILBOX = f"maildir://{postfix.mails}"
    receiver.answers = dict(FRIENDLY)


def send_a_digest() -> Delivery:
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory(email=READER, topics=[topic])
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    delivery = Delivery.objects.select_related("batch").get()
    assert delivery.is_sent
    return delivery


def wait_for_mail(mails: Path) -> bytes:
    """Return the mail that arrives next in a maildir. Raise TimeoutError after 30 seconds."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := sorted((mails / "new").iterdir()):
            return found[0].read_bytes()
        time.sleep(0.02)
    raise TimeoutError


@pytest.mark.parametrize(
    ("at", "answer", "blame"),
    [
        ("RCPT", "550 5.1.1 <ada@example.net>: no such user", Blame.ADDRESS),
        ("RCPT", "552 5.2.2 mailbox full", Blame.MAILBOX),
        (".", "550-5.7.26 This mail is unauthenticated\r\n550 5.7.26 See our rules", Blame.US),
    ],
)
def test_a_refusal_comes_back_and_is_known(
    postfix: PostfixServer, receiver: SmtpServer, at: str, answer: str, blame: Blame
) -> None:
    receiver.answers[at] = answer
    delivery = send_a_digest()
    returned = wait_for_mail(postfix.mails)
    assert b"text/rfc822-headers" in returned
    assert b"<html" not in returned
    assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 1}
    application.apply_events()
    event = ProviderEvent.objects.get()
    assert (event.delivery_id, event.blame, event.put_aside) == (delivery.pk, blame, "")
    assert answer[:9].replace("-", " ")[:3] in event.answer
    assert READER not in event.answer
    assert Suppression.holds(READER) == (blame == Blame.ADDRESS)


def test_a_bounce_is_read_over_imap(postfix: PostfixServer, receiver: SmtpServer, settings: LazySettings) -> None:
    receiver.answers["RCPT"] = "550 5.1.1 no such user"
    send_a_digest()
    wait_for_mail(postfix.mails)
    with imap_serving(postfix.mails) as server:
        settings.BOUNCE_MAILBOX, settings.BOUNCE_READ_FOLDER = url_of(server), "Read over IMAP"
        assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 1}
        assert ReturnMailbox.objects.get().fault == ""
    application.apply_events()
    assert Suppression.holds(READER)


def test_a_reader_leaves_by_a_mail_to_the_address_in_the_header(postfix: PostfixServer) -> None:
    reader = SubscriberFactory(email=READER)
    with smtplib.SMTP("127.0.0.1", postfix.port) as smtp:
        smtp.sendmail(READER, leaving_address(reader), plain("", "", {"To": "", "Subject": "unsubscribe"}))
    wait_for_mail(postfix.mails)
    assert mailbox_reading.read_configured_mailbox() == {Intake.UNDERSTOOD: 1}
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED
