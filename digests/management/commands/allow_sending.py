from typing import Any

from django.core.management.base import BaseCommand

from digests.sending import switch
from newsletter.clocked_command import operator


class Command(BaseCommand):
    help = "Allow sending digests from a database that may be a copy or a restored backup."

    def handle(self, *args: Any, **options: Any) -> None:
        if not switch.allow(operator()):
            self.stdout.write("Nothing holds this database; there is nothing to allow.")
            return
        self.stdout.write(
            "Allowed. Digests leave from this database again. Readers who were served after the copy was made, and "
            "whose hour is less than twelve hours ago, may get one digest twice."
        )
        if switch.is_paused():
            self.stdout.write("Sending is paused besides: `manage.py resume_sending` goes on.")
