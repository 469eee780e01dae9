"""Links in mails, followed as a browser does it: to their page, and to the button on it."""

import re
from collections.abc import Mapping
from typing import Any

from django.test import Client


def follow(client: Client, link: str) -> Any:
    """Open a link and return the page it leads to, which must have no token in its address."""
    answer = client.get(link)
    while answer.status_code == 302 and answer["Location"].startswith(link):  # to see whether cookies are kept
        answer = client.get(answer["Location"])
    assert answer.status_code == 302, answer.content.decode()[:300]
    assert answer["Location"].count("/") == 2
    return client.get(answer["Location"])


def mark(page: Any) -> str:
    """Return the mark that the forms of a page carry."""
    found = re.search(r'name="mark" value="([^"]+)"', page.content.decode())
    assert found, "the page has no form of its own"
    return found[1]


def press(client: Client, link: str, typed: Mapping[str, Any] | None = None, *, at: str = "") -> Any:
    """Open a link and post the form of its page, there or at another address."""
    page = follow(client, link)
    return client.post(at or page.wsgi_request.path, {"mark": mark(page), **(typed or {})})
