"""What a person reads once everything runs."""

import http.client
import socket
import time
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from newsletter.accounts import EDITOR

ANSWER_SECONDS = 120
POLL_SECONDS = 0.1
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def text(password: str | None) -> str:
    """Return the addresses to open and the editor's name and password; None is one that is known already."""
    lines = ["", f"{settings.PUBLICATION_NAME} is running. Ctrl-C stops it.", ""]
    pages = {"Home": "/", "Mailbox": "/mailbox/", "Admin": reverse("admin:index")}
    if not settings.DEBUG:
        del pages["Mailbox"]
    for base in addresses():
        lines += [f"  {title:<9}{base}{path}" for title, path in pages.items()]
    secret = password or "the one you have; `make password` sets a new one"
    return "\n".join([*lines, "", f"  Name     {EDITOR}", f"  Password {secret}", ""])


def addresses() -> list[str]:
    """Return where the site is found: its own address and, if every network may ask, this machine's."""
    found = [settings.SITE_URL]
    if settings.HOST in EVERYWHERE and (address := own_address()):
        found.append(f"http://{address}:{settings.PORT}")
    return found


def own_address() -> str | None:
    """Return this machine's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for examples
        except OSError:
            return None
        return str(probe.getsockname()[0])


def web_answers() -> bool:
    """Wait until /healthz answers; return False when it has not for ANSWER_SECONDS."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if is_healthy():
            return True
        time.sleep(POLL_SECONDS)
    return False


def is_healthy() -> bool:
    host = EVERYWHERE.get(settings.HOST, settings.HOST)
    ask = http.client.HTTPConnection(host, settings.PORT, timeout=5)
    try:
        # Its public name: others are refused.
        ask.request("GET", "/healthz", headers={"Host": urlsplit(settings.SITE_URL).netloc})
        return ask.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        ask.close()
