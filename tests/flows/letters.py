"""People who sign up, and the worker that mails them: a process of its own, as `up` runs it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from newsletter import processes


@contextmanager
def letters_worker(environment: Mapping[str, str]) -> Iterator[None]:
    """Run the worker that `up` runs for letters, on this test's database and Redis."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete("letters")  # what other tests queued
    command = processes.workers("letters")["letters"]
    process = subprocess.Popen(command, env={**os.environ, **environment, "DATABASE_URL": database})
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0


def sign_up(email: str, topic: str = "vision") -> None:
    answers = {"email": email, "topics": [topic], "frequency": "daily", "weekday": "0", "send_time": "07:00"}
    answers |= {"timezone": "Europe/Berlin", "max_papers": "10"}
    assert Client(SERVER_NAME="localhost").post("/subscribe/", answers).status_code == 302
