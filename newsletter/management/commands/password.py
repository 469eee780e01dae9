import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from newsletter import accounts


class Command(BaseCommand):
    help = "Set a new password for an editor and print it. It is kept nowhere else."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--user", default=accounts.EDITOR, help="the account's name (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        password = accounts.renew_password(name)
        if password is None:
            raise CommandError(
                f"There is no account named {name}. The first `make run` makes “{accounts.EDITOR}”; "
                "`manage.py make_account` makes any other."
            )
        self.stdout.write(f"The new password of {name}: {password}")
        self.stderr.write(accounts.what_login_asks(name), style_func=str)
