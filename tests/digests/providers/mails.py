"""Digests and readers for the providers' tests, and a provider of ours that sends to a server on loopback."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from typing import Any

from django.conf import LazySettings

from digests.providers import Copy, Mail, Provider, SharedBody, provider_of
from tests.outside import provider as outside

LANES = ("mailgun", "brevo", "mailjet", "postmark", "resend", "smtp")
SITE = "https://papers.example.org"
CONTENT = SharedBody(
    1,
    "Trending papers",
    (
        '<p>100 % <b>für</b> alle</p>\n<a href="',
        "view_url",
        '">View</a>\n<a href="',
        "unsubscribe_url",
        '">Off</a>\n<p>',
        "choice_html",
        "</p>\n",
    ),
    ("100 % für alle\n", "view_url", "\nUnsubscribe: ", "unsubscribe_url", "\n", "choice_text", "\n"),
    {
        "List-Id": "Paper Round <papers.example.org>",
        "Feedback-ID": "20260504:digest:example.org",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
)


def copy_of(number: int, to: str = "", choice: str = "R&D, <b>“Agents”</b> and 5 more", **links: str) -> Copy:
    own = {f"{name}_url": f"{SITE}/{name}/{number}/" for name in ("view", "preferences", "unsubscribe", "pause")}
    own |= links
    return Copy(number, to or f"reader{number}@example.org", own, f"message{number}", (("choice", choice),))


def mails(count: int = 1, content: SharedBody = CONTENT) -> list[Mail]:
    return [Mail(content, copy_of(number)) for number in range(1, count + 1)]


def titled(title: str, *, key: int = 1, headers: Mapping[str, str] | None = None) -> SharedBody:
    """Return a digest with a paper's title in subject, HTML and text, as the templates would have it there."""
    safe = escape(title)
    html = (f'<h2 title="{safe}">{safe}</h2>{CONTENT.html[0]}', *CONTENT.html[1:-1], CONTENT.html[-1] + safe)
    text = (f"{title}\n{CONTENT.text[0]}{title}", *CONTENT.text[1:-1], CONTENT.text[-1] + title)
    return replace(CONTENT, key=key, subject=title, html=html, text=text, headers=headers or CONTENT.headers)


@contextmanager
def sending_to(name: str, settings: LazySettings, **options: Any) -> Iterator[tuple[outside.Provider, Provider]]:
    with outside.providing(name, **options) as server:
        for setting, value in server.settings.items():
            setattr(settings, setting, value)
        with provider_of(settings) as ours:
            yield server, ours


def statuses(provider: Provider, which: Sequence[Mail]) -> list[str]:
    return [outcome.status for outcome in provider.submit(which)]
