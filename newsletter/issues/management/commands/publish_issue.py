from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from newsletter.clocked_command import ClockedCommand, day
from newsletter.issues import publish
from newsletter.issues.models import Issue


class Command(ClockedCommand):
    help = "Publish the draft of a day. Readers receive it from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("date", type=day, metavar="DATE", help="the issue’s day, e.g. 2026-05-04")

    def run(self, **options: Any) -> None:
        issue = Issue.objects.filter(date=options["date"]).first()
        if issue is None:
            raise CommandError(f"There is no issue of {options['date']}. Create it with manage.py draft_issue.")
        try:
            if not publish.publish(issue):
                raise CommandError(f"{issue} is {issue.get_status_display().lower()}. Only a draft can be published.")
        except publish.NothingToPublish as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{issue} is published with {issue.entries.front().kept().count()} papers on its front.")
