from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from digests.previews import explanation
from newsletter.clocked_command import ClockedCommand, day
from subscribers.addresses.canonical import AddressError, canonical_address
from subscribers.models import Subscriber


class Command(ClockedCommand):
    help = "Explain what a reader got on a day and why, or the reason why nothing came."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="the reader’s address")
        parser.add_argument("date", type=day, metavar="DATE", help="a day in the reader’s zone, e.g. 2026-05-04")

    def run(self, **options: Any) -> None:
        for line in explanation.explain(reader_of(options["email"]), options["date"]):
            self.stdout.write(line)


def reader_of(email: str) -> Subscriber:
    try:
        return Subscriber.objects.get(canonical=canonical_address(email))
    except AddressError as exc:
        raise CommandError(str(exc)) from exc
    except Subscriber.DoesNotExist as exc:
        raise CommandError(f"Nobody is subscribed as {email}.") from exc
