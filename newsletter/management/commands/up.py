import argparse
import math
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from newsletter import advisory_locks
from newsletter.accounts import staff_accounts
from newsletter.advisory_locks import Lock
from newsletter.runtime import embedded_servers, first_run, preflight, processes, startup_banner


class Command(BaseCommand):
    help = (
        "Start the product. `up` prepares the database and runs everything; `up web`, `up worker` and `up beat` "
        "run that part alone."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("part", nargs="?", choices=["all", "web", "worker", "beat"], default="all")
        parser.add_argument("--queue", choices=list(settings.WORKER_CONCURRENCY), help="the worker's only queue")

    def handle(self, *args: Any, part: str, queue: str | None, **options: Any) -> None:
        try:
            if part in {"all", "web"}:
                preflight.check_port()
            if part == "all":
                self.run_all()
            else:
                self.run_part(part, queue)
        except KeyboardInterrupt:
            raise CommandError("Stopped before everything ran. Start again whenever you like.") from None

    def run_all(self) -> None:
        with embedded_servers.keep_running(settings.VAR_DIR, os.environ):
            preflight.check_servers()
            password = self.prepare()
            with embedded_servers.restart_when_dead(settings.VAR_DIR, os.environ, self.echo):
                self.run_together(processes.all_commands(), startup_banner.banner(password))

    def run_part(self, part: str, queue: str | None) -> None:
        preflight.check_servers()
        preflight.check_prepared()
        commands = {"web": processes.web, "worker": lambda: processes.workers(queue), "beat": processes.beat}[part]()
        if len(commands) > 1:
            self.run_together(commands)
        else:
            processes.replace_process(*commands.values())

    def prepare(self) -> str | None:
        """Bring the database to this version and fill it the first time; return a new editor's password."""
        # Of two that start at once, one prepares and the other waits.
        with advisory_locks.held(Lock.PREPARATION, wait_seconds=math.inf):
            self.echo("Preparing the database")
            call_command("migrate", interactive=False, verbosity=0)
            staff_accounts.ensure_roles()
            if not settings.DEBUG:
                call_command("collectstatic", interactive=False, verbosity=0)
            if first_run.is_needed():
                first_run.prepare(self.echo)
            # In production a password in the log would be there for good: `manage.py password` makes one.
            password = (
                staff_accounts.renew_password(staff_accounts.EDITOR)
                if staff_accounts.ensure_editor() and settings.DEBUG
                else None
            )
        return password

    def run_together(self, commands: dict[str, processes.Command], greeting: str = "") -> None:
        connection.close()
        self.echo(f"Starting {', '.join(commands)}")
        if not processes.run_together(commands, lambda: self.greet(greeting)):
            raise CommandError("A part ended by itself, as said above, so the others were stopped.")

    def greet(self, greeting: str) -> None:
        if greeting and startup_banner.wait_for_web(self.echo):
            self.echo(greeting)

    def echo(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
