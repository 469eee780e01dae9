"""The page for proposing a paper. Both the propose link in a digest and a preferences link open it."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.community import proposals
from newsletter.papers.community.proposals import ProposalResult, ProposedLink
from newsletter.papers.models import Paper
from newsletter.papers.models.community import LONGEST_WHY
from newsletter.papers.text.cleaning import clean
from subscribers import tokens
from subscribers.models import Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_pages import open_reader_page, reader_page
from subscribers.tokens import Purpose

OPENED_BY = (Purpose.PROPOSE, Purpose.PREFERENCES)
MOST_SHOWN = 10  # of a reader's earlier proposals


class ProposalForm(forms.Form):
    paper = forms.CharField(
        label="Link to the paper",
        widget=forms.TextInput(attrs={"placeholder": "https://arxiv.org/abs/…", "autocomplete": "off"}),
        error_messages={"required": "Paste the link to the paper."},
    )
    because = forms.CharField(
        label="Why should others read it?",
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": LONGEST_WHY}),
        error_messages={"required": "Say in a sentence why it is worth reading."},
    )

    def clean_paper(self) -> ProposedLink:
        try:
            return proposals.read_link(self.cleaned_data["paper"])
        except proposals.NotAPaperLink as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean_because(self) -> str:
        why = clean(self.cleaned_data["because"])
        if not why:
            raise forms.ValidationError("Say in a sentence why it is worth reading.")
        if len(why) > LONGEST_WHY:
            raise forms.ValidationError(f"These are {len(why)} characters. Say it in {LONGEST_WHY}.")
        return why


@link_session.private
@require_safe
def open_propose(request: HttpRequest, token: str) -> HttpResponse:
    return open_reader_page(request, Purpose.PROPOSE, token, "digests:propose", propose)


@reader_page(*OPENED_BY)
def propose(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Store a reader's proposal, or show what was decided on the paper earlier. Fetches nothing."""
    is_active = reader.status == Subscriber.Status.ACTIVE
    form = ProposalForm(request.POST if request.method == "POST" and is_active else None)
    context: dict[str, Any] = {"form": form, "is_active": is_active} | link_session.form_fields(request, token)
    context["most"] = settings.PROPOSALS_PER_DAY
    reader_key = tokens.reader_key(reader.pk)
    if form.is_valid():
        context |= propose_paper(form.cleaned_data["paper"], form.cleaned_data["because"], reader_key)
        if context["outcome"] != ProposalResult.TOO_MANY:
            context["form"] = ProposalForm()
    context["earlier"] = proposals.proposals_of(reader_key).order_by("-at").select_related("paper")[:MOST_SHOWN]
    return render(request, "digests/propose.html", context, status=422 if form.errors else 200)


def propose_paper(wanted: ProposedLink, why: str, reader_key: str) -> dict[str, Any]:
    """Propose a paper unless it was in an issue; return the outcome as context of the page."""
    context: dict[str, Any] = {"wanted": wanted, "title": wanted.paper.title if wanted.paper else wanted.link}
    if wanted.paper and (issue := issue_with(wanted.paper)):
        return context | {"outcome": "in_issue", "issue": issue}
    outcome = proposals.propose(wanted, why, reader_key)
    return context | {"outcome": outcome.value, "decision": proposals.decision_on(wanted.key)}


def issue_with(paper: Paper) -> Issue | None:
    """Return a published issue that has the paper on its front; None if there is none."""
    fronts = IssueEntry.objects.front().kept().filter(paper=paper, issue__status=Issue.Status.PUBLISHED)
    entry = fronts.select_related("issue").first()
    return entry.issue if entry else None
