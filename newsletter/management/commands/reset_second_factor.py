import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError

from newsletter.accounts import second_factor
from newsletter.clocked_command import ClockedCommand, operator


class Command(ClockedCommand):
    help = "Take away the second factor of an account whose phone is lost: the next login sets up another."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="the account's name")

    def run(self, **options: Any) -> None:
        name = options["name"]
        account = User.objects.filter(username=name).first()
        if account is None:
            raise CommandError(f"There is no account named {name}, so nothing was changed.")
        if not second_factor.reset(account, operator()):
            raise CommandError(f"{name} has no second factor: the next login sets one up.")
        self.stdout.write(f"{name} has no second factor any more. The next login sets up another.")
