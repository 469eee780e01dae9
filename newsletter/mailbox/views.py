from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from newsletter.mailbox import store

SHOWN_MAIL = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [SELF]}


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "mailbox/inbox.html", {"mails": store.newest()})


@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "mailbox/mail.html", {"mail": find_or_404(name)})


@require_safe
@xframe_options_sameorigin
@csp(SHOWN_MAIL)  # type: ignore[arg-type]
def html_part(request: HttpRequest, name: str) -> HttpResponse:
    # A link in the frame opens in the whole window.
    html = find_or_404(name).html.replace("<head>", '<head><base target="_top">', 1)
    return HttpResponse(html)


def find_or_404(name: str) -> store.KeptMail:
    if (found := store.find(name)) is None:
        raise Http404("There is no such mail in the mailbox.")
    return found
