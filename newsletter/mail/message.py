"""Composes a mail from a folder of templates, and hands it to the provider through Anymail."""

import smtplib
import socket
from email.utils import make_msgid, parseaddr
from functools import cache, lru_cache
from typing import Any

import css_inline
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
)
from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.template.loader import render_to_string

from newsletter.mail.provider_answer import (
    SendOutcome,
    outcome_of_api,
    outcome_of_building,
    outcome_of_http,
    outcome_of_smtp,
)


def identity_gap() -> str:
    """Return a sentence naming what the publication must set before it may send mail, or an empty string."""
    missing = []
    if not has_address(settings.DEFAULT_FROM_EMAIL):
        missing.append("FROM_EMAIL")
    if not settings.POSTAL_ADDRESS.strip():
        missing.append("POSTAL_ADDRESS")
    return f"Nothing is mailed without {' and '.join(missing)}." if missing else ""


@lru_cache(maxsize=8)
def has_address(sender: str) -> bool:
    return "@" in parseaddr(sender)[1]


def publication() -> dict[str, Any]:
    """Return the template context that every mail and page shares."""
    return {
        "publication": settings.PUBLICATION_NAME,
        "site_url": settings.SITE_URL,
        "postal_address": settings.POSTAL_ADDRESS,
    }


def compose(
    folder: str, context: dict[str, Any], to: str, *, tag: str, headers: dict[str, str] | None = None
) -> AnymailMessage:
    """Return the mail rendered from a folder of templates: subject.txt, body.txt and body.html."""
    context = publication() | context
    subject = " ".join(render_to_string(f"{folder}/subject.txt", context).split())
    text = render_to_string(f"{folder}/body.txt", context).strip() + "\n"
    html = inline_styles(render_to_string(f"{folder}/body.html", context))
    return build(to, subject, text, html, tag=tag, headers=headers)


def build(
    to: str,
    subject: str,
    text: str,
    html: str,
    *,
    tag: str,
    headers: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> AnymailMessage:
    """Return a message to one address, with the headers that all our mail carries."""
    message = AnymailMessage(
        " ".join(subject.split()),
        text,
        settings.DEFAULT_FROM_EMAIL,
        [to],
        reply_to=[settings.REPLY_TO] if settings.REPLY_TO else None,
        headers={"Auto-Submitted": "auto-generated"} | (headers or {}),
        tags=[tag],
        metadata=metadata or {},
    )
    message.attach_alternative(html, "text/html")
    name_message(message, settings.EMAIL_PROVIDER)
    return message


def name_message(message: AnymailMessage, provider: str) -> None:
    """Set a Message-ID of the publication's domain for SMTP; API providers set their own."""
    message.extra_headers.pop("Message-ID", None)
    if provider == "smtp":
        domain = bare_address(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2]
        message.extra_headers["Message-ID"] = make_msgid(domain=domain)


def return_to(message: AnymailMessage, address: str) -> None:
    """Let bounces of a message sent by SMTP return to `address`; readers still see the publication's own."""
    message.from_email, message.extra_headers["From"] = address, settings.DEFAULT_FROM_EMAIL


@lru_cache(maxsize=8)
def bare_address(sender: str) -> str:
    """Return the address alone, its domain as DNS writes it.

    >>> bare_address("Papers <papers@bücher.example>")
    'papers@xn--bcher-kva.example'
    """
    return str(sanitize_address(parseaddr(sender)[1], "utf-8"))


def hand_over(message: AnymailMessage, connection: BaseEmailBackend | None = None) -> SendOutcome:
    """Hand one message to the provider and return the outcome; no failure of a provider raises."""
    if gap := identity_gap():
        return SendOutcome("refused", reason=gap, code="identity")
    if connection is not None:
        message.connection = connection
    try:
        message.send()
    except AnymailRecipientsRefused:
        return SendOutcome("refused", reason="The provider refuses the address.", code="address", is_permanent=True)
    except AnymailRequestsAPIError as exc:
        return outcome_of_http(exc)
    except AnymailAPIError as exc:
        return outcome_of_api(exc)
    except AnymailError as exc:
        return outcome_of_building(exc)
    except smtplib.SMTPException as exc:
        return outcome_of_smtp(exc)
    except (ConnectionRefusedError, socket.gaierror) as exc:
        return SendOutcome("not_accepted", reason=f"No connection to the mail server: {exc}")
    except OSError as exc:
        return SendOutcome("unknown", reason=f"The connection broke: {exc}")
    return SendOutcome("accepted", provider_id=str(getattr(message.anymail_status, "message_id", "") or ""))


@cache
def inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)


def inline_styles(html: str) -> str:
    """Return `html` with its style sheet inlined into the elements; media queries stay in the style sheet."""
    return str(inliner().inline(html))
