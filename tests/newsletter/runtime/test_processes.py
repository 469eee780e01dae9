import io
import signal

import pytest

from newsletter.runtime.processes import Printer, describe_stop


@pytest.mark.parametrize(
    ("status", "was_killed", "words"),
    [
        (0, False, "digests has stopped"),
        (-signal.SIGTERM, False, "digests has stopped"),
        (-signal.SIGKILL, True, "digests took too long and was ended; the next start takes up what it left"),
        (-signal.SIGKILL, False, "digests ended by signal 9"),
        (1, False, "digests ended with status 1"),
        (1, True, "digests ended with status 1"),
    ],
)
def test_the_end_of_a_process_is_described_in_words(status: int, was_killed: bool, words: str) -> None:
    assert describe_stop("digests", status, was_killed=was_killed) == words


def test_stopping_is_announced_once_with_the_time_it_may_take() -> None:
    shown = io.StringIO()
    printer = Printer(shown)
    printer.announce_end(20)
    printer.announce_end(20)
    assert shown.getvalue() == "Stopping. Running work has 20 seconds to finish.\n"
