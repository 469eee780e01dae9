"""The processes of the running product, started one by one or all together.

Honcho runs them. It takes no classes as arguments, so `Manager` sets three of its private attributes; requirements.txt
pins its version, and the tests of `up` drive each override.
"""

import ctypes
import functools
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import honcho.manager
import honcho.printer
import honcho.process
from django.conf import settings

# After a signal, a call to a provider may run on; SMTP's take longest. In a trial somebody waits at the terminal.
PATIENCE_SECONDS = 55
TRIAL_PATIENCE_SECONDS = 20
PR_SET_PDEATHSIG = 1

STOPPED = re.compile(r"(?P<name>\S+) stopped \(rc=(?P<status>-?\d+)\)")

Command = list[str]


def all_commands() -> dict[str, Command]:
    return web() | workers() | beat()


def web() -> dict[str, Command]:
    return {"web": _python("newsletter.web_server")}


def workers(only: str | None = None) -> dict[str, Command]:
    """Return one worker per queue, or only that of the queue `only`."""
    return {queue: _worker(queue) for queue in settings.WORKER_CONCURRENCY if only in {None, queue}}


def beat() -> dict[str, Command]:
    return {"beat": _celery("beat", "--schedule", str(settings.VAR_DIR / "beat"))}


def replace_process(command: Command) -> None:
    """Replace this process by `command`."""
    os.chdir(settings.BASE_DIR)
    os.execv(command[0], command)


def run_together(commands: dict[str, Command], announce: Callable[[], None]) -> bool:
    """Run `commands` until one ends or a signal comes, then stop them all; `announce` runs beside them.

    Return False when one ended by itself.
    """
    honcho.manager.KILL_WAIT = TRIAL_PATIENCE_SECONDS if settings.DEBUG else PATIENCE_SECONDS
    manager = Manager(announce)
    for name, command in commands.items():
        manager.add_process(name, f"exec {shlex.join(command)}", cwd=str(settings.BASE_DIR))
    # Treat a closed terminal as Ctrl-C.
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        manager.loop()
    finally:
        manager.kill()
    return manager.returncode in {known["rc"] for known in honcho.manager.SIGNALS.values()}


def _worker(queue: str) -> Command:
    return _celery(
        *("worker", "--queues", queue, "--hostname", f"{queue}@%h"),
        *("--concurrency", str(settings.WORKER_CONCURRENCY[queue])),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _python(*words: str) -> Command:
    return [sys.executable, "-m", *words]


def _celery(*words: str) -> Command:
    return _python("celery", "--quiet", "--skip-checks", "-A", "newsletter", *words, "--loglevel", "WARNING")


class Manager(honcho.manager.Manager):  # type: ignore[misc]
    """Honcho's manager, changed to let tasks finish and to leave no process behind."""

    def __init__(self, announce: Callable[[], None]) -> None:
        super().__init__(Printer(sys.stdout))
        self._process_ctor = Process
        self._procmgr = ProcessManager()
        self._announce = announce

    def _start(self) -> None:
        super()._start()
        threading.Thread(target=self._announce, daemon=True).start()

    def terminate(self) -> None:
        """Stop all processes once the last has started: until then its process id is unknown."""
        if self._all_started():
            self._printer.announce_end(honcho.manager.KILL_WAIT)
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()

    def kill(self) -> None:
        """Kill what is left of each process group, also where the leader has ended."""
        self._printer.is_killing = True
        for process in self._processes.values():
            if "pid" in process:
                self._procmgr.kill(process["pid"])


class ProcessManager(honcho.manager.ProcessManager):  # type: ignore[misc]
    def terminate(self, pid: int) -> None:
        """Signal the leader alone: it lets its children finish their tasks."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class Process(honcho.process.Process):  # type: ignore[misc]
    """A command, and the process of ours that reads its output; neither outlives this one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = functools.partial(honcho.process.Popen, preexec_fn=_before_the_command)

    def run(self, *args: Any, **kwargs: Any) -> None:
        # Ctrl-C reaches this process, too, but it has to go on reading.
        for stop in honcho.manager.SIGNALS:
            signal.signal(stop, signal.SIG_IGN)
        end_with_parent(signal.SIGKILL)
        super().run(*args, **kwargs)


class Printer(honcho.printer.Printer):  # type: ignore[misc]
    is_killing = False
    is_ending = False

    def write(self, message: Any) -> None:
        """Print the output of the processes; of the manager's own lines only that a process stopped."""
        if message.name != honcho.manager.SYSTEM_PRINTER_NAME:
            super().write(message)
        elif stopped := STOPPED.match(str(message.data)):
            words = describe_stop(stopped["name"], int(stopped["status"]), was_killed=self.is_killing)
            super().write(message._replace(data=f"{words}\n"))

    def announce_end(self, seconds: float) -> None:
        """Say once that the processes are asked to stop, and how long they may take."""
        if not self.is_ending:
            self.is_ending = True
            self.output.write(f"Stopping. Running work has {seconds:.0f} seconds to finish.\n")
            self.output.flush()


def describe_stop(name: str, status: int, *, was_killed: bool) -> str:
    """Say how a process ended.

    >>> describe_stop("web", 0, was_killed=False)
    'web has stopped'
    """
    if was_killed and status == -signal.SIGKILL:
        return f"{name} took too long and was ended; the next start takes up what it left"
    if status in {0, -signal.SIGTERM, -signal.SIGINT}:
        return f"{name} has stopped"
    by = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"{name} ended {by}"


def _before_the_command() -> None:
    for stop in honcho.manager.SIGNALS:
        signal.signal(stop, signal.SIG_DFL)
    end_with_parent(signal.SIGTERM)


def end_with_parent(by: signal.Signals) -> None:
    """Have the kernel send `by` to this process when its parent dies, in whatever way (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)
