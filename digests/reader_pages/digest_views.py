from typing import Any

from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from digests.mail import compose
from digests.models import CardsPruned, Delivery
from digests.selection import recent_issues
from digests.selection.choice_effect import Effect, Week, effects, first_effect
from digests.selection.entry_index import Choice
from newsletter.issues.models import Issue, IssueEntry
from subscribers import tokens
from subscribers.models import Preferences, Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_pages import explain_link, reader_page
from subscribers.pages.preference_views import preferences_context, preferences_form
from subscribers.pages.subscribe_forms import AMOUNT, ChoiceForm, PreferencesForm, SubscribeForm

MAIL_CSP = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [NONE]}


@link_session.private
@require_safe
def view(request: HttpRequest, token: str) -> HttpResponse:
    """Show a digest as it was mailed, or say that it is no longer kept.

    Readers share this address, so the page sets no cookie and holds no link that acts for the reader.
    """
    delivery_id = tokens.unsign(tokens.Purpose.VIEW, token)
    if delivery_id is None:
        return explain_link(request, tokens.Purpose.VIEW, token)
    delivery = Delivery.objects.select_related("digest__issue").filter(pk=delivery_id).first()
    if delivery is not None and delivery.subscriber_id is None:
        return render(request, "subscribers/link_erased.html", status=410)
    if delivery is None or delivery.digest is None:
        return digest_not_kept(request)
    try:
        html = compose.compose_shared(delivery.digest)
    except CardsPruned:
        return digest_not_kept(request, delivery.digest.issue)
    return mail_response(request, html)  # type: ignore[call-arg, return-value]  # the decorator's type knows no arguments of a view


@csp(MAIL_CSP)  # type: ignore[arg-type]
def mail_response(request: HttpRequest, html: str) -> HttpResponse:
    return HttpResponse(html)


def digest_not_kept(request: HttpRequest, issue: Issue | None = None) -> HttpResponse:
    """Answer 410 Gone; name the issue while it is published."""
    is_public = issue is not None and issue.status == Issue.Status.PUBLISHED
    return render(request, "digests/gone.html", {"issue": issue if is_public else None}, status=410)


@reader_page(tokens.Purpose.PREFERENCES)
def effect(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Show which recent papers the choices on the form would have selected, as a page or a fragment. Saves nothing."""
    if request.method != "POST":
        return redirect("subscribers:preferences")
    form = preferences_form(reader, request.POST)
    week = recent_effects(form)
    context: dict[str, object] = {"form": form, "week": week, "newest": shown_papers(week.days[0] if week else None)}
    if request.headers.get("HX-Request"):
        return render(request, "digests/_effect.html", context)
    context |= preferences_context(request, reader, form, token)
    return render(request, "digests/effect.html", context, status=422 if form.errors else 200)


@csrf_exempt  # shows public papers, the same to everybody
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest) -> HttpResponse:
    """Show what the choices on the sign-up form would have selected of the latest issue, as a page or a fragment."""
    if request.method != "POST":
        return redirect("subscribers:subscribe")
    form = SubscribeForm(request.POST)
    day = latest_issue_effect(form)
    context: dict[str, object] = {
        "form": form,
        "day": day,
        "newest": shown_papers(day),
        "is_readable": has_valid_choice(form),
    }
    if request.headers.get("HX-Request"):
        return render(request, "digests/_preview.html", context)
    form.errors.pop("email", None)  # a preview needs no address
    return render(request, "digests/preview.html", context, status=422 if form.errors else 200)


def latest_issue_effect(form: ChoiceForm) -> Effect | None:
    """Return what the form's choice would have selected of the latest issue; None without issue or valid choice."""
    return first_effect(recent_issues.last_days(), choice_from(form)) if has_valid_choice(form) else None


def recent_effects(form: PreferencesForm) -> Week | None:
    """Return what the form's choice would have selected of the recent issues; None without a valid choice."""
    return Week(effects(recent_issues.last_days(), choice_from(form))) if has_valid_choice(form) else None


def shown_papers(day: Effect | None) -> list[dict[str, Any]]:
    """Return what readers see of a day's papers, in their order."""
    rows = IssueEntry.objects.in_bulk([paper.id for paper in day.papers]) if day else {}
    return [row.snapshot for paper in (day.papers if day else ()) if (row := rows.get(paper.id))]


def has_valid_choice(form: ChoiceForm) -> bool:
    return form.is_valid() or not {"topics", *AMOUNT, *Preferences.WORDS} & form.errors.keys()


def choice_from(form: ChoiceForm) -> Choice:
    topics, chosen = form.cleaned_data["topics"], form.choice()
    words = {name: tuple(chosen.get(name, ())) for name in Preferences.WORDS}
    return Choice(
        frozenset(topic.slug for topic in topics),
        max_papers=chosen["max_papers"],
        detail=chosen["detail"],
        minimum_score=chosen.get("minimum_score", 0.0),
        **words,
    )
