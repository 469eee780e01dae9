from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from newsletter.papers.ingest.fetch import validate_address
from newsletter.papers.models import Source


class Command(BaseCommand):
    help = "Add a source that papers are fetched from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = [kind for kind in Source.Kind if kind not in Source.INSIDE]
        parser.add_argument("kind", choices=kinds, help="what the address serves")
        parser.add_argument("url", help="the feed’s address, e.g. https://rss.arxiv.org/rss/cs.CL")
        parser.add_argument("--name", default="", help="what editors see (default: the address)")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Source(kind=options["kind"], url=options["url"], name=options["name"] or options["url"][:100])
        try:
            source.full_clean()
            validate_address(source.url)
        except ValidationError as exc:
            raise CommandError(f"Nothing was added. {' '.join(exc.messages)}") from exc
        source.save()
        self.stdout.write(f"Added {source}. To fetch it now: manage.py fetch_papers --source {source.pk}")
