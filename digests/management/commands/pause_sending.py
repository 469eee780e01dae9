from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from digests.sending import switch
from newsletter.clocked_command import operator


class Command(BaseCommand):
    help = "Stop sending digests until somebody resumes. Confirmations and links still go out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="why, for whoever finds sending paused")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        if not switch.pause(operator(), reason):
            self.stdout.write("Sending was paused already; it stays so.")
            return
        self.stdout.write(
            "Paused. No new call to the provider begins from now on; those in flight finish. Digests go on being "
            "assembled and wait; what waits past its hour expires, and its papers come with the next digest. "
            "Confirmations and links still go out. `manage.py resume_sending` goes on."
        )
