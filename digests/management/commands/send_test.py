import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from digests.monitoring import send_test


class Command(BaseCommand):
    help = "Send one test mail as digests are sent, and report the answer."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("address", help="who gets it")
        parser.add_argument("--letter", action="store_true", help="send it as confirmations and links are sent")

    def handle(self, *args: Any, address: str, letter: bool, **options: Any) -> None:
        try:
            trial = send_test.send_test_mail(address, letter)
        except send_test.TestRefused as exc:
            raise CommandError(str(exc)) from exc
        for sentence in trial.sentences:
            self.stdout.write(sentence)
        if not trial.is_accepted:
            raise CommandError("The mail was not accepted.")
