from typing import Any

from django.core.management.base import BaseCommand

from digests.sending import switch
from newsletter.clocked_command import operator


class Command(BaseCommand):
    help = "Resume sending digests after a pause."

    def handle(self, *args: Any, **options: Any) -> None:
        if not switch.resume(operator()):
            self.stdout.write("Sending was not paused.")
        else:
            self.stdout.write("Resumed. What waits and is still of its hour leaves within half a minute.")
        if switch.is_held():
            self.stdout.write("Nothing is sent all the same: this database may be a copy. See `manage.py check`.")
