from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from newsletter.clocked_command import ClockedCommand
from newsletter.papers.ingest import fetch
from newsletter.papers.models import Paper, Source
from newsletter.papers.trending import ranking


class Command(ClockedCommand):
    help = "Fetch the last listing days from the sources now, and score the papers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--source", type=int, metavar="ID", help="fetch only this source")

    def run(self, **options: Any) -> None:
        sources = Source.objects.fetched()
        if options["source"] is not None:
            sources = sources.filter(pk=options["source"])
        if not sources:
            raise CommandError("There is no such active source. manage.py add_source adds one.")
        failed = [source for source in sources if not self.fetch(source)]
        ranking.score_papers()
        self.stdout.write(f"{Paper.objects.count()} papers are stored now.")
        if len(failed) == len(sources):
            raise CommandError("No source answered.")

    def fetch(self, source: Source) -> bool:
        before = Paper.objects.count()
        if fetch.fetch_source(source):
            self.stdout.write(f"{source}: {Paper.objects.count() - before} new papers")
            return True
        self.stderr.write(f"{source}: {source.last_error or 'is being fetched by a worker already'}")
        return False
