"""How many readers a second can leave by one click."""

import io
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from newsletter.celery import app
from newsletter.papers.topics.tagging import load_topics
from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.synthetic_subscribers import make_subscribers
from tests.benchmarks.registry import Figure, bench, shown

READERS = 3_000
BODY = b"List-Unsubscribe=One-Click"


@bench("unsubscribe", unit="requests/s", target=300)
def one_click(scale: float) -> Figure:
    """Post to the links of readers, each once, through the whole application in this one process, without Redis."""
    settings.REDIS_URL = app.conf.broker_url = "redis://127.0.0.1:1/0"
    load_topics()
    count = max(20, round(READERS * scale))
    for _ in make_subscribers(count):
        pass
    paths = [f"/unsubscribe/{tokens.sign(tokens.Purpose.UNSUBSCRIBE, pk)}/" for pk in ids()]
    application = get_wsgi_application()
    post(application, paths[0])  # what is set up once
    started, before = time.perf_counter(), time.process_time()
    for path in shown(paths[1:], "posts", count - 1):
        assert post(application, path) == "200 OK"
    seconds, busy = time.perf_counter() - started, time.process_time() - before
    assert not Subscriber.objects.active().exists()
    return Figure(
        (count - 1) / seconds,
        f"{count:,} readers, one process and one thread, Redis down, each leaves for the first time; "
        f"processor time {1000 * busy / (count - 1):.1f} ms each",
    )


def ids() -> Iterator[int]:
    return Subscriber.objects.order_by("pk").values_list("pk", flat=True).iterator()


def post(application: Any, path: str) -> str:
    """Post as a mail client does, and return the answer's status."""
    answered = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(BODY),
    }
    answer = application(environ, lambda status, headers: answered.append(status))
    b"".join(answer)
    answer.close()
    return str(answered[0])
