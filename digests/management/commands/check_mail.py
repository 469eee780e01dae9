import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from digests.mail_setup import last_check
from digests.mail_setup.finding import is_passed
from digests.mail_setup.received_mail import NoMail, judge_mail
from digests.mail_setup.resolver import Resolver

MOST_BYTES = 50_000_000  # of a mail


class Command(BaseCommand):
    help = (
        "Check whether receivers will trust our mail: SPF, DKIM, DMARC, MX, PTR and TLS. With the source of a mail on "
        "the standard input (check_mail < message.eml), judge that mail as it was received. Status 1 where something "
        "is wrong or not known."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--no-input", action="store_true", help="do not look for a mail on the standard input")

    def handle(self, *args: Any, no_input: bool, **options: Any) -> None:
        # A process may have been started without a standard input at all.
        has_input = not no_input and sys.stdin is not None and not sys.stdin.isatty()
        source = sys.stdin.buffer.read(MOST_BYTES) if has_input else b""
        try:
            if source.strip():
                findings = judge_mail(source, Resolver(settings.NAME_SERVER))
            elif last_check.is_trial():
                raise CommandError("This is a trial: mail goes to the local mailbox, and there is nothing to look up.")
            else:
                findings = last_check.check_now()
        except NoMail as exc:
            raise CommandError(str(exc)) from exc
        for finding in findings:
            for line in finding.lines():
                self.stdout.write(line)
        if not is_passed(findings):
            raise CommandError("Something is wrong or not known: see above.")
        self.stdout.write("Nothing is wrong.")
