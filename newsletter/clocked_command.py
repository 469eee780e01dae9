"""Commands that can run as if at another moment."""

import getpass
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand

from newsletter import clock


class ClockedCommand(BaseCommand):
    """A command with --now, which holds the clock while it runs."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--now", type=moment, metavar="ISO", help="act as at this moment, e.g. 2026-05-04T05:00+00:00"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with clock.at(options["now"] or clock.now()):
            self.run(**options)

    def run(self, **options: Any) -> None:
        raise NotImplementedError


def moment(text: str) -> datetime:
    """Parse a moment for argparse."""
    try:
        return clock.moment(text)
    except ValueError as exc:
        raise ArgumentTypeError(f"“{text}” is not a moment. Write it as 2026-05-04T05:00+00:00.") from exc


def day(text: str) -> date:
    """Parse a day for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ArgumentTypeError(f"“{text}” is not a day. Write it as 2026-05-04.") from exc


def operator() -> str:
    """Return the name of the person who runs a command, for the audit log."""
    try:
        return f"{getpass.getuser()}, on the command line"
    except (KeyError, OSError):  # a container may run as a user without a name
        return "somebody on the command line"
