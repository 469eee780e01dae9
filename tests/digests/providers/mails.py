"""Digests and readers for the providers' tests, and a provider of ours that sends to a server on loopback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from django.conf import LazySettings

from digests.providers import Content, Copy, Mail, Provider, provider_of
from tests.outside import provider as outside

LANES = ("mailgun", "brevo", "mailjet", "postmark", "resend", "smtp")
SITE = "https://papers.example.org"
CONTENT = Content(
    1,
    "Trending papers",
    ('<p>100 % <b>für</b> alle</p>\n<a href="', "view_url", '">View</a>\n<a href="', "unsubscribe_url", '">Off</a>\n'),
    ("100 % für alle\n", "view_url", "\nUnsubscribe: ", "unsubscribe_url", "\n"),
    {
        "List-Id": "Paper Round <papers.example.org>",
        "Feedback-ID": "20260504:digest:example.org",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
)


def copy_of(number: int, to: str = "") -> Copy:
    links = {f"{name}_url": f"{SITE}/{name}/{number}/" for name in ("view", "preferences", "unsubscribe", "pause")}
    return Copy(number, to or f"reader{number}@example.org", links)


def mails(count: int = 1, content: Content = CONTENT) -> list[Mail]:
    return [Mail(content, copy_of(number)) for number in range(1, count + 1)]


def titled(title: str, content: Content = CONTENT) -> Content:
    """Return a digest with a paper's title in subject, HTML and text, as the templates would have it there."""
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    html = (f'<h2 title="{escaped}">{escaped}</h2>{content.html[0]}', *content.html[1:-1], content.html[-1] + escaped)
    text = (f"{title}\n{content.text[0]}{title}", *content.text[1:-1], content.text[-1] + title)
    return replace(content, subject=title, html=html, text=text)


@contextmanager
def sending_to(name: str, settings: LazySettings, **options: object) -> Iterator[tuple[outside.Provider, Provider]]:
    with outside.providing(name, **options) as server:
        for setting, value in server.settings.items():
            setattr(settings, setting, value)
        with provider_of(settings) as ours:
            yield server, ours


def statuses(provider: Provider, which: Sequence[Mail]) -> list[str]:
    return [outcome.status for outcome in provider.submit(which)]
