from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import CommandError

from digests.monitoring import reconciliation
from digests.sending import refusal_brake
from digests.statistics.issue_counts import Counts
from newsletter.clocked_command import ClockedCommand, day
from newsletter.number_text import pluralize


class Command(ClockedCommand):
    help = "Check that every reader who was due on a day is accounted for; report differences and what to look at."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("date", type=day, metavar="DATE", help="a day of UTC, e.g. 2026-05-04")

    def run(self, **options: Any) -> None:
        on: date = options["date"]
        start, end = reconciliation.day_bounds(on)
        runs = reconciliation.count_runs(start, end)
        counts = reconciliation.total_of_runs(runs)
        self.show(on, counts, len(runs))
        differences = [*reconciliation.describe_differences(runs)]
        faults = [*reconciliation.describe_faults(start, end)]
        for line in differences + faults:
            self.stdout.write(line)
        if differences:
            gap = counts.eligible - counts.settled
            raise CommandError(f"The counts of {on} do not close: {gap:+,} of {counts.eligible:,} who were due.")
        if faults:
            raise CommandError(f"The counts of {on} close, and there are rows that should not be: see above.")
        reach = reconciliation.count_reach(start, end)
        self.stdout.write(f"The counts close. {reach.sentence}.")
        if refused := refusal_brake.summarize(start, end):
            self.stdout.write(refused.sentence)
        if not reach.is_enough and not reconciliation.has_unfinished_batches(start, end):
            raise CommandError(f"The counts of {on} close, and only {reach.sentence}: look at “Sending” in the admin.")

    def show(self, on: date, counts: Counts, run_count: int) -> None:
        self.stdout.write(f"{on:%A, %-d %B %Y} (UTC): {pluralize(run_count, 'run')} served readers.")
        for name in ("eligible", "sent", "rejected", "skipped", "uncertain", "abandoned", "planned"):
            self.stdout.write(f"{name:>9} {getattr(counts, name):>12,}")
