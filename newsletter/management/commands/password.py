import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter.accounts import staff_accounts


class Command(BaseCommand):
    help = "Set a new password for an editor and print it. It is stored only as a hash."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--user", default=staff_accounts.EDITOR, help="the account's name (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        password = staff_accounts.renew_password(name)
        if password is None:
            raise CommandError(
                f"There is no account named {name}. The first `make run` makes “{staff_accounts.EDITOR}”; "
                "`manage.py make_account` makes any other."
            )
        self.stdout.write(f"The new password of {name}: {password}")
        self.stderr.write(staff_accounts.describe_login(name), style_func=str)
