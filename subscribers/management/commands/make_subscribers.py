from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from newsletter.clocked_command import ClockedCommand
from subscribers import synthetic_subscribers


class Command(ClockedCommand):
    help = "Add made-up active readers for load tests. Requires DEBUG."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("count", type=int, metavar="N")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same readers")

    def run(self, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Refusing to add made-up readers in production: their mail would bounce.")
        try:
            for made in synthetic_subscribers.make_subscribers(options["count"], options["seed"]):
                self.stderr.write(f"{made:,} of {options['count']:,}")
        except ValueError as exc:
            raise CommandError(str(exc)) from exc
