"""The product as a person starts it: `manage.py up` in a folder of its own, on a free port, with nothing set."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psutil
from django.conf import settings

from tests.ports import free_port

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
SECONDS = 120  # for a start on a busy machine
# What the tests set for themselves, and a person on a desk does not.
OF_THE_TESTS = {"DATABASE_URL", "REDIS_URL", "DEBUG", "SITE_URL", "DJANGO_SETTINGS_MODULE"}


class Product:
    """A deployment of its own: a folder, a port and a mark on all its processes."""

    def __init__(self, folder: Path) -> None:
        self.mark = uuid4().hex
        self.var_dir = folder / "var"
        self.log = folder / "output.txt"
        self.port = free_port()
        self.first_output = ""
        self.environment = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        # No port that a feed may be asked at: the first run is offline, wherever it is.
        self.environment |= {"PORT": str(self.port), "VAR_DIR": str(self.var_dir), "FEED_PORTS": "1"}
        # A script fills in more forms than people do, and faster.
        self.environment |= {"SIGNUP_MIN_SECONDS": "0", "SIGNUPS_PER_NETWORK": "1000"}
        self.environment |= {"WEBHOOK_FORMER_PROVIDERS": "postmark"}  # one webhook, without its secret
        self.environment |= {"TEST_MARK": self.mark, "PYTHONUNBUFFERED": "1", "WEB_CONCURRENCY": "1"}

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def password(self) -> str:
        """Return the editor's, which stands last in what the first start says."""
        found = re.search(r"^  Password +(\S+)$", self.output(), re.MULTILINE)
        assert found, self.output()
        return found[1]

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product to its end."""
        return subprocess.run(
            [*MANAGE, *words], env=self.environment | environment, capture_output=True, text=True, timeout=SECONDS
        )

    def up(self) -> "subprocess.Popen[bytes]":
        """Start everything and wait for the greeting, which comes when /healthz answers."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*MANAGE, "up"], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: "  Password " in self.output() or process.poll() is not None, self.output)
        assert process.poll() is None, self.output()
        return process

    def stop(self, process: "subprocess.Popen[bytes]") -> int:
        """Press Ctrl-C, wait until nothing runs any more and return the exit status."""
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(SECONDS)
        wait_until(lambda: not self.processes(), lambda: f"Left running: {self.processes()}")
        return status

    def is_gone(self) -> bool:
        return not self.processes()

    def output(self) -> str:
        return self.log.read_text()

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self.owns(process)]

    def owns(self, process: psutil.Process) -> bool:
        """Say whether a process runs and descends from ours, by its environment or the folder it works in."""
        try:
            is_marked = process.environ().get("TEST_MARK") == self.mark
            return is_marked or Path(process.cwd()).is_relative_to(self.var_dir)
        except psutil.Error:
            return False


def wait_until(fact: Callable[[], bool], explain: Callable[[], str] = lambda: "It did not come true.") -> None:
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)
