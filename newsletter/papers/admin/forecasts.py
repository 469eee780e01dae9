from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from newsletter.admin_site.large_lists import ListAdmin
from newsletter.papers.forecast import weekly_record
from newsletter.papers.models import TrainedForecast


@admin.register(TrainedForecast)
class TrainedForecastAdmin(ListAdmin):
    """The models that were trained, below what their forecasts have come to."""

    list_display = ("trained_at", "is_in_use", "papers", "voted", "auc", "first40")
    list_display_links = None
    list_before_template = "admin/papers/trainedforecast/weeks.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("arrays")

    @display(description="Papers")
    def papers(self, row: TrainedForecast) -> str:
        return f"{row.facts['papers']:,}"

    @display(description="With votes")
    def voted(self, row: TrainedForecast) -> str:
        return f"{row.facts['voted']:,}"

    @display(description="In order (AUC)")
    def auc(self, row: TrainedForecast) -> str:
        return f"{row.facts['figures']['auc']:.3f}"

    @display(description="Of a day’s first 40, with votes later")
    def first40(self, row: TrainedForecast) -> str:
        return f"{100 * row.facts['figures']['first40']:.1f} %"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"weeks": weekly_record.weeks(), "first": weekly_record.FIRST}
        answer: HttpResponse = super().changelist_view(request, shown | (extra_context or {}))
        return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TrainedForecast | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrainedForecast | None = None) -> bool:
        return False
