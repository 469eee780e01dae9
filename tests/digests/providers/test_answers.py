"""Each lane against what a provider can answer, or not answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings

from digests.providers import Provider, provider_of
from digests.providers.base import UNSUBSCRIBE_SLOT
from tests.digests.providers.mails import LANES, SITE, copy_of, mails, sending_to, statuses
from tests.outside import faults
from tests.outside import provider as outside
from tests.smtp_server import serving

HTTP = tuple(name for name in LANES if name != "smtp")
ANSWERING_EACH = ("mailjet", "postmark", "resend", "smtp")


@pytest.fixture
def both(request: pytest.FixtureRequest, settings: LazySettings) -> Iterator[tuple[outside.Provider, Provider]]:
    with sending_to(request.param, settings, bodies=True) as pair:
        yield pair


def lanes(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("both", names, indirect=True)


Both = tuple[outside.Provider, Provider]


@lanes(*LANES)
def test_accepted_mails_have_their_own_links_headers_and_delivery(both: Both) -> None:
    server, ours = both
    outcomes = ours.submit(mails(3))
    assert [outcome.status for outcome in outcomes] == ["accepted"] * 3
    for entry, number in zip(sorted(server.accepted(), key=lambda entry: entry.delivery), (1, 2, 3), strict=True):
        assert (entry.address, entry.delivery) == (f"reader{number}@example.org", str(number))
        assert entry.subject == "Trending papers"
        assert entry.html.splitlines() == [
            "<p>100 % <b>für</b> alle</p>",
            f'<a href="{SITE}/view/{number}/">View</a>',
            f'<a href="{SITE}/unsubscribe/{number}/">Off</a>',
            "<p>R&amp;D, &lt;b&gt;“Agents”&lt;/b&gt; and 5 more</p>",
        ]
        assert entry.text.splitlines() == [
            "100 % für alle",
            f"{SITE}/view/{number}/",
            f"Unsubscribe: {SITE}/unsubscribe/{number}/",
            "R&D, <b>“Agents”</b> and 5 more",
        ]
        headers = {name.title(): value for name, value in entry.headers.items()}
        assert headers["List-Unsubscribe"] == f"<{SITE}/unsubscribe/{number}/>"
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert headers["List-Id"] == "Paper Round <papers.example.org>"
        assert headers["Auto-Submitted"] == "auto-generated"


@lanes(*HTTP)
def test_an_accepted_mail_has_the_providers_id(both: Both) -> None:
    server, ours = both
    found = [outcome.provider_id for outcome in ours.submit(mails(2))]
    assert found == [entry.message_id for entry in server.accepted()]
    assert all(found)


@lanes(*ANSWERING_EACH)
def test_a_rejected_reader_does_not_keep_the_others_back(both: Both) -> None:
    server, ours = both
    server.plan(faults.invalid("reader2@*"))
    outcomes = ours.submit(mails(3))
    assert [outcome.status for outcome in outcomes] == ["accepted", "refused", "accepted"]
    assert outcomes[1].is_permanent
    assert outcomes[1].code
    assert len(server.accepted()) == 2


@lanes("mailgun", "brevo")
def test_a_rejected_reader_who_is_not_named_asks_for_smaller_calls(both: Both) -> None:
    server, ours = both
    server.plan(faults.invalid("reader2@*"))
    outcomes = ours.submit(mails(3))
    assert [outcome.status for outcome in outcomes] == ["not_accepted"] * 3
    assert all(outcome.is_worth_splitting and outcome.wait == timedelta(0) for outcome in outcomes)
    assert server.accepted() == []
    (alone,) = ours.submit(mails(3)[1:2])
    assert (alone.status, alone.code, alone.is_permanent) == ("refused", "400", True)


@lanes(*HTTP)
def test_a_throttled_call_left_nothing_and_waits_as_asked(both: Both) -> None:
    server, ours = both
    server.plan(faults.throttled("7", times=1))
    outcomes = ours.submit(mails(2))
    assert [(outcome.status, outcome.wait) for outcome in outcomes] == [("not_accepted", timedelta(seconds=7))] * 2
    assert not any(outcome.is_worth_splitting for outcome in outcomes)
    assert statuses(ours, mails(2)) == ["accepted"] * 2


@lanes(*HTTP)
@pytest.mark.parametrize("is_taken", [False, True])
@pytest.mark.parametrize("status", [500, 503])
def test_a_5xx_says_nothing_of_any_mail(both: Both, status: int, is_taken: bool) -> None:
    server, ours = both
    server.plan(faults.failing(status, accepts=is_taken))
    assert statuses(ours, mails(2)) == ["unknown"] * 2
    assert len(server.accepted()) == 2 * is_taken


@lanes(*HTTP)
@pytest.mark.parametrize("is_taken", [False, True])
def test_a_cut_connection_says_nothing_of_any_mail_and_the_next_call_has_a_new_one(both: Both, is_taken: bool) -> None:
    server, ours = both
    server.plan(faults.cut(accepts=is_taken, times=1))
    assert statuses(ours, mails(2)) == ["unknown"] * 2
    assert len(server.accepted()) == 2 * is_taken
    assert statuses(ours, mails(2)) == ["accepted"] * 2


@lanes(*HTTP)
@pytest.mark.parametrize(
    "rule", [faults.foreign(), faults.truncated(), faults.broken_off()], ids=lambda rule: rule.fault
)
def test_a_2xx_that_cannot_be_read_says_nothing_of_any_mail(both: Both, rule: faults.Rule) -> None:
    server, ours = both
    server.plan(rule)
    assert statuses(ours, mails(2)) == ["unknown"] * 2


@lanes(*HTTP)
@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_error_about_our_account_refuses_no_mail(both: Both, status: int) -> None:
    server, ours = both
    server.plan(faults.failing(status))
    outcomes = ours.submit(mails(2))
    assert [(outcome.status, outcome.is_worth_splitting) for outcome in outcomes] == [("not_accepted", False)] * 2


@lanes(*HTTP)
def test_a_provider_that_is_not_there_got_nothing(both: Both, settings: LazySettings) -> None:
    _, ours = both
    ours.backend.api_url = "http://127.0.0.1:9/v3/"  # type: ignore[attr-defined]
    assert statuses(ours, mails(2)) == ["not_accepted"] * 2


def test_an_answer_from_elsewhere_is_not_the_providers(settings: LazySettings) -> None:
    words = '{"id": "<1@example.org>", "message": "Queued. Thank you."}'
    with serving() as provider, serving() as elsewhere:
        elsewhere.answers = {"CONNECT": f"HTTP/1.1 200 OK\r\nContent-Length: {len(words)}\r\n\r\n{words}"}
        there = f"Location: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n"
        provider.answers = {"CONNECT": f"HTTP/1.1 302 Found\r\n{there}"}
        settings.EMAIL_PROVIDER = "mailgun"
        settings.ANYMAIL = {"MAILGUN_API_KEY": "k", "MAILGUN_API_URL": f"http://127.0.0.1:{provider.port}/v3"}
        with provider_of(settings) as ours:
            assert statuses(ours, mails(2)) == ["unknown"] * 2


@lanes(*LANES)
def test_a_reader_without_an_unsubscribe_link_is_not_sent_and_the_others_are(both: Both) -> None:
    server, ours = both
    first, second, third = mails(3)
    bare = copy_of(2)
    links = {name: link for name, link in bare.links.items() if name != UNSUBSCRIBE_SLOT}
    second = second._replace(copy=replace(bare, links=links))
    outcomes = ours.submit([first, second, third])
    assert [outcome.status for outcome in outcomes] == ["accepted", "refused", "accepted"]
    assert "List-Unsubscribe" in outcomes[1].reason
    assert {entry.address for entry in server.entries()} == {"reader1@example.org", "reader3@example.org"}
