"""Write the digests of six readers over ten recorded days into a folder, to be read."""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import django

from tests.benchmarks.__main__ import migrated_database, servers
from tests.benchmarks.recordings import are_at_hand


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.digests_to_read", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var/digests-to-read"), help="where they go")
    folder = parser.parse_args().folder
    if not are_at_hand():
        print("The recorded feeds are not beside the project.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="paper-round-read-") as scratch, servers(Path(scratch)):
        django.setup()
        with migrated_database():
            count = write_all(folder)
    print(f"{count} papers stand in the mails in {folder}/; judge them in papers.csv: right, weak or wrong.")
    return 0


def write_all(folder: Path) -> int:
    """Write all mails and the table of the papers in them; return how many papers there are."""
    from tests.digests_to_read.service import Row, write_digests  # needs Django set up

    folder.mkdir(parents=True, exist_ok=True)
    rows = list(write_digests(folder))
    with (folder / "papers.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    sys.exit(main())
