"""A copy of the database is started beside the original, in the middle of an issue."""

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from newsletter import clock
from newsletter.runtime import embedded_servers
from tests.chaos import flow
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Ledger, is_finished
from tests.chaos.troubles import SHORT
from tests.outside import faults
from tests.outside.ledger import read
from tests.outside.provider import Provider

SHARE = 0.3  # of the issue that is sent when the copy is made
SECONDS_A_CALL = 0.5
COMMANDS = [("send_due", "--skip-checks"), ("check",), ("reconcile", str(clock.today()), "--skip-checks")]


def run(deployment: Deployment, provider: Provider) -> int:
    """Send an issue and copy the database meanwhile; return 1 unless every reader gets one mail, from the original."""
    chaos = flow.Flow(deployment, provider, SHORT)
    chaos.assemble()
    provider.plan(faults.slow(SECONDS_A_CALL))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paper-round-copy-")))
        stack.enter_context(embedded_servers.keep_running(folder, {}))
        deployment.start()
        end = time.monotonic() + SHORT.most_seconds
        assert flow.wait_for(lambda: chaos.is_out(SHARE), end), deployment.log[-2000:]
        copy_database(embedded_servers.database_url(folder))
        said = [manage(folder, *command) for command in COMMANDS]
    assert flow.wait_for(lambda: when_answering(is_finished), end), deployment.log[-2000:]
    taken = Ledger(read(provider.ledger_path)).taken
    print(*said, sep="\n", flush=True)
    is_tried = re.search(r"\b0 of [1-9]\d* batches are sent", said[0])
    is_told = "it may be a copy" in said[1]
    is_kept = is_tried and is_told and set(taken.values()) == {1} and len(taken) == SHORT.readers
    print(
        f"{len(taken):,} readers were mailed once, by the original.\nEvery promise was kept." if is_kept else "Broken."
    )
    return int(not is_kept)


def copy_database(url: str) -> None:
    """Copy the original into the empty database at `url`, as a backup is restored."""
    dump = subprocess.run(
        [str(embedded_servers._postgres_program("pg_dump")), "--no-owner", os.environ["DATABASE_URL"]],
        check=True,
        capture_output=True,
    )
    psql = [str(embedded_servers._postgres_program("psql")), "--quiet", "--set", "ON_ERROR_STOP=1", url]
    subprocess.run(psql, check=True, input=dump.stdout, stdout=subprocess.DEVNULL)


def manage(folder: Path, *words: str) -> str:
    """Run a command on the copy, with a VAR_DIR and a Redis of its own; return what it said."""
    own = {
        "DATABASE_URL": embedded_servers.database_url(folder),
        "REDIS_URL": embedded_servers.redis_url(folder),
        "VAR_DIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *words], env=os.environ | own, capture_output=True, text=True, timeout=120
    )
    return f"{words[0]}: {done.stdout}{done.stderr}".rstrip()
