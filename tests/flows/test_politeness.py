"""What the sources see of us."""

import itertools
import json
import os
import subprocess
import sys
import urllib.request
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from newsletter.papers.models import Paper, Source
from tests.flows.replay import SERVER, replaying

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.flow,
    pytest.mark.skipif(not SERVER.is_file(), reason="the recorded feeds are not at hand"),
]
CATEGORIES = ("cs.CL", "cs.CV", "cs.RO", "cs.LG")


def worker(source: Source) -> "subprocess.Popen[bytes]":
    """Start a process of its own that fetches one source, as a worker does."""
    values = connection.settings_dict
    database = f"postgres://{quote(values['USER'])}@{quote(values['HOST'], safe='')}:{values['PORT']}/{values['NAME']}"
    environment = os.environ | {"DATABASE_URL": database, "FEED_ALLOW_LOOPBACK": "1", "DEBUG": "1"}
    command = [sys.executable, "manage.py", "fetch_papers", "--source", str(source.pk), "--now", "2026-05-04T06:00"]
    return subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL)


def test_two_workers_leave_arxiv_three_seconds_between_two_calls() -> None:
    with replaying("2026-05-04") as replay:
        sources = [
            Source.objects.create(name=category, kind=Source.Kind.ARXIV, url=f"{replay.url}/rss/{category}")
            for category in CATEGORIES
        ]
        for pair in (sources[:2], sources[2:]):
            for process in [worker(source) for source in pair]:
                assert process.wait(timeout=120) == 0
        with urllib.request.urlopen(f"{replay.url}/requests", timeout=10) as answer:
            requests = [request for request in json.load(answer) if request["path"].startswith("/rss/")]
    times = sorted(request["at"] for request in requests)
    assert len(times) == len(CATEGORIES)
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 3.0
    assert Paper.objects.count() > 50
