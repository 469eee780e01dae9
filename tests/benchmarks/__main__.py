"""Run the benchmarks: one JSON object a line on standard output, everything else on standard error.

Each runs in a process and a database of its own, on servers that are thrown away afterwards. A target that is
missed says `"ok": false` and is no failure; a benchmark that breaks off is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.db import connection

from newsletter.runtime import embedded_servers
from tests.benchmarks import registry

# As in production, where no query is kept for a page of errors. Recorded feeds come from loopback, and no pause is due
# to ourselves.
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "newsletter.settings",
    "DEBUG": "0",
    "SECRET_KEY": "a-key-for-benchmarks-only-" + "0" * 40,
    "ALLOWED_HOSTS": "localhost",
    "SITE_URL": "http://localhost",
    "EMAIL_PROVIDER": "mailbox",
    "FROM_EMAIL": "Paper Round <papers@paper-round.invalid>",
    "POSTAL_ADDRESS": "1 Example Street, Exampleton",
    "FEED_ALLOW_LOOPBACK": "1",
    "ARXIV_PAUSE_SECONDS": "0",
    "LOG_LEVEL": "WARNING",
}


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="paper-round-bench-") as folder, servers(Path(folder)):
        django.setup()
        known = registry.benches()
        if options.only and options.only not in known:
            print(f"There is no benchmark “{options.only}”. There are: {', '.join(known)}.", file=sys.stderr)
            return 2
        with migrated_database():
            codes = [run(bench, options.scale) for bench in known.values() if options.only in ("", bench.name)]
    return int(any(codes))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME", help="run this one benchmark")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the full size to measure at")
    return parser.parse_args()


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    """Keep PostgreSQL and Redis running and named in the environment; where it names others, those are used."""
    with embedded_servers.keep_running(folder, os.environ.copy(), scratch=True):
        os.environ.setdefault("DATABASE_URL", embedded_servers.database_url(folder))
        os.environ.setdefault("REDIS_URL", embedded_servers.redis_url(folder))
        os.environ.update(ENVIRONMENT, VAR_DIR=str(folder))
        yield


@contextmanager
def migrated_database() -> Iterator[None]:
    """Make a database that each benchmark gets a copy of; the one the environment names is not touched."""
    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    yield
    connection.creation.destroy_test_db(name, verbosity=0)


def run(bench: registry.Bench, scale: float) -> int:
    """Run one benchmark in a process of its own, so that its memory is; return the process's exit status."""
    if not bench.can_run:
        print(f"{bench.name}: left out, the recorded papers are not at hand", file=sys.stderr)
        return 0
    connection.creation.clone_test_db(bench.name, verbosity=0)
    name = connection.creation.get_test_db_clone_settings(bench.name)["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    words = [sys.executable, "-m", "tests.benchmarks.child", bench.name, str(scale)]
    code = subprocess.run(words, env=os.environ | {"DATABASE_URL": url}).returncode
    connection.creation.destroy_test_db(suffix=bench.name, verbosity=0)
    if code:
        print(f"{bench.name}: broke off with status {code}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
