from collections.abc import Iterator

import pytest

from newsletter.celery import app


@pytest.fixture
def worker() -> Iterator[None]:
    """Do what is queued at once, as a worker would in a moment."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
