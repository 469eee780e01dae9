"""The pages for voting on one paper, and for finding it among a digest's papers.

Both the vote links in a digest and a preferences link open them.
"""

from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from digests.models import Card
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
    """Redirect from a vote link in a digest to the page of one paper's vote, or of the digest's papers."""
    if day := day_of(request.GET.get("issue", "")):
        asked = f"issue={day.isoformat()}"
    else:
        asked = f"entry={number_of(request.GET.get('entry', ''))}"
    return open_reader_page(request, Purpose.VOTE, token, f"{reverse('digests:vote')}?{asked}", vote)


def refuse(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """Explain how to vote to a visitor without a link; a request for a fragment gets one line."""
    if request.headers.get("HX-Request"):
        return render(request, "digests/_vote_needed.html")
    is_stranger = template == "subscribers/link_needed.html"
    return render(request, "digests/vote_needed.html" if is_stranger else template, status=status)


@reader_page(*OPENED_BY, refuse=refuse)
def vote(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Show whether a reader voted for a paper; on POST, count or withdraw the vote.

    With the day of an issue instead of an entry, list the papers of the reader's digest.
    """
    if request.method != "POST" and (day := day_of(request.GET.get("issue", ""))):
        return list_papers(request, reader, day)
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


def list_papers(request: HttpRequest, reader: Subscriber, day: date) -> HttpResponse:
    entries = papers_sent(reader, day)
    return render(request, "digests/vote_list.html", {"entries": entries, "day": day}, status=200 if entries else 404)


def papers_sent(reader: Subscriber, day: date) -> list[IssueEntry]:
    """Return the papers of the reader's last digest with the frame of that day's issue, in the digest's order."""
    sent = reader.deliveries.filter(digest__issue__date=day).select_related("digest").order_by("-slot").first()
    if sent is None or sent.digest is None:
        return []
    cards = Card.objects.filter(entry__issue__status=Issue.Status.PUBLISHED).exclude(entry__paper=None)
    found = cards.select_related("entry").in_bulk(sent.digest.card_ids)
    return [found[pk].entry for pk in sent.digest.card_ids if pk in found]


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


def day_of(text: str) -> date | None:
    """Return a day written as 2026-05-04, None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def number_of(text: str) -> int:
    """Return an id, 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
