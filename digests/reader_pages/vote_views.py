"""The page for voting on one paper. Both the vote link in a digest and a preferences link open it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import votes
from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_pages import open_reader_page, reader_page
from subscribers.tokens import Purpose

OPENED_BY = (Purpose.VOTE, Purpose.PREFERENCES)


@link_session.private
@require_safe
def open_vote(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect from the vote link beside a paper to the page of that paper's vote."""
    entry_id = number_of(request.GET.get("entry", ""))
    return open_reader_page(request, Purpose.VOTE, token, f"{reverse('digests:vote')}?entry={entry_id}", vote)


def refuse(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """Explain how to vote to a visitor without a link; a request for a fragment gets one line."""
    if request.headers.get("HX-Request"):
        return render(request, "digests/_vote_needed.html")
    is_stranger = template == "subscribers/link_needed.html"
    return render(request, "digests/vote_needed.html" if is_stranger else template, status=status)


@reader_page(*OPENED_BY, refuse=refuse)
def vote(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Show whether a reader voted for a paper; on POST, count or withdraw the vote."""
    is_from_digest = tokens.unsign(Purpose.VOTE, token) is not None
    entry = votable(request)
    if entry is None or reader.status != Subscriber.Status.ACTIVE:
        return answer(request, {"entry": entry}, status=404 if entry is None else 200)
    outcome = act(request, entry, reader, from_digest=is_from_digest) if request.method == "POST" else None
    is_full = outcome == votes.VoteResult.TOO_MANY
    is_part = request.headers.get("HX-Request") or link_session.is_without_cookies(request)
    if outcome and not is_full and not is_part:
        return redirect(f"{request.path}?entry={entry.pk}")
    context = context_of(entry, reader) | link_session.form_fields(request, token) | {"is_full": is_full}
    return answer(request, context, status=422 if is_full else 200)


def context_of(entry: IssueEntry, reader: Subscriber) -> dict[str, object]:
    assert entry.paper
    return {
        "entry": entry,
        "may_vote": True,
        "has_voted": votes.has_voted(entry.paper, tokens.reader_key(reader.pk)),
        "most": settings.VOTES_PER_DAY,
    }


def answer(request: HttpRequest, context: dict[str, object], status: int) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "digests/_vote.html", context)
    return render(request, "digests/vote.html", context, status=status)


def act(request: HttpRequest, entry: IssueEntry, reader: Subscriber, *, from_digest: bool) -> votes.VoteResult:
    assert entry.paper
    reader_key = tokens.reader_key(reader.pk)
    if request.POST.get("act") == "take_back":
        votes.take_back(entry.paper, reader_key)
        return votes.VoteResult.KNOWN
    return votes.vote(entry.paper, reader_key, entry.issue.date if from_digest else None)


def votable(request: HttpRequest) -> IssueEntry | None:
    """Return the entry of a published issue that is asked for, where it is a paper's."""
    entry_id = number_of(request.POST.get("entry", "") or request.GET.get("entry", ""))
    entries = IssueEntry.objects.filter(issue__status=Issue.Status.PUBLISHED).exclude(paper=None)
    return entries.select_related("issue", "paper").filter(pk=entry_id).first()


def number_of(text: str) -> int:
    """Return an id, 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
