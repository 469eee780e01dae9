"""What a process of the web server does before it listens, so that no client waits for imports."""

import gc
import io
import logging
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections
from django.urls import reverse

log = logging.getLogger(__name__)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Any]


def warm_up(app: Wsgi) -> None:
    """Import the webhooks and ask for a few pages; a page that fails is logged, and the others are served."""
    import_module("anymail.urls")
    for path in map(reverse, ("admin:login", "subscribers:subscribe", "issues:home")):
        try:
            list(app(request(path), lambda *_: None))
        except Exception:
            log.exception("The page %s fails", path)
    connections.close_all()
    gc.collect()
    gc.freeze()  # so that collections do not look at all that was imported, again and again


def request(path: str) -> dict[str, Any]:
    """Return the environment of a GET request for `path`, as a browser of the site makes it."""
    site = urlsplit(settings.SITE_URL)
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": site.hostname,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": site.netloc,
        "HTTP_X_FORWARDED_PROTO": site.scheme,
        "wsgi.url_scheme": site.scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
