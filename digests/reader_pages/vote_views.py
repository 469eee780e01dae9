"""The pages for voting on one paper or calling its topic wrong, and for finding it among a digest's papers.

Both the vote links in a digest and a preferences link open them.
"""

from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from digests.models import Card
from digests.reader_pages import wrong_topics
from newsletter.issues.models import Issue, IssueEntry
from newsletter.number_text import parse_row_id
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
    if day := parse_date(request.GET.get("issue", "")):
        query = f"issue={day.isoformat()}"
    else:
        query = f"entry={parse_row_id(request.GET.get('entry', '')) or 0}"
    return open_reader_page(request, Purpose.VOTE, token, f"{reverse('digests:vote')}?{query}", vote)


def explain_voting(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """Explain how to vote to a visitor without a link; a request for a fragment gets one line."""
    if request.headers.get("HX-Request"):
        return render(request, "digests/_vote_needed.html")
    is_stranger = template == "subscribers/link_needed.html"
    return render(request, "digests/vote_needed.html" if is_stranger else template, status=status)


@reader_page(*OPENED_BY, refuse=explain_voting)
def vote(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Show whether a reader voted for a paper and which topic is wrong; on POST, record it or take it back.

    With the day of an issue instead of an entry, list the papers of the reader's digest.
    """
    if request.method != "POST" and (day := parse_date(request.GET.get("issue", ""))):
        return papers_response(request, reader, day)
    is_from_digest = tokens.unsign(Purpose.VOTE, token) is not None
    entry = votable_entry(request)
    if entry is None or reader.status != Subscriber.Status.ACTIVE:
        return vote_response(request, {"entry": entry}, status=404 if entry is None else 200)
    outcome = record_act(request, entry, reader, from_digest=is_from_digest) if request.method == "POST" else None
    is_full = outcome == votes.VoteResult.TOO_MANY
    is_part = request.headers.get("HX-Request") or link_session.is_without_cookies(request)
    if outcome and not is_full and not is_part:
        return redirect(f"{request.path}?entry={entry.pk}")
    context = vote_context(entry, reader) | link_session.form_fields(request, token) | {"is_full": is_full}
    return vote_response(request, context, status=422 if is_full else 200)


def papers_response(request: HttpRequest, reader: Subscriber, day: date) -> HttpResponse:
    entries = entries_sent(reader, day)
    return render(request, "digests/vote_list.html", {"entries": entries, "day": day}, status=200 if entries else 404)


def entries_sent(reader: Subscriber, day: date) -> list[IssueEntry]:
    """Return the papers, in order, of the reader's latest digest of the issue of `day`."""
    sent = reader.deliveries.filter(digest__issue__date=day).select_related("digest").order_by("-slot").first()
    if sent is None or sent.digest is None:
        return []
    cards = Card.objects.filter(entry__issue__status=Issue.Status.PUBLISHED).exclude(entry__paper=None)
    found = cards.select_related("entry").in_bulk(sent.digest.card_ids)
    return [found[pk].entry for pk in sent.digest.card_ids if pk in found]


def vote_context(entry: IssueEntry, reader: Subscriber) -> dict[str, object]:
    assert entry.paper
    return {
        "entry": entry,
        "may_vote": True,
        "has_voted": votes.has_voted(entry.paper, tokens.reader_key(reader.pk)),
        "most": settings.VOTES_PER_DAY,
        "topics": wrong_topics.offered_topics(entry, reader),
    }


def vote_response(request: HttpRequest, context: dict[str, object], status: int) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "digests/_vote.html", context)
    return render(request, "digests/vote.html", context, status=status)


def record_act(request: HttpRequest, entry: IssueEntry, reader: Subscriber, *, from_digest: bool) -> votes.VoteResult:
    """Record what a reader says of a paper or its topic; return what became of a vote."""
    assert entry.paper
    act, reader_key = request.POST.get("act", ""), tokens.reader_key(reader.pk)
    if act in (wrong_topics.WRONG, wrong_topics.RIGHT):
        wrong_topics.record_objection(entry, reader, act, request.POST.get("topic", ""))
        return votes.VoteResult.KNOWN
    if act == "take_back":
        votes.take_back(entry.paper, reader_key)
        return votes.VoteResult.KNOWN
    return votes.vote(entry.paper, reader_key, entry.issue.date if from_digest else None)


def votable_entry(request: HttpRequest) -> IssueEntry | None:
    """Return the requested entry; None unless it holds a paper and its issue is published."""
    entry_id = parse_row_id(request.POST.get("entry", "") or request.GET.get("entry", "")) or 0
    entries = IssueEntry.objects.filter(issue__status=Issue.Status.PUBLISHED).exclude(paper=None)
    return entries.select_related("issue", "paper").filter(pk=entry_id).first()


def parse_date(text: str) -> date | None:
    """Return the date that `text` holds in ISO format; None if it holds none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
