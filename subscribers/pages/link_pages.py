"""Decorators for pages that a mailed link opens: find the reader or letter of its token, or explain the link."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from subscribers import tokens
from subscribers.models import Letter, Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_session import RefuseView, TokenPage
from subscribers.subscription import link_requests
from subscribers.tokens import Purpose

ReaderView = Callable[[HttpRequest, Subscriber, str], HttpResponse]
LetterView = Callable[[HttpRequest, Letter, str], HttpResponse]


def reader_page(*purposes: Purpose, refuse: RefuseView = link_session.refuse) -> Callable[[ReaderView], TokenPage]:
    """Turn view(request, reader, token) into a page that a reader's link for any of `purposes` opens."""

    def decorate(view: ReaderView) -> TokenPage:
        @link_session.token_page(*purposes, refuse=refuse)
        @wraps(view)
        def page(request: HttpRequest, token: str) -> HttpResponse:
            reader = tokens.read(token, *purposes)
            return explain_link(request, purposes[0], token) if reader is None else view(request, reader, token)

        return page

    return decorate


def letter_page(kind: Letter.Kind) -> Callable[[LetterView], TokenPage]:
    """Turn view(request, letter, token) into a page that the link in a letter of `kind` opens until it is used."""

    def decorate(view: LetterView) -> TokenPage:
        @link_session.token_page(kind)
        @wraps(view)
        def page(request: HttpRequest, token: str) -> HttpResponse:
            letter = link_requests.find_letter(kind, token)
            return letter_over(request) if letter is None else view(request, letter, token)

        return page

    return decorate


def open_reader_page(request: HttpRequest, purpose: Purpose, token: str, to: str, page: TokenPage) -> HttpResponse:
    """Redirect from a reader's link to its `page` at `to` (a path or URL name), whose URL holds no token."""
    if tokens.read(token, purpose) is None:
        return explain_link(request, purpose, token)
    return link_session.open_page(request, purpose, token, to, page.with_token)


def open_letter_page(request: HttpRequest, kind: Letter.Kind, token: str, to: str, page: TokenPage) -> HttpResponse:
    """Redirect from a letter's link to its `page` at `to` (a URL name), whose URL holds no token."""
    if link_requests.find_letter(kind, token) is None:
        return letter_over(request)
    return link_session.open_page(request, kind, token, to, page.with_token)


def explain_link(request: HttpRequest, purpose: Purpose, token: str) -> HttpResponse:
    """Explain why a reader's link does not work: it was cut short, its reader was erased, or it was ended."""
    signed = tokens.unsign_with_epoch(purpose, token)
    if signed is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    is_there = Subscriber.objects.filter(pk=signed[0]).exists()
    return render(request, f"subscribers/link_{'ended' if is_there else 'erased'}.html", status=410)


def letter_over(request: HttpRequest) -> HttpResponse:
    """Explain that a letter's link was used or has expired."""
    return render(request, "subscribers/letter_over.html", status=404)
