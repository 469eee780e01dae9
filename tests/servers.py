"""Real PostgreSQL and Redis for the tests, started once by the process that leads them, before the settings load."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from newsletter.runtime import embedded_servers


@pytest.hookimpl(tryfirst=True)  # before pytest-django loads the settings
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        share_out(worker)
    else:
        early_config.add_cleanup(start().close)


def start() -> ExitStack:
    """Start what the environment names no address of, in a folder of its own, and name it there."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="paper-round-tests-"))
        stack.callback(shutil.rmtree, folder)
        stack.enter_context(embedded_servers.keep_running(folder, os.environ.copy(), scratch=True))
        os.environ.setdefault("DATABASE_URL", embedded_servers.database_url(folder))
        os.environ.setdefault("REDIS_URL", embedded_servers.redis_url(folder))
        # The tests see what a trial on a desk shows, and leave its data alone.
        os.environ.update(DEBUG="1", VAR_DIR=str(folder))
        return stack.pop_all()


def share_out(worker: str) -> None:
    """Give a worker of pytest-xdist ("gw3") its own files and its own database of the Redis that all share."""
    folder = Path(os.environ["VAR_DIR"]) / worker
    folder.mkdir()
    number = int(worker.removeprefix("gw")) + 1
    os.environ.update(VAR_DIR=str(folder), REDIS_URL=os.environ["REDIS_URL"].replace("?db=0", f"?db={number}"))
