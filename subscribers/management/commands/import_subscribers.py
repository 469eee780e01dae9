import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from newsletter import clock
from newsletter.clocked_command import ClockedCommand, day, operator
from newsletter.papers.models import Topic
from subscribers.digest_schedule import Rhythm
from subscribers.imports import choice_mapping, import_run
from subscribers.imports.file_reader import FileError
from subscribers.imports.formats import FORMATS
from subscribers.imports.row_outcome import REASONS, RowResult
from subscribers.models import ImportRun

FIXED = ("format", "consent_source", "consent_on")


class Command(ClockedCommand):
    help = (
        "Import readers who agreed elsewhere. They are mailed at their regular hours, with what is published from now "
        "on. A report of every row is written beside the file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--consent-source", required=True, metavar="TEXT", help="where its readers agreed")
        parser.add_argument("--consent-date", type=day, required=True, metavar="DATE", help="when, at the latest")
        parser.add_argument("--topics", default="", metavar="SLUGS", help="of readers whose row names none")
        parser.add_argument("--frequency", default="weekdays", choices=sorted({*choice_mapping.FREQUENCIES.values()}))
        parser.add_argument("--weekday", default="monday", choices=[w for w in choice_mapping.WEEKDAYS if w.isalpha()])
        parser.add_argument("--hour", default="07:00", metavar="HH:MM")
        parser.add_argument("--zone", default="UTC", metavar="ZONE", help="for example Europe/Berlin")
        parser.add_argument("--report", type=Path, metavar="FILE", help="where else to write the report")
        parser.add_argument("--dry-run", action="store_true", help="write the report, and nothing else")
        parser.add_argument("--resume", action="store_true", help="go on with an import of this file that stopped")

    def run(self, **options: Any) -> None:
        try:
            self.import_file(options["file"], options)
        except FileError as exc:
            raise CommandError(str(exc)) from exc

    def import_file(self, path: Path, options: dict[str, Any]) -> None:
        run = self.begun(new_run(path, options), options)
        report_path = options["report"] or path.with_name(f"{path.name}.report.csv")
        try:
            for _ in import_run.go_through(run, path, report_path, is_dry=options["dry_run"]):
                self.show(run)
        except FileError as exc:
            run.end(run.Status.FAILED, str(exc))
            raise
        if run.position < run.total:
            raise CommandError("Another process goes on with this import: leave it to that one.")
        run.end(run.Status.DONE)
        self.tell(run, report_path, is_dry=options["dry_run"])

    def begun(self, run: ImportRun, options: dict[str, Any]) -> ImportRun:
        """Return the run to go on with: `run` itself, or the one of this file that stopped."""
        stopped = ImportRun.objects.filter(
            file_hash=run.file_hash, is_upload=False, status=ImportRun.Status.WRITING
        ).first()
        if options["dry_run"]:
            return run
        if stopped and not options["resume"]:
            raise CommandError(f"An import of this file stopped after {stopped.position:,} rows. Add --resume.")
        if not options["resume"]:
            run.save()
            return run
        if stopped is None:
            raise CommandError("No import of this file stopped on its way. Start it without --resume.")
        if changed := [name for name in FIXED if getattr(run, name) != getattr(stopped, name)]:
            raise CommandError(f"The import began with another {' and '.join(changed)}. Go on with the same.")
        return stopped

    def show(self, run: ImportRun) -> None:
        done = f"{run.position:,} of {run.total:,} rows"
        if sys.stderr.isatty():
            bar = "█" * (run.percent // 4)
            self.stderr.write(f"\r{bar:░<25} {done} ", ending="")
        else:
            self.stderr.write(done)

    def tell(self, run: ImportRun, report_path: Path, is_dry: bool) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")
        for outcome in RowResult:
            if count := run.counts.get(outcome):
                self.stdout.write(f"{count:>12,}  {outcome}: {REASONS[outcome]}")
        self.stdout.write(f"{'A dry run: nothing is imported. ' if is_dry else ''}Each row: {report_path}")


def new_run(path: Path, options: dict[str, Any]) -> ImportRun:
    if options["consent_date"] > clock.today():
        raise CommandError("--consent-date lies ahead: nobody has agreed yet.")
    return ImportRun(
        name=path.name[:200],
        file_hash=import_run.hash_of(path),
        format=options["format"],
        consent_source=options["consent_source"][:200],
        consent_on=options["consent_date"],
        defaults=import_run.stored_defaults(topics_of(options["topics"]), rhythm_of(options)),
        by=operator(),
        status=ImportRun.Status.WRITING,
    )


def topics_of(slugs: str) -> list[int]:
    known = dict(Topic.objects.current().values_list("slug", "pk"))
    wanted = [slug.strip() for slug in slugs.split(",") if slug.strip()]
    if unknown := [slug for slug in wanted if slug not in known]:
        raise CommandError(f"There is no topic “{unknown[0]}”. There are: {', '.join(sorted(known))}.")
    return [known[slug] for slug in wanted]


def rhythm_of(options: dict[str, Any]) -> Rhythm:
    unknown: list[str] = []
    hour = choice_mapping.hour_of(options["hour"], choice_mapping.SEVEN, unknown)
    zone = choice_mapping.ZONES.get(options["zone"].lower())
    if unknown:
        raise CommandError(f"“{options['hour']}” is no hour. Write it as 07:00.")
    if zone is None:
        raise CommandError(f"There is no zone “{options['zone']}”. Write it as Europe/Berlin.")
    return Rhythm(options["frequency"], choice_mapping.WEEKDAYS[options["weekday"]], hour, zone)
