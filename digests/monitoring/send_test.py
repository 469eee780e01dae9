"""Sends a test mail, for `manage.py send_test` and the page on sending."""

from typing import NamedTuple

from django.conf import settings

from digests.models import ProviderEvent
from digests.monitoring import sample_mail, system_checks
from digests.sending import switch
from newsletter.mail import message
from newsletter.mail.provider_answer import SendOutcome
from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.models import Suppression

TRUST = (
    "Whether receivers trust our mail: “manage.py check_mail”, or “Check the setup” on the page “Sending”. How they "
    "see this one: save it as it arrived, and run “manage.py check_mail < message.eml”."
)


class TestRefused(Exception):
    """The address may not be mailed, or sending is not configured. Nothing was sent; the message is for the user."""


class TestReport(NamedTuple):
    """The result of a test: whether the provider accepted the mail, and sentences that describe the setup."""

    is_accepted: bool
    sentences: list[str]


def send_test_mail(address: str, is_letter: bool) -> TestReport:
    """Send one mail through the lane of digests or letters. No statistics count it. Raise TestRefused."""
    to = mailable_address(address)
    sentences = []
    if not (answer := switch.current_permission()).is_allowed:
        sentences.append(f"No digest is sent: {answer.reason} This test is sent all the same.")
    outcome = sample_mail.send_sample_letter(to) if is_letter else sample_mail.send_sample_digest(to)
    provider = settings.EMAIL_LETTERS_PROVIDER if is_letter else settings.EMAIL_PROVIDER
    sentences += [describe_outcome(outcome, provider), describe_webhook(provider), TRUST]
    return TestReport(outcome.is_accepted, sentences)


def mailable_address(address: str) -> str:
    """Return the canonical address; raise TestRefused if it may not be mailed."""
    if gap := message.identity_gap():
        raise TestRefused(f"{gap} README.md says how to write them.")
    try:
        to = canonical_address(address)
    except AddressError as exc:
        raise TestRefused(str(exc)) from exc
    if Suppression.holds(to):
        raise TestRefused("This address is suppressed: it bounced or complained, and is not mailed. Take another.")
    return to


def describe_outcome(outcome: SendOutcome, provider: str) -> str:
    match outcome.status:
        case "accepted":
            named = f" with the id {outcome.provider_id}" if outcome.provider_id else ""
            return f"Accepted by {provider}{named}. Check the mailbox to see whether it arrives."
        case "refused":
            return f"Refused by {provider}: {outcome.reason}"
        case "not_accepted":
            seconds = round(outcome.wait.total_seconds())
            return f"Not sent by {provider}: {outcome.reason} A mail of readers would be tried again in {seconds} s."
    return f"Uncertain: {outcome.reason} The mail may arrive all the same; one of readers would not be sent again."


def describe_webhook(provider: str) -> str:
    if provider in system_checks.NO_WEBHOOKS:
        return f"Webhook: {provider} has none, so bounces are not reported."
    last = ProviderEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    if last is None:
        return "Webhook: no event has ever come. Look again a minute after a mail was accepted."
    return f"Webhook: last event on {last:%-d %B %Y at %H:%M} UTC."
