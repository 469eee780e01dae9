"""What follows from a returned mail: an event like those of webhooks, a reader who left, a mail for the desk."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests import tasks
from digests.models import Delivery, ProviderEvent, ReturnedMail
from digests.provider_events import application
from digests.returned_mail import forwarding, kept_mail
from digests.returned_mail.intake import Intake, take_in
from newsletter.mail.refusal import Blame
from subscribers.models import Consent, Letter, Subscriber, Suppression
from tests.digests.returned_mail.returning import (
    address_of,
    address_of_letter,
    complaint,
    delivery_report,
    failed,
    leaving_address,
    plain,
    recorded,
)
from tests.digests.sending.handing import later
from tests.factories import MORNING, SubscriberFactory
from tests.factories.returns import sent_delivery
from tests.provider import answering, http_error, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
Kind = ProviderEvent.Kind
Why = ReturnedMail.Why
GONE = "550 5.1.1 <ada@example.org>: no such user here"


@pytest.fixture
def delivery() -> Delivery:
    return sent_delivery(SubscriberFactory(email="ada@example.org"))


def applied(raw: bytes) -> ProviderEvent:
    """Take in a mail and apply the event that it becomes."""
    assert take_in(raw) is Intake.UNDERSTOOD
    application.apply_events()
    return ProviderEvent.objects.get()


def stored(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_a_bounce_for_good_suppresses_the_address(delivery: Delivery) -> None:
    event = applied(delivery_report(address_of(delivery), failed(answer=GONE)))
    assert (event.provider, event.kind, event.blame, event.provider_word) == (
        "smtp",
        Kind.BOUNCED,
        Blame.ADDRESS,
        "5.1.1",
    )
    assert (event.delivery_id, event.domain) == (delivery.pk, "example.org")
    assert event.happened_at == MORNING - timedelta(minutes=30)
    assert stored(delivery).bounced_at == event.happened_at
    assert Suppression.holds("ada@example.org")


def test_the_receivers_sentence_is_kept_without_addresses_and_the_returned_mail_is_not(delivery: Delivery) -> None:
    returned = "From: papers@example.org\nTo: ada@example.org\n\nhttps://papers.example.org/unsubscribe/7.0~secret/\n"
    raw = delivery_report(address_of(delivery), failed(answer=GONE), returned=returned)
    event = applied(raw)
    assert event.answer == "550 5.1.1 <(an address)>: no such user here"
    assert "ada@" not in str(event.body)
    assert "secret" not in str(event.body)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "blame"),
    [
        ("5.2.2", "552 5.2.2 mailbox full", Kind.SOFT_BOUNCED, Blame.MAILBOX),
        ("4.4.7", "delivery time expired", Kind.SOFT_BOUNCED, Blame.MAILBOX),
        ("5.7.26", "550-5.7.26 This mail is unauthenticated", Kind.BOUNCED, Blame.US),
    ],
)
def test_other_refusals_say_whose_fault_they_are(
    delivery: Delivery, status: str, answer: str, kind: Kind, blame: Blame
) -> None:
    event = applied(delivery_report(address_of(delivery), failed(status=status, answer=answer)))
    assert (event.kind, event.blame) == (kind, blame)


def test_an_address_that_forwards_to_several_is_not_dead_because_one_of_them_is(delivery: Delivery) -> None:
    other = {"Final-Recipient": "rfc822;x@example.net", "Action": "delivered", "Status": "2.0.0"}
    event = applied(delivery_report(address_of(delivery), failed("old@example.net"), other))
    assert event.kind == Kind.DELIVERED
    assert not Suppression.objects.exists()


def test_the_report_on_the_readers_own_address_counts_most(delivery: Delivery) -> None:
    other = {"Final-Recipient": "rfc822;x@example.net", "Action": "delivered", "Status": "2.0.0"}
    assert applied(delivery_report(address_of(delivery), other, failed("Ada@Example.org"))).kind == Kind.BOUNCED


def test_a_delay_changes_nothing(delivery: Delivery) -> None:
    delayed = {"Final-Recipient": "rfc822;ada@example.org", "Action": "delayed", "Status": "4.4.1"}
    assert applied(delivery_report(address_of(delivery), delayed)).kind == Kind.ACCEPTED
    row = stored(delivery)
    assert (row.bounced_at, row.soft_bounced_at, row.delivered_at) == (None, None, None)


def test_a_bounce_in_no_standard_form_suppresses_too(delivery: Delivery) -> None:
    assert applied(recorded("yahoo_03", address_of(delivery))).kind == Kind.BOUNCED
    assert Suppression.holds("ada@example.org")


def test_a_complaint_ends_the_subscription(delivery: Delivery) -> None:
    assert applied(complaint(address_of(delivery))).kind == Kind.COMPLAINED
    assert stored(delivery).complained_at
    assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINT
    assert Subscriber.objects.get().status == Subscriber.Status.UNSUBSCRIBED


def test_a_virus_report_is_no_complaint(delivery: Delivery) -> None:
    assert applied(complaint(address_of(delivery), "virus")).kind == Kind.OTHER
    assert Subscriber.objects.get().status == Subscriber.Status.ACTIVE


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Subject": "Out of office"}, "answer"),
        ({"Subject": "Please confirm your message", "Auto-Submitted": "auto-replied"}, "challenge"),
    ],
)
def test_an_automatic_answer_settles_an_uncertain_delivery(headers: dict[str, str], word: str) -> None:
    delivery = sent_delivery(status=Delivery.Status.UNCERTAIN)
    event = applied(plain(address_of(delivery), headers=headers))
    assert (event.kind, event.provider_word) == (Kind.ACCEPTED, word)
    assert stored(delivery).status == Delivery.Status.SENT
    assert sent() == []


def test_a_bounce_settles_an_uncertain_delivery() -> None:
    delivery = sent_delivery(status=Delivery.Status.UNCERTAIN)
    applied(delivery_report(address_of(delivery), failed("x@example.org", "4.4.7")))
    assert stored(delivery).status == Delivery.Status.SENT


def test_a_letter_that_bounces_suppresses_its_address() -> None:
    reader = SubscriberFactory(email="ada@example.org", status=Subscriber.Status.PENDING)
    letter = Letter.objects.create(subscriber=reader, kind=Letter.Kind.CONFIRM)
    event = applied(delivery_report(address_of_letter(letter), failed()))
    assert event.letter_id == letter.pk
    assert Suppression.holds("ada@example.org")


def test_a_bounce_of_a_former_address_is_put_aside(delivery: Delivery) -> None:
    raw = delivery_report(address_of(delivery), failed())
    other = SubscriberFactory.build(email="new@example.org")
    Subscriber.objects.update(canonical=other.canonical, address_hash=other.address_hash)
    assert applied(raw).put_aside == ProviderEvent.Aside.ADDRESS
    assert not Suppression.objects.exists()


def test_a_mail_of_which_nothing_is_known_any_more_is_put_aside(delivery: Delivery) -> None:
    raw = delivery_report(address_of(delivery), failed())
    Delivery.objects.all().delete()
    assert applied(raw).put_aside == ProviderEvent.Aside.UNKNOWN


def test_an_erased_readers_bounce_suppresses_nobody(delivery: Delivery) -> None:
    raw = delivery_report(address_of(delivery), failed())
    Delivery.objects.update(subscriber=None)
    assert applied(raw).address_hash == ""
    assert not Suppression.objects.exists()


def test_the_same_report_counts_once_however_often_and_differently_it_comes(delivery: Delivery) -> None:
    for words in ("It failed.", "It failed again.", "It failed."):
        assert take_in(delivery_report(address_of(delivery), failed(), words=words)) is Intake.UNDERSTOOD
    assert ProviderEvent.objects.count() == 1


def test_a_forged_address_changes_nothing_and_is_kept(delivery: Delivery, settings: LazySettings) -> None:
    raw = delivery_report(address_of(delivery), failed())
    settings.SECRET_KEY = "another" * 8
    assert [take_in(raw), take_in(raw)] == [Intake.KEPT, Intake.KEPT]
    assert ReturnedMail.objects.get().why == Why.FORGED
    assert not ProviderEvent.objects.exists()


def test_a_report_on_a_reader_without_proof_changes_nothing_and_is_kept(delivery: Delivery) -> None:
    assert take_in(delivery_report("bounces@example.org", failed())) is Intake.KEPT
    assert ReturnedMail.objects.get().why == Why.NOT_OURS
    assert not ProviderEvent.objects.exists()


def test_a_reader_unsubscribes_by_mail_as_long_as_there_is_a_reader() -> None:
    reader = SubscriberFactory()
    raw = plain(leaving_address(reader).upper(), "", {"Subject": "unsubscribe"})
    for _ in range(2):
        assert take_in(raw) is Intake.UNDERSTOOD
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED
    assert Consent.objects.get(act=Consent.Act.UNSUBSCRIBED).source == "mail to the unsubscribe address"
    reader.delete()
    assert take_in(raw) is Intake.UNDERSTOOD


def test_what_a_person_wrote_is_forwarded_whole_and_can_be_answered(delivery: Delivery) -> None:
    raw = plain(address_of(delivery), "Dear editors,\n\nmore on birds!\n", {"Subject": "Re: =?utf-8?q?V=C3=B6gel?="})
    assert take_in(raw) is Intake.UNDERSTOOD
    (message,) = sent()
    assert (message.to, message.reply_to) == (["desk@example.com"], ["grace@example.net"])
    assert message.subject == "Fwd: Re: Vögel"
    assert "more on birds!" in message.body
    assert message.attachments == [("message.eml", raw, "application/octet-stream")]
    assert message.extra_headers["Auto-Submitted"] == "auto-forwarded"
    row = ReturnedMail.objects.get()
    assert (row.why, row.subject, row.text, row.delivery_id) == (Why.FORWARDED, "", "", delivery.pk)


def test_a_mail_is_forwarded_once(delivery: Delivery) -> None:
    raw = plain(address_of(delivery))
    assert [take_in(raw), take_in(raw)] == [Intake.UNDERSTOOD] * 2
    assert len(sent()) == 1


def test_a_forwarded_mail_that_comes_back_is_not_forwarded_again(delivery: Delivery) -> None:
    take_in(plain(address_of(delivery)))
    back = sent()[0].message().as_bytes()
    assert take_in(b"Delivered-To: bounces@example.org\n" + back) is Intake.KEPT
    assert ReturnedMail.objects.get(why=Why.LOOP)
    assert len(sent()) == 1


def test_a_mail_waits_where_none_can_be_forwarded(delivery: Delivery) -> None:
    with answering(http_error(401)):
        assert take_in(plain(address_of(delivery))) is Intake.LATER
    assert not ReturnedMail.objects.exists()
    with later(minutes=2):  # the refused key has opened the breaker
        assert take_in(plain(address_of(delivery))) is Intake.UNDERSTOOD


def test_a_mail_that_the_provider_refuses_is_kept(delivery: Delivery) -> None:
    with answering(http_error(422)):
        assert take_in(plain(address_of(delivery))) is Intake.KEPT
    assert "422" in ReturnedMail.objects.get().note


@pytest.mark.parametrize("reply_to", ["", "Bounces@example.org"])
def test_without_a_desk_a_persons_mail_is_kept_without_addresses_and_links(
    delivery: Delivery, settings: LazySettings, reply_to: str
) -> None:
    settings.REPLY_TO = reply_to
    text = "Hi,\n\nadd bob@example.net, see https://papers.example.org/vote/7~token/ and www.example.net/x\n"
    assert take_in(plain(address_of(delivery), text, {"Subject": "For Ada@example.org"})) is Intake.KEPT
    row = ReturnedMail.objects.get()
    assert (row.why, row.subject) == (Why.KEPT, "For (an address)")
    assert row.text == "Hi,\n\nadd (an address), see (a link) and (a link)"
    assert "REPLY_TO" in row.note


def test_a_flood_of_mails_does_not_reach_the_desk(delivery: Delivery, set_clock: SetClock) -> None:
    limit = forwarding.FORWARDS_AN_HOUR
    for number in range(limit):
        ReturnedMail.objects.create(key=str(number), why=Why.FORWARDED, size=1)
    raw = plain(address_of(delivery))
    assert take_in(raw) is Intake.KEPT
    assert sent() == []
    set_clock(MORNING + timedelta(hours=1, seconds=1))
    assert take_in(raw + b"\n") is Intake.UNDERSTOOD


@pytest.mark.parametrize(
    ("inner", "fault"),
    [
        ("Content-Type: message/rfc822\n\n", "RecursionError"),
        ('Content-Type: multipart/mixed; boundary="b"\n\n--b\n', "TooManyParts"),
    ],
)
def test_a_mail_that_cannot_be_read_is_kept_as_such(inner: str, fault: str) -> None:
    assert take_in(inner.encode() * 2_000) is Intake.KEPT
    row = ReturnedMail.objects.get()
    assert (row.why, row.note) == (Why.UNREADABLE, f"Reading it ended with {fault}.")


def test_a_sender_in_endless_comments_is_nobody_to_answer(delivery: Delivery) -> None:
    assert (
        take_in(plain(address_of(delivery), headers={"From": "(" * 9_000, "Reply-To": "(" * 9_000}))
        is Intake.UNDERSTOOD
    )
    assert sent()[0].reply_to == []


def test_strangers_cannot_fill_the_table(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_mail, "MOST_KEPT", 1)
    for text in ("one", "two"):
        assert take_in(plain("bounces@example.org", text, {"Return-Path": "<>"})) is Intake.KEPT
    assert ReturnedMail.objects.count() == 1
    assert take_in(plain(address_of(delivery))) is Intake.UNDERSTOOD
    assert ReturnedMail.objects.filter(why=Why.FORWARDED).count() == 1


def test_what_was_not_understood_is_kept_for_thirty_days(set_clock: SetClock) -> None:
    take_in(plain("bounces@example.org", "Welcome!", {"Return-Path": "<>"}))
    set_clock(MORNING + timedelta(days=30))
    tasks.forget_events()
    assert ReturnedMail.objects.get().why == Why.ODD
    set_clock(MORNING + timedelta(days=30, seconds=1))
    tasks.forget_events()
    assert not ReturnedMail.objects.exists()
