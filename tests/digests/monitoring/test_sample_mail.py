"""`send_test`: one mail through the configured lane, and what is said of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from digests.models import Batch, Delivery, Digest
from digests.monitoring import sample_mail
from digests.provider_events import application
from digests.sending import switch
from newsletter import clock
from newsletter.mail.throttle import Pace
from subscribers.addresses.canonical import hash_address
from subscribers.models import Suppression
from tests.factories import MORNING
from tests.factories.returns import heard
from tests.outside import faults
from tests.outside.provider import providing
from tests.provider import answering, http_error, sent

pytestmark = pytest.mark.django_db
ADDRESS = "Ada@Example.org"
Say = Callable[..., str]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run the command, and return what it says on the way to a good end or a bad one."""

    def run(*words: str, fails: str = "") -> str:
        if fails:
            with pytest.raises(CommandError, match=fails):
                call_command("send_test", ADDRESS, *words)
        else:
            call_command("send_test", ADDRESS, *words)
        return capsys.readouterr().out

    return run


def test_a_sample_digest_carries_every_header_of_one_and_counts_nowhere(say: Say) -> None:
    said = say()
    (message,) = sent()
    assert message.to == ["ada@example.org"]
    assert message.subject == "[Test] A sample of a digest"
    headers = {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Auto-Submitted"}
    assert headers <= message.extra_headers.keys()
    for part in (message.body, message.alternatives[0][0]):
        assert "A sample paper" in part
        assert "slot-" not in part
    assert "Accepted by mailbox" in said
    assert "manage.py check_mail < message.eml" in said
    assert "Webhook: mailbox has none" in said
    assert not any(table.objects.exists() for table in (Delivery, Digest, Batch))


@pytest.mark.parametrize("name", ["mailgun", "postmark", "resend", "brevo", "mailjet", "smtp"])
def test_it_goes_through_the_lane_of_the_provider(settings: LazySettings, say: Say, name: str) -> None:
    with providing(name) as provider:
        for key, value in provider.settings.items():
            setattr(settings, key, value)
        said = say()
        (entry,) = provider.accepted()
    assert entry.address == "ada@example.org"
    assert entry.headers["List-Unsubscribe"].startswith(f"<{settings.SITE_URL}/unsubscribe/")
    assert f"Accepted by {name}" in said


def test_a_letter_goes_through_the_letters_provider(settings: LazySettings, say: Say) -> None:
    settings.EMAIL_PROVIDER, settings.LETTERS_STREAM = "mailgun", "links"
    settings.EMAIL_LETTERS_PROVIDER = "postmark"
    assert "Accepted by postmark" in say("--letter")
    (message,) = sent()
    assert message.anymail_test_params["MessageStream"] == "links"
    assert "List-Unsubscribe" not in message.extra_headers


@pytest.mark.parametrize("words", [(), ("--letter",)])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (422, "Refused by mailbox: The provider refused it (422)."),
        (401, "Not sent by mailbox: The provider does not accept our key (401)."),
        (503, "Uncertain: The provider gave no clear answer (503)."),
    ],
)
def test_what_is_not_accepted_ends_with_status_1_and_says_why(
    say: Say, words: tuple[str, ...], status: int, said: str
) -> None:
    with answering(http_error(status)):
        assert said in say(*words, fails="The mail was not accepted")


def test_a_pause_requested_by_the_provider_is_reported_and_kept(settings: LazySettings, say: Say) -> None:
    with providing("postmark") as provider:
        for key, value in provider.settings.items():
            setattr(settings, key, value)
        provider.plan(faults.throttled("40"))
        assert "tried again in 40 s" in say(fails="not accepted")
    assert Pace("digests", now=clock.milliseconds).state().paused_until == clock.now() + timedelta(seconds=40)
    assert "Nothing is handed over now: the provider asked for a pause." in say(fails="not accepted")
    assert "Nothing is handed over now: the provider asked for a pause." in say("--letter", fails="not accepted")


def test_a_test_mail_is_sent_during_a_pause_and_mentions_it(say: Say) -> None:
    switch.pause("Ada", "A wrong link.")
    assert "No digest is sent: A wrong link. This test is sent all the same." in say()
    assert len(sent()) == 1


def test_nothing_is_sent_without_an_identity(settings: LazySettings, say: Say) -> None:
    settings.POSTAL_ADDRESS = " "
    say(fails="Nothing is mailed without POSTAL_ADDRESS")
    assert sent() == []


def test_a_suppressed_address_is_not_mailed(say: Say) -> None:
    Suppression.objects.create(address_hash=hash_address("ada@example.org"), reason=Suppression.Reason.COMPLAINT)
    say(fails="suppressed")
    assert sent() == []


def test_an_invalid_address_is_refused_with_a_reason() -> None:
    with pytest.raises(CommandError, match="@"):
        call_command("send_test", "ada")


def test_it_says_when_the_webhook_was_heard_last(
    settings: LazySettings, say: Say, set_clock: Callable[[datetime], None]
) -> None:
    settings.EMAIL_LETTERS_PROVIDER = "postmark"
    assert "Webhook: no event has ever come." in say("--letter")
    heard("delivered")
    set_clock(MORNING - timedelta(days=1))
    heard("delivered")
    assert "Webhook: last event on 4 May 2026 at 05:00 UTC." in say("--letter")


def test_what_comes_back_of_a_sample_is_put_aside() -> None:
    number = sample_mail.sample_copy("ada@example.org").delivery_id
    event = heard("bounced", delivery_id=number)
    application.apply_events()
    event.refresh_from_db()
    assert event.put_aside == "unknown"
