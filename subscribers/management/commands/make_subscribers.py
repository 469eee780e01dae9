from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from newsletter.clocked_command import ClockedCommand
from subscribers import synthetic_subscribers


class Command(ClockedCommand):
    help = "Add made-up confirmed readers, for a trial of size. Only where DEBUG is on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("count", type=int, metavar="N")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same readers")

    def run(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Made-up readers have no place in production: their mail would bounce.")
        try:
            for made in synthetic_subscribers.make_subscribers(options["count"], options["seed"]):
                self.stderr.write(f"{made:,} of {options['count']:,}")
        except ValueError as exc:
            raise CommandError(str(exc)) from exc
