from argparse import ArgumentParser
from typing import Any

from newsletter.clocked_command import ClockedCommand, day
from newsletter.issues import draft
from newsletter.papers.trending import ranking


class Command(ClockedCommand):
    help = "Create or refresh the draft of a day (default: the next issue)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("date", nargs="?", type=day, metavar="DATE", help="the issue’s day, e.g. 2026-05-04")

    def run(self, **options: Any) -> None:
        ranking.score_papers()
        issue = draft.draft_issue(options["date"]) if options["date"] else draft.draft_next_issue()
        front, shelf = issue.entries.front().kept().count(), issue.entries.filter(shelf="shelf").count()
        self.stdout.write(
            f"{issue} ({issue.get_status_display().lower()}): {front} papers on the front, {shelf} on the shelf."
        )
