import argparse
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from newsletter.accounts import staff_accounts
from newsletter.accounts.roles import ROLES
from newsletter.clocked_command import ClockedCommand, operator


class Command(ClockedCommand):
    help = "Make an account for the admin, with a role, and print its first password. It is kept nowhere else."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what the person logs in with")
        roles = "; ".join(f"{name}: {role.words}" for name, role in ROLES.items())
        parser.add_argument("--role", choices=list(ROLES), required=True, help=roles)
        parser.add_argument("--email", default="", help="receives drafts, test mails and reports of trouble")

    def run(self, **options: Any) -> None:
        name, role, email = options["name"], options["role"], options["email"]
        try:
            User(username=name, email=email, password="none yet").clean_fields()
        except ValidationError as exc:
            raise CommandError(f"No account was made. {' '.join(exc.messages)}") from exc
        staff_accounts.ensure_roles()
        try:
            password = staff_accounts.make_account(operator(), name, role, email)
        except staff_accounts.NameTaken as exc:
            raise CommandError(
                f"There is an account named {name} already, and it was left as it is. "
                f"`manage.py password --user {name}` sets it a new password."
            ) from exc
        self.stdout.write(f"The first password of {name}: {password}")
        self.stderr.write(staff_accounts.describe_login(name), style_func=str)
