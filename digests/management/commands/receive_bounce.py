import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from digests.returned_mail import forwarding
from digests.returned_mail.intake import Intake, take_in

TRY_LATER = 75  # EX_TEMPFAIL: the mail server keeps the mail and tries again
RECIPIENT_VARIABLES = ("ORIGINAL_RECIPIENT", "RECIPIENT")  # set by Postfix


class Command(BaseCommand):
    help = "Take in one mail that came back, from standard input: a mail server pipes it here."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--to", default="", help="the address the mail went to, if no header of it says so")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        to = to or next((os.environ[name] for name in RECIPIENT_VARIABLES if os.environ.get(name)), "")
        raw = sys.stdin.buffer.read(forwarding.MOST_BYTES + 1)
        size = len(raw)
        while rest := sys.stdin.buffer.read(1 << 20):  # a server whose mail is not read to its end would call it lost
            size += len(rest)
        try:
            became = take_in(raw[: forwarding.MOST_BYTES], to, size)
        except Exception as exc:  # any other status would have the mail server drop the mail
            self.stderr.write(f"The mail is not taken in: {type(exc).__name__}.")
            sys.exit(TRY_LATER)
        if became is Intake.LATER:
            self.stderr.write("A person wrote this, and nothing can be forwarded now.")
            sys.exit(TRY_LATER)
