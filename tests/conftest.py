import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
import redis
from django.conf import LazySettings
from django.core import mail
from hypothesis import settings as examples

from newsletter import clock
from newsletter.celery import app
from newsletter.log_redaction import FloodFilter
from tests.factories import MORNING

# How long an example takes says how busy the machine is, and nothing of what is tested.
examples.register_profile("any machine", deadline=None)
examples.register_profile("thorough", deadline=None, max_examples=1000)
examples.load_profile("any machine")
# Where the clock of every test stands; `make nightly` names others than this.
MOMENT = clock.moment(os.environ.get("TEST_MOMENT") or MORNING.isoformat())


@pytest.fixture(autouse=True)
def held_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold the clock before anything else, so that no test knows the hour; the marker `real_clock` lets it run.

    A test that sets the clock itself finds it where `set_clock` begins, in its other fixtures too.
    """
    if request.node.get_closest_marker("real_clock"):
        yield
        return
    with clock.at(MORNING if "set_clock" in request.fixturenames else MOMENT):
        yield


@pytest.fixture(autouse=True)
def provider(settings: LazySettings, tmp_path: Path) -> list[mail.EmailMessage]:
    """Send through Anymail's own test backend, which keeps metadata and lets a test choose the answer."""
    settings.EMAIL_BACKEND = settings.EMAIL_LETTERS_BACKEND = "anymail.backends.test.EmailBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    mail.outbox = []
    return mail.outbox


@pytest.fixture(autouse=True)
def pace() -> None:
    """Let no test wait for what a provider said in another."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        if keys := client.keys("pace:*"):
            client.delete(*keys)


@pytest.fixture(autouse=True)
def lines() -> None:
    """Let no test be silenced by what was logged in another."""
    for known in logging.getLogger("django.request").filters:
        if isinstance(known, FloodFilter):
            known.written.clear()


@pytest.fixture
def set_clock(held_clock: None) -> Iterator[Callable[[datetime], None]]:
    """Hold the clock at a moment, and move it from there; it begins on the morning of 4 May 2026."""
    with ExitStack() as stack:

        def move(moment: datetime) -> None:
            stack.pop_all().close()
            stack.enter_context(clock.at(moment))

        move(MORNING)
        yield move


@pytest.fixture
def worker() -> Iterator[None]:
    """Do what is queued at once, as a worker would in a moment."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
