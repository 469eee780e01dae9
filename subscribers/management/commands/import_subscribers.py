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
from subscribers.imports.columns import MEANINGS
from subscribers.imports.file_error import FileError
from subscribers.imports.file_header import clean_name
from subscribers.imports.formats import FORMATS
from subscribers.imports.row_outcome import REASONS, RowResult
from subscribers.models import ImportRun

FIXED = ("format", "consent_source", "consent_on")


class Command(ClockedCommand):
    help = (
        "Import readers who agreed elsewhere. They receive papers published from now on, at their chosen hours. "
        "A report of every row is written next to the file. A CSV file may have the columns email, state or status, "
        "topics, frequency, weekday, hour, zone, paused_until, followed_phrases, followed_authors, muted_phrases, "
        "muted_authors, max_papers, minimum_score and detail (title, lines or abstract), as an export of Paper Round "
        "has. Other columns are named; where one may say that readers left, the command stops until --column says "
        "what it means."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--consent-source", required=True, metavar="TEXT", help="where these readers agreed")
        parser.add_argument(
            "--consent-date", type=day, required=True, metavar="DATE", help="the latest date they agreed"
        )
        parser.add_argument("--topics", default="", metavar="SLUGS", help="for readers whose row has none")
        parser.add_argument("--frequency", default="weekdays", choices=sorted({*choice_mapping.FREQUENCIES.values()}))
        parser.add_argument("--weekday", default="monday", choices=choice_mapping.DAYS)
        parser.add_argument("--hour", default="07:00", metavar="HH:MM")
        parser.add_argument("--zone", default="UTC", metavar="ZONE", help="for example Europe/Berlin")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="NAME=MEANING",
            help=(
                "what a column means that may say who must not be mailed: keep (nothing), set or unset (leave out "
                "readers for whom it is set, or is not), state (active, unsubscribed, bounced …); may be repeated"
            ),
        )
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="where to write the report (default: next to FILE)"
        )
        parser.add_argument("--dry-run", action="store_true", help="write only the report")
        parser.add_argument("--resume", action="store_true", help="continue an interrupted import of this file")

    def run(self, **options: Any) -> None:
        try:
            self.import_file(options["file"], options)
        except import_run.UnexplainedColumns as exc:
            raise CommandError(f"{exc} Say what each means with --column NAME=MEANING; see --help.") from exc
        except FileError as exc:
            raise CommandError(str(exc)) from exc

    def import_file(self, path: Path, options: dict[str, Any]) -> None:
        run = self.run_to_continue(new_run(path, options), options)
        report_path = options["report"] or path.with_name(f"{path.name}.report.csv")
        try:
            for _ in import_run.process(run, path, report_path, is_dry=options["dry_run"]):
                self.print_progress(run)
        except import_run.UnexplainedColumns:
            if run.pk and not run.position:
                run.delete()
            raise
        except FileError as exc:
            run.end(run.Status.FAILED, str(exc))
            raise
        if run.position < run.total:
            raise CommandError("Another process has taken over this import.")
        run.end(run.Status.DONE)
        self.print_summary(run, report_path, is_dry=options["dry_run"])

    def run_to_continue(self, run: ImportRun, options: dict[str, Any]) -> ImportRun:
        """Return `run` itself, or with --resume the interrupted run of the same file."""
        stopped = ImportRun.objects.filter(
            file_hash=run.file_hash, is_upload=False, status=ImportRun.Status.WRITING
        ).first()
        if options["dry_run"]:
            return run
        if stopped and not options["resume"]:
            raise CommandError(
                f"An import of this file stopped after {stopped.position:,} rows. Add --resume to continue it."
            )
        if not options["resume"]:
            run.save()
            return run
        if stopped is None:
            raise CommandError("There is no interrupted import of this file. Start it without --resume.")
        if changed := [name for name in FIXED if getattr(run, name) != getattr(stopped, name)]:
            raise CommandError(f"The import began with another {' and '.join(changed)}. Use the same to resume it.")
        stopped.columns["meanings"] = add_answers(stopped.columns.get("meanings", {}), run.columns["meanings"])
        return stopped

    def print_progress(self, run: ImportRun) -> None:
        done = f"{run.position:,} of {run.total:,} rows"
        if sys.stderr.isatty():
            bar = "█" * (run.percent // 4)
            self.stderr.write(f"\r{bar:░<25} {done} ", ending="")
        else:
            self.stderr.write(done)

    def print_summary(self, run: ImportRun, report_path: Path, is_dry: bool) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")
        for note, count in run.notes.items():
            self.stdout.write(f"{count:>12,}  added with the default for {note}")
        if unread := run.columns["unread"]:
            self.stdout.write(f"Columns that were not read: {', '.join(unread)}.")
        for outcome in RowResult:
            if count := run.counts.get(outcome):
                self.stdout.write(f"{count:>12,}  {outcome}: {REASONS[outcome]}")
        self.stdout.write(f"{'Dry run: nothing was imported. ' if is_dry else ''}Report: {report_path}")


def new_run(path: Path, options: dict[str, Any]) -> ImportRun:
    if options["consent_date"] > clock.today():
        raise CommandError("--consent-date is in the future. Readers must have agreed already.")
    return ImportRun(
        name=path.name[:200],
        file_hash=import_run.hash_of(path),
        format=options["format"],
        consent_source=options["consent_source"][:200],
        consent_on=options["consent_date"],
        defaults=import_run.stored_defaults(topics_of(options["topics"]), rhythm_of(options)),
        by=operator(),
        columns={"meanings": meanings_of(options["column"])},
        status=ImportRun.Status.WRITING,
    )


def meanings_of(answers: list[str]) -> dict[str, str]:
    meanings = {}
    for answer in answers:
        name, _, word = answer.rpartition("=")
        if not name or word not in MEANINGS:
            raise CommandError(f"“{answer}” is no answer. Write --column NAME=MEANING, with {', '.join(MEANINGS)}.")
        meanings[clean_name(name)] = word
    return meanings


def add_answers(known: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Return all answers about columns; an answer by which rows were imported already cannot be changed."""
    if changed := [name for name, word in new.items() if known.get(name, word) != word]:
        name = changed[0]
        raise CommandError(f"“{name}” was “{known[name]}” when the import began. Use the same to resume it.")
    return known | new


def topics_of(slugs: str) -> list[int]:
    known = dict(Topic.objects.current().values_list("slug", "pk"))
    wanted = [slug.strip() for slug in slugs.split(",") if slug.strip()]
    if unknown := [slug for slug in wanted if slug not in known]:
        raise CommandError(f"There is no topic “{unknown[0]}”. There are: {', '.join(sorted(known))}.")
    return [known[slug] for slug in wanted]


def rhythm_of(options: dict[str, Any]) -> Rhythm:
    unknown: list[str] = []
    hour = choice_mapping.parse_hour(options["hour"], choice_mapping.SEVEN, unknown)
    zone = choice_mapping.ZONES.get(options["zone"].lower())
    if unknown:
        raise CommandError(f"“{options['hour']}” is not a time. Write it as 07:00.")
    if zone is None:
        raise CommandError(f"There is no time zone “{options['zone']}”. Write it as Europe/Berlin.")
    return Rhythm(options["frequency"], choice_mapping.DAYS[options["weekday"]], hour, zone)
