from datetime import date

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter.papers.models import RankedDay
from newsletter.papers.trending import ranking

AN_HOUR = 3600  # in seconds, for caches; the ranking never changes, but a paper's title may be corrected


@require_safe
@cache_control(public=True, max_age=AN_HOUR)
@conditional_page
def trending_day(request: HttpRequest, day: str) -> HttpResponse:
    ranked = RankedDay.objects.filter(day=day_or_404(day)).first()
    if ranked is None:
        raise Http404(f"No order of papers was published for {day}.")
    return JsonResponse(ranking.day_document(ranked))


def day_or_404(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise Http404(f"“{text}” is not a date.") from exc
    if day.isoformat() != text:
        raise Http404("Dates are written like 2026-05-04.")
    return day
