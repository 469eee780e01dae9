"""The lines that `up` prints once everything runs."""

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.urls import reverse

from newsletter.accounts.staff_accounts import EDITOR

ANSWER_SECONDS = 120
POLL_SECONDS = 0.1
QUIET_SECONDS = 10  # without a word about what is waited for
WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def banner(password: str | None) -> str:
    """Return the URLs to open and the editor's login; `password` is None where the editor has one already."""
    pages = {"Home": "/", "Mailbox": "/mailbox/", "Admin": reverse("admin:index")}
    if not settings.DEBUG:
        del pages["Mailbox"]
    lines = [f"  {title:<10}{settings.SITE_URL}{path}" for title, path in pages.items()]
    # When listening on all interfaces, the machine's own address leads here, too, if it is among the allowed names.
    if settings.HOST in WILDCARD_HOSTS and (address := own_address()):
        if validate_host(address, settings.ALLOWED_HOSTS):
            lines.append(f"  Home also http://{address}:{settings.PORT}/")
        elif settings.DEBUG:
            lines.append(f"  For other machines start it with `HOST={address} make run`")
    known = "the one you have; `make password` sets a new one"
    secret = password or (known if settings.DEBUG else "`manage.py password` sets a new one")
    heading = f"{settings.PUBLICATION_NAME} is running. Ctrl-C stops it."
    return "\n".join(["", heading, "", *lines, "", f"  Name      {EDITOR}", f"  Password  {secret}", ""])


def own_address() -> str | None:
    """Return this machine's address in its network, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for examples
        except OSError:
            return None
        return str(probe.getsockname()[0])


def wait_for_web(say: Callable[[str], None]) -> bool:
    """Wait until /healthz answers, saying now and then what is waited for; return False after ANSWER_SECONDS."""
    begun = said = time.monotonic()
    while (now := time.monotonic()) < begun + ANSWER_SECONDS:
        if is_healthy():
            return True
        if now > said + QUIET_SECONDS:
            say(f"Waiting for the web server, {now - begun:.0f} seconds so far; on a busy machine it takes its time")
            said = now
        time.sleep(POLL_SECONDS)
    say(f"The web server has not answered for {ANSWER_SECONDS} seconds. Its own lines above may say why.")
    return False


def is_healthy() -> bool:
    host = WILDCARD_HOSTS.get(settings.HOST, settings.HOST)
    ask = http.client.HTTPConnection(host, settings.PORT, timeout=5)
    try:
        # ALLOWED_HOSTS refuses any name but the public one.
        ask.request("GET", "/healthz", headers={"Host": urlsplit(settings.SITE_URL).netloc})
        return ask.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        ask.close()
