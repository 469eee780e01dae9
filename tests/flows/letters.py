"""People who sign up, and the worker that mails them: a process of its own, as `up` runs it."""

import os
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from newsletter.runtime import processes
from subscribers.models import Consent, Letter
from tests.subscribers.signups import answers


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
    """Sign up as a person does, each from a network of one's own."""
    network = zlib.crc32(email.encode()) % 65536
    client = Client(SERVER_NAME="localhost", REMOTE_ADDR=f"10.{network // 256}.{network % 256}.1")
    assert client.post("/subscribe/", answers(topic, email=email)).status_code == 302


def clicks() -> dict[int, datetime]:
    """Return of each confirmation when its reader clicked, by its id."""
    asked = Consent.objects.filter(act=Consent.Act.ASKED).values_list("subscriber_id", "at")
    letters = dict(Letter.objects.values_list("subscriber_id", "pk"))
    return {letters[reader]: at for reader, at in asked}
