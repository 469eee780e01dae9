from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from subscribers import csv_export


class Command(BaseCommand):
    help = "Export all readers with their preferences and consents as CSV, which import_subscribers can read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="“-” for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if str(path) == "-":
            for part in csv_export.lines():
                self.stdout.write(part, ending="")
            return
        try:
            # The file holds addresses, so only its owner may read it.
            path.touch(mode=0o600, exist_ok=False)
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(csv_export.lines())
        except FileExistsError as exc:
            raise CommandError(f"{path} already exists. Choose another name, or move that file.") from exc
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc
