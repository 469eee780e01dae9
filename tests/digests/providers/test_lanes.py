"""Which provider is whose lane, what never leaves, and what a call may be repeated with."""

from dataclasses import replace

import pytest
from django.conf import LazySettings
from django.core import mail as django_mail

from digests.providers import Copy, Mail, provider_of
from tests.digests.providers.mails import CONTENT, LANES, SITE, copy_of, mails, sending_to, statuses
from tests.outside import faults
from tests.provider import answering, http_error, sent


@pytest.mark.parametrize(
    ("name", "lane", "most"),
    [
        ("mailgun", "merge", 1000),
        ("brevo", "mixed", 1000),
        ("mailjet", "mixed", 50),
        ("postmark", "array", 249),
        ("resend", "array", 100),
        ("smtp", "smtp", 1),
    ],
)
def test_each_provider_has_its_lane(settings: LazySettings, name: str, lane: str, most: int) -> None:
    settings.READERS_IN_DOUBT = 1000
    with sending_to(name, settings) as (_, ours):
        assert (ours.lane, ours.most) == (lane, most)
        assert ours.shares_content == (lane == "merge")
        assert (ours.window > 1) == (lane == "smtp")
        assert ours.can_repeat == (name == "resend")


@pytest.mark.parametrize(("name", "in_doubt", "most"), [("mailgun", 200, 200), ("mailjet", 200, 50), ("brevo", 7, 7)])
def test_no_call_holds_more_readers_than_may_be_in_doubt(
    settings: LazySettings, name: str, in_doubt: int, most: int
) -> None:
    settings.READERS_IN_DOUBT = in_doubt
    with sending_to(name, settings) as (_, ours):
        assert ours.most == most


@pytest.mark.parametrize("name", ["mailbox", "sparkpost", "amazon_ses"])
def test_a_provider_without_a_lane_of_its_own_gets_one_mail_at_a_time(settings: LazySettings, name: str) -> None:
    settings.EMAIL_PROVIDER = name
    ours = provider_of(settings)
    assert (ours.lane, ours.most, ours.shares_content) == ("single", 1, False)


def test_the_single_lane_sends_each_mail_with_its_links_headers_and_delivery(settings: LazySettings) -> None:
    with provider_of(settings) as ours:
        assert statuses(ours, mails(3)) == ["accepted"] * 3
    assert [message.to for message in sent()] == [[f"reader{number}@example.org"] for number in (1, 2, 3)]
    message = sent()[1]
    assert message.extra_headers["List-Unsubscribe"] == f"<{SITE}/unsubscribe/2/>"
    assert (message.metadata, message.tags) == ({"delivery": "2"}, ["digest"])
    assert f"{SITE}/view/2/" in message.body
    assert f"{SITE}/view/2/" in message.alternatives[0][0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http_error(429, Retry_After="9"), "not_accepted"),
        (http_error(503), "unknown"),
        (http_error(400), "refused"),
        (ConnectionResetError(), "unknown"),
    ],
)
def test_on_the_single_lane_each_mail_fails_alone(settings: LazySettings, error: Exception, expected: str) -> None:
    with provider_of(settings) as ours, answering(error, once=True):
        assert statuses(ours, mails(2)) == [expected, "accepted"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (faults.refused("reader1@*"), "refused"),
        (faults.throttled("9", times=1), "not_accepted"),
        (faults.failing(503, times=1), "unknown"),
        (faults.failing(503, times=1, accepts=True), "unknown"),
        (faults.cut(times=1), "unknown"),
        (faults.cut(times=1, accepts=True), "unknown"),
        (faults.foreign(times=1), "unknown"),
        (faults.truncated(times=1), "unknown"),
    ],
)
def test_on_the_single_lane_each_answer_is_of_its_mail_alone(
    settings: LazySettings, rule: faults.Rule, expected: str
) -> None:
    with sending_to("postmark", settings) as (server, _):
        settings.EMAIL_PROVIDER = "another"
        server.plan(rule)
        with provider_of(settings) as ours:
            assert statuses(ours, mails(2)) == [expected, "accepted"]
        assert len(server.accepted()) == 1 + rule.accepts


def test_the_single_lane_keeps_one_connection(settings: LazySettings) -> None:
    with sending_to("postmark", settings) as (server, _):
        settings.EMAIL_PROVIDER = "another"
        with provider_of(settings) as ours:
            ours.submit(mails(1))
            session = ours.backend.session  # type: ignore[attr-defined]
            ours.submit(mails(2))
            assert ours.lane == "single"
            assert ours.backend.session is session  # type: ignore[attr-defined]
        assert len(server.accepted()) == 3


@pytest.mark.parametrize("name", LANES)
def test_nothing_leaves_without_a_postal_address(settings: LazySettings, name: str) -> None:
    with sending_to(name, settings) as (server, ours):
        settings.POSTAL_ADDRESS = ""
        assert statuses(ours, mails(2)) == ["not_accepted"] * 2
        assert server.entries() == []


BREAKING = [
    replace(CONTENT, subject="Papers\r\nBcc: eve@example.org"),
    replace(CONTENT, headers={"List-Id": "x\nBcc: eve@example.org"}),
    replace(CONTENT, headers={"X\r\nBcc": "eve@example.org"}),
    replace(CONTENT, tag="a\rb"),
    replace(CONTENT, headers={"list-unsubscribe": "<https://example.org/all>"}),
]


@pytest.mark.parametrize("name", LANES)
def test_a_header_with_a_line_break_or_a_shared_unsubscribe_never_leaves(settings: LazySettings, name: str) -> None:
    with sending_to(name, settings) as (server, ours):
        for content in BREAKING:
            assert statuses(ours, [Mail(content, copy_of(1))]) == ["refused"]
        assert server.entries() == []


@pytest.mark.parametrize(
    "copy",
    [
        copy_of(2, "a@example.org\r\nBcc: eve@example.org"),
        copy_of(2, "a@example.org, eve@example.org"),
        copy_of(2, "Eve <eve@example.org>"),
        copy_of(2, "nobody"),
        copy_of(2, unsubscribe_url=f"{SITE}/x\r\nBcc: eve@example.org"),
        copy_of(2, view_url="javascript:alert(1)"),
        copy_of(2, view_url=f'{SITE}/"><script>'),
        copy_of(2, view_url=f"{SITE}/{'x' * 400}"),
        Copy(2, "a@example.org", {"unsubscribe_url": SITE}, "message2"),
    ],
)
@pytest.mark.parametrize("name", ["mailgun", "postmark", "smtp"])
def test_a_reader_whose_address_or_links_are_no_such_thing_is_left_out(
    settings: LazySettings, name: str, copy: Copy
) -> None:
    with sending_to(name, settings) as (server, ours):
        assert statuses(ours, [mails(1)[0], Mail(CONTENT, copy)]) == ["accepted", "refused"]
        assert [entry.address for entry in server.entries()] == ["reader1@example.org"]


@pytest.mark.parametrize("name", ["mailgun", "brevo", "mailjet"])
def test_an_address_stands_in_a_merged_call_once(settings: LazySettings, name: str) -> None:
    with sending_to(name, settings) as (server, ours):
        twice = [Mail(CONTENT, copy_of(number, "a@example.org")) for number in (1, 2)]
        assert statuses(ours, twice) == ["accepted", "not_accepted"]
        assert [entry.delivery for entry in server.entries()] == ["1"]


@pytest.mark.parametrize("name", ["mailjet", "resend"])
def test_more_mails_than_a_call_takes_are_several_calls(settings: LazySettings, name: str) -> None:
    with sending_to(name, settings) as (server, ours):
        assert statuses(ours, mails(ours.most + 1)) == ["accepted"] * (ours.most + 1)
        assert {entry.request for entry in server.entries()} == {1, 2}


def test_the_same_call_with_the_same_key_sends_once(settings: LazySettings) -> None:
    with sending_to("resend", settings) as (server, ours):
        server.plan(faults.failing(503, accepts=True, times=1))
        assert [outcome.status for outcome in ours.submit(mails(2), "batch 1, call 1")] == ["unknown"] * 2
        outcomes = ours.submit(mails(2), "batch 1, call 1")
        assert [outcome.status for outcome in outcomes] == ["accepted"] * 2
        assert [outcome.provider_id for outcome in outcomes] == [entry.message_id for entry in server.accepted()]


def test_a_key_that_was_used_for_other_mails_proves_nothing(settings: LazySettings) -> None:
    with sending_to("resend", settings) as (_, ours):
        ours.submit(mails(2), "batch 1, call 1")
        assert [outcome.status for outcome in ours.submit(mails(3), "batch 1, call 1")] == ["unknown"] * 3


def test_what_anymail_cannot_tell_a_provider_keeps_the_mails_waiting(settings: LazySettings) -> None:
    with sending_to("brevo", settings) as (server, ours):
        outcomes = ours.submit(mails(2, replace(CONTENT, headers={"List-Id": "Blätter <papers.example.org>"})))
        assert [(outcome.status, outcome.code) for outcome in outcomes] == [("not_accepted", "unsupported")] * 2
        assert "non-ASCII" in outcomes[0].reason
        assert server.entries() == []


def test_no_reason_names_a_reader(settings: LazySettings) -> None:
    for name in LANES:
        with sending_to(name, settings) as (server, ours):
            server.plan(faults.invalid("reader1@*"), faults.failing(503, addresses="reader2@*"))
            reasons = [outcome.reason for number in (0, 1) for outcome in ours.submit(mails(2)[number : number + 1])]
            assert "@" not in "".join(reasons)
    assert django_mail.outbox == []
