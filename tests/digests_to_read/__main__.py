"""Write the digests of six readers over ten recorded days into a folder, to be read."""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import django

from tests.benchmarks.__main__ import migrated_database, servers
from tests.benchmarks.recordings import are_at_hand

LAST = "9999-12-31"  # later than any recorded day


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.digests_to_read", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var/digests-to-read"), help="where they go")
    parser.add_argument("--until", default=LAST, metavar="DAY", help="the last of the ten days; by default the newest")
    options = parser.parse_args()
    if not are_at_hand():
        print("The recorded feeds are not beside the project.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="paper-round-read-") as scratch, servers(Path(scratch)):
        django.setup()
        with migrated_database():
            count = write_all(options.folder, options.until)
    print(f"{count} papers stand in the mails in {options.folder}/; judge them in papers.csv: right, weak or wrong.")
    return 0


def write_all(folder: Path, until: str) -> int:
    """Write all mails and the table of the papers in them; return how many papers there are."""
    from tests.digests_to_read.service import Row, write_digests  # needs Django set up

    folder.mkdir(parents=True, exist_ok=True)
    rows = list(write_digests(folder, until))
    with (folder / "papers.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    sys.exit(main())
