from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from newsletter import clock
from newsletter.issues.models import Issue

ARCHIVE = 60  # issues on the archive page


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    issue = Issue.objects.published().select_related("curated_by").order_by("-date").first()
    coming = Issue.objects.open().filter(cutoff_at__gt=clock.now()).order_by("date").first()
    context = page_of(issue) | {"is_home": True, "today": clock.today(), "coming": coming}
    return render(request, "issues/issue.html", context)


@require_safe
def issue(request: HttpRequest, day: date) -> HttpResponse:
    shown = Issue.objects.published().select_related("curated_by").filter(date=day).first()
    if shown is None and Issue.objects.filter(status=Issue.Status.WITHDRAWN, date=day).exists():
        return render(request, "issues/withdrawn.html", {"day": day}, status=410)
    if shown is None:
        raise Http404(f"There is no issue of {day}.")
    return render(request, "issues/issue.html", page_of(shown))


@require_safe
def archive(request: HttpRequest) -> HttpResponse:
    issues = Issue.objects.published().with_lead().order_by("-date")[:ARCHIVE]
    return render(request, "issues/archive.html", {"issues": issues})


def page_of(issue: Issue | None) -> dict[str, object]:
    if issue is None:
        return {"issue": None}
    published = Issue.objects.published()
    return {
        "issue": issue,
        **front_of(issue),
        "previous": published.filter(date__lt=issue.date).order_by("-date").first(),
        "next": published.filter(date__gt=issue.date).order_by("date").first(),
    }


def front_of(issue: Issue) -> dict[str, object]:
    """Return the kept front entries in order, with `rank` (0 for free items), and the number of papers."""
    entries, rank = list(issue.entries.front().kept().order_by("position")), 0
    for entry in entries:
        rank += not entry.is_free
        entry.rank = 0 if entry.is_free else rank  # type: ignore[attr-defined]
    return {"entries": entries, "paper_count": rank}
