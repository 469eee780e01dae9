"""What a returned mail is, and which mail of ours it proves to be about."""

import time

import pytest
from django.conf import LazySettings
from hypothesis import example, given
from hypothesis import strategies as st

from digests.returned_mail.delivery_reports import DELAYED, DELIVERED, FAILED
from digests.returned_mail.reading import Form, Reading, read
from digests.returned_mail.stranger_mail import MOST_BYTES, StrangerMail
from digests.sending.message_ids import load_message_ids
from newsletter.mail.refusal import Blame, read_refusal
from newsletter.mail.return_address import Purpose, Returned
from subscribers.addresses.canonical import hash_address
from tests.digests.returned_mail.returning import complaint, delivery_report, failed, plain, recorded, signed

pytestmark = pytest.mark.django_db
HASH = "ab" * 32
OURS = Returned(Purpose.DELIVERY, 7, HASH[:6])


def ours() -> str:
    return signed(Purpose.DELIVERY, 7, HASH)


def reading_of(raw: bytes, to: str = "") -> Reading:
    return read(StrangerMail(raw), to)


@pytest.mark.parametrize(
    ("name", "action", "blame"),
    [
        ("dsn_03", FAILED, Blame.US),  # an action and a status in the server's own words
        ("dsn_08", DELAYED, None),
        ("dsn_11", FAILED, Blame.ADDRESS),
        ("dsn_14", FAILED, Blame.ADDRESS),
        ("exim_01", FAILED, Blame.ADDRESS),
        ("groupwise_01", FAILED, Blame.ADDRESS),
        ("qmail_01", FAILED, Blame.UNKNOWN),
        ("simple_38", FAILED, Blame.MAILBOX),  # a full mailbox, as a read receipt
        ("simple_39", FAILED, Blame.ADDRESS),  # in Russian
        ("sina_01", FAILED, Blame.UNKNOWN),
        ("smtp32_05", FAILED, Blame.UNKNOWN),
        ("yahoo_03", FAILED, Blame.ADDRESS),
    ],
)
def test_recorded_bounces_are_read_in_any_format(name: str, action: str, blame: Blame | None) -> None:
    reading = reading_of(recorded(name, ours()))
    assert (reading.form, reading.owner) == (Form.REPORT, OURS)
    report, *_ = reading.reports
    assert report.action == action
    if blame is not None:
        assert read_refusal(report.answer, report.status).blame == blame


def test_a_report_says_of_each_address_what_became_of_the_mail() -> None:
    raw = delivery_report(
        ours(),
        failed("ada@example.org", "5.7.26", "550 5.7.26 unauthenticated"),
        {"Final-Recipient": "rfc822;bob@example.org", "Action": "delivered", "Status": "2.0.0"},
        {"Original-Recipient": "rfc822;cy@example.org", "Final-Recipient": "rfc822;x@y.example", "Status": "4.4.1"},
    )
    assert [tuple(report[:3]) for report in reading_of(raw).reports] == [
        (FAILED, "ada@example.org", "5.7.26"),
        (DELIVERED, "bob@example.org", "2.0.0"),
        (DELAYED, "cy@example.org", "4.4.1"),
    ]


@pytest.mark.parametrize("header", ["X-Original-To", "Delivered-To", "Envelope-To", "To", "Received"])
def test_the_address_is_found_wherever_a_mail_server_notes_it(header: str) -> None:
    noted = f"from mx.example.net by mail.example.org for <{ours().upper()}>; today"
    raw = plain("", headers={"To": "somebody@example.org", header: noted})
    assert reading_of(raw).owner == OURS


def test_a_mail_server_may_name_the_address_itself() -> None:
    assert reading_of(plain("desk@example.org"), to=ours()).owner == OURS


def test_an_address_that_only_looks_like_ours_is_forged(settings: LazySettings) -> None:
    forged = ours()
    settings.SECRET_KEY = "another-key" * 5
    assert reading_of(delivery_report(forged, failed())) == Reading(Form.FORGED)


def returned_digest(delivery_id: int, message_id: str, to: str = "Ada@Example.org") -> str:
    headers = f"To: {to}\nX-Delivery: {delivery_id}\nMessage-ID: <{message_id}@example.org>"
    return f"From: papers@example.org\n{headers}\n\nHi\n"


def test_a_returned_digest_proves_itself_by_its_message_id() -> None:
    returned = returned_digest(7, load_message_ids().local_part(7))
    expected = Returned(Purpose.DELIVERY, 7, hash_address("ada@example.org")[:6])
    assert reading_of(delivery_report("desk@example.org", failed(), returned=returned)).owner == expected
    assert reading_of(complaint("fbl@example.org", returned=returned)).owner == expected


@pytest.mark.parametrize("message_id", ["a" * 26, "", "x@y"])
def test_without_that_proof_a_report_is_about_no_mail_of_ours(message_id: str) -> None:
    raw = delivery_report("desk@example.org", failed(), returned=returned_digest(7, message_id))
    reading = reading_of(raw)
    assert (reading.form, reading.owner) == (Form.REPORT, None)


def test_a_complaint_proves_itself_by_the_envelope_that_it_names() -> None:
    raw = complaint("fbl@example.org", Original_Mail_From=f"<{ours()}>")
    assert reading_of(raw) == Reading(Form.COMPLAINT, OURS)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("abuse", Form.COMPLAINT),
        ("Fraud", Form.COMPLAINT),
        ("opt-out", Form.LEAVING),
        ("auth-failure", Form.FEEDBACK),
        ("virus", Form.FEEDBACK),
        ("not-spam", Form.FEEDBACK),
    ],
)
def test_a_feedback_report_is_a_complaint_only_where_a_reader_complained(kind: str, form: Form) -> None:
    assert reading_of(complaint(ours(), kind)) == Reading(form, OURS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Precedence": "auto_reply"},
        {"X-Autoreply": "yes"},
        {"X-Auto-Response-Suppress": "All"},
        {"Subject": "Out of Office: Re: Papers"},
        {"Subject": "Automatic reply: Papers"},
        {"Subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Papers?="},
        {"Subject": "Automatische Antwort: Papers"},
        {"Subject": "Abwesenheitsnotiz"},
        {"Subject": "=?utf-8?b?6Ieq5YuV6L+U5L+h?="},
    ],
)
def test_an_out_of_office_answer_is_no_persons_mail(headers: dict[str, str]) -> None:
    assert reading_of(plain(ours(), "I am away until Monday.", headers)) == Reading(Form.ANSWER, OURS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Subject": "Please confirm your message", "Auto-Submitted": "auto-replied"},
        {"Subject": "Your email requires verification verify#abc", "Precedence": "bulk"},
        {"From": "confirm-x@spamarrest.com", "Subject": "Re: Papers (Verification)"},
        {"X-Delivery-Agent": "TMDA/1.1", "Subject": "Hello"},
    ],
)
def test_a_challenge_is_told_from_an_answer(headers: dict[str, str]) -> None:
    assert reading_of(plain(ours(), "Click here.", headers)) == Reading(Form.CHALLENGE, OURS)


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\nwhat is this?",
        "My mail server said 550 5.1.1 user unknown to a friend of mine, is yours broken too?",
        "I could not read it. Please confirm that I am subscribed!",
    ],
)
def test_what_a_person_writes_is_neither_a_bounce_nor_an_answer(text: str) -> None:
    assert reading_of(plain(ours(), text)) == Reading(Form.PERSON, OURS)


def test_a_mail_to_the_unsubscribe_address_asks_for_no_more_mail() -> None:
    raw = plain(signed(Purpose.UNSUBSCRIBE, 7), "", {"Subject": "unsubscribe", "Auto-Submitted": "auto-generated"})
    assert reading_of(raw) == Reading(Form.LEAVING, Returned(Purpose.UNSUBSCRIBE, 7, "000000"))


def test_whatever_comes_to_the_unsubscribe_address_asks_for_no_more_mail() -> None:
    address = signed(Purpose.UNSUBSCRIBE, 7)
    for raw in (delivery_report(address, failed()), complaint(address), plain(address, headers={"Return-Path": "<>"})):
        assert reading_of(raw).form == Form.LEAVING


@pytest.mark.parametrize("headers", [{"X-Forwarded-For-List": "x"}, {"List-Id": "Papers <papers.localhost>"}])
def test_a_mail_of_ours_that_comes_back_whole_is_a_loop(headers: dict[str, str], settings: LazySettings) -> None:
    settings.LIST_ID = "papers.localhost"
    assert reading_of(plain(ours(), headers=headers)) == Reading(Form.LOOP, OURS)


@pytest.mark.parametrize("sender", ["<>", "<MAILER-DAEMON>"])
def test_a_servers_mail_without_a_meaning_is_odd(sender: str) -> None:
    raw = plain(ours(), "Welcome to our new mail system!", {"Return-Path": sender})
    assert reading_of(raw) == Reading(Form.ODD, OURS)


HEADERS = st.sampled_from(["From", "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "Date", "Received"])
VALUES = st.text(max_size=60) | st.sampled_from(
    ["multipart/report; report-type=delivery-status; boundary=b", "message/delivery-status", "message/feedback-report",
     'text/plain; charset="no-such"', "base64", "=?utf-8?b?%%%?=", "=?x?q?=ZZ?=", "message/rfc822", "a@b", "<>"]
)  # fmt: skip


@given(st.lists(st.tuples(HEADERS, VALUES), max_size=8), st.binary(max_size=300))
@example([("Content-Type", "multipart/mixed")], b"--\n")
@example([("Content-Type", "message/rfc822"), ("Content-Transfer-Encoding", "base64")], b"\xff")
def test_any_broken_mail_is_something(headers: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in headers).encode("utf-8", "surrogatepass")
    assert reading_of(head + b"\n" + body).form in Form


def report_of_many() -> bytes:
    """Return a report that makes readers of it go back to its first, costly part again and again."""
    words = b"--b\nContent-Type: text/html\n\n" + b"<" * 60_000 + b"\n"
    blocks = b"--b\nContent-Type: message/delivery-status\n\n" + b"Action: failed\n\n" * 25
    return b"Content-Type: multipart/report; boundary=b\n\n" + words + blocks * 48 + b"--b--\n"


@pytest.mark.parametrize(
    "raw",
    [
        b'Content-Type: multipart/mixed; a="' + b";" * MOST_BYTES,
        b"Content-Type: text/plain" + b";" * MOST_BYTES,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(50))
        + b"-\n" * MOST_BYTES,
        b"Content-Type: message/delivery-status\n\n" + b"\n" * MOST_BYTES,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * MOST_BYTES,
        b"a:\n" * MOST_BYTES,
        report_of_many(),
    ],
    ids=["quoted", "parameters", "nested", "blocks", "parts", "headers", "report"],
)
def test_a_puzzle_is_read_within_seconds(raw: bytes) -> None:
    started = time.process_time()
    assert reading_of(b"From: MAILER-DAEMON@example.net\n" + raw).form in Form
    assert time.process_time() - started < 4


def test_a_subject_in_a_broken_encoding_is_read_as_it_stands() -> None:
    assert StrangerMail(plain(ours(), headers={"Subject": "=?utf-8?b?a?="})).subject == "=?utf-8?b?a?="


@pytest.mark.parametrize("text", ["NUL \0here", "half +2AA-here"])
def test_words_are_such_as_can_be_stored_and_sent(text: str) -> None:
    mail = StrangerMail(plain(ours(), text, {"Content-Type": "text/plain; charset=utf-7"}))
    assert mail.text.encode() in (b"NUL here", b"half ?here")
