import argparse
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from digests import checks, records, sample, switch
from digests.models import ProviderEvent
from newsletter import mail
from newsletter.mail import Outcome
from subscribers.addresses import AddressError, canonical_address
from subscribers.models import Suppression


class Command(BaseCommand):
    help = "Send one mail the way that digests go, and say what came back and whether receivers will trust it."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("address", help="who gets it")
        parser.add_argument("--letter", action="store_true", help="send it the way that confirmations and links go")
        parser.add_argument("--nameserver", default="", help=argparse.SUPPRESS)

    def handle(self, *args: Any, address: str, letter: bool, nameserver: str, **options: Any) -> None:
        to = checked(address)
        if not (answer := switch.standing()).may:
            self.stdout.write(f"No digest is sent: {answer.reason} This test is sent all the same.")
        outcome = sample.send_letter(to) if letter else sample.send_digest(to)
        provider = settings.EMAIL_LETTERS_PROVIDER if letter else settings.EMAIL_PROVIDER
        self.stdout.write(said_of(outcome, provider))
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
        for sentence in records.findings(domain, settings.DKIM_SELECTOR, nameserver):
            self.stdout.write(sentence)
        self.stdout.write(said_of_webhook(provider))
        if not outcome.is_accepted:
            raise CommandError("The mail was not accepted.")


def checked(address: str) -> str:
    """Return the address as mail is sent to it; the command ends where it may not be mailed, or nothing may."""
    if gap := mail.identity_gap():
        raise CommandError(f"{gap} README.md says how to write them.")
    try:
        to = canonical_address(address)
    except AddressError as exc:
        raise CommandError(str(exc)) from exc
    if Suppression.holds(to):
        raise CommandError("This address is suppressed: it bounced or complained, and is not mailed. Take another.")
    return to


def said_of(outcome: Outcome, provider: str) -> str:
    match outcome.status:
        case "accepted":
            named = f", and calls it {outcome.provider_id}" if outcome.provider_id else ""
            return f"Accepted: {provider} has taken the mail{named}. Whether it arrives, the mailbox shows."
        case "refused":
            return f"Refused by {provider}: {outcome.reason}"
        case "not_accepted":
            seconds = round(outcome.wait.total_seconds())
            return f"Not sent by {provider}: {outcome.reason} A mail of readers would be tried again in {seconds} s."
    return f"Uncertain: {outcome.reason} The mail may arrive all the same; one of readers would not be sent again."


def said_of_webhook(provider: str) -> str:
    if provider in checks.NO_WEBHOOKS:
        return f"Webhook: {provider} has none, so nothing is heard of bounces."
    last = ProviderEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    if last is None:
        return "Webhook: nothing was ever heard. Look again a minute after a mail was accepted."
    return f"Webhook: last heard on {last:%-d %B %Y at %H:%M} UTC."
