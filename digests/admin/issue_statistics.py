"""The statistics of an issue, and the counts of its papers, which take longer and are fetched by their page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.decorators import action

from digests.statistics import issue_counts, number_format, paper_counts
from newsletter import clock
from newsletter.admin_site.page_context import page_context
from newsletter.issues.models import Issue


class StatisticsPages(ModelAdmin):  # type: ignore[misc]
    def has_statistics_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("digests.view_statistics")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.paper_counts)
        return [path("<int:pk>/papers/", view, name="issues_issue_papers"), *super().get_urls()]

    @action(description="Statistics", permissions=["statistics"])
    def statistics(self, request: HttpRequest, object_id: str) -> HttpResponse:
        issue = get_object_or_404(Issue, pk=object_id)
        found = issue_counts.statistics_of(issue)
        title = f"Statistics of the issue of {issue.date:%-d %B %Y}"
        context = page_context(self, request, title, issue=issue, object=issue) | {
            "counted_at": clock.now(),
            "is_closed": found.all.is_closed,
            "lines": number_format.build_lines(found.all),
            "handed_over": number_format.describe_delay(found.handed_over),
            "arrived": number_format.describe_delay(found.arrived),
            "skipped": found.skipped,
            "columns": number_format.COLUMNS,
            "tables": [
                {"caption": "By provider", "head": "Provider", "rows": found.providers},
                {"caption": "By topic of the readers’ choice", "head": "Topic", "rows": found.topics},
            ],
        }
        return TemplateResponse(request, "admin/issues/issue/statistics.html", context)

    def paper_counts(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the table of an issue's papers, as a page or as a part of one."""
        if not self.has_statistics_permission(request):
            raise PermissionDenied
        issue = get_object_or_404(Issue, pk=pk)
        context: dict[str, Any] = {"issue": issue, "papers": paper_counts.figures_of(issue)}
        if request.headers.get("HX-Request"):
            return TemplateResponse(request, "admin/issues/issue/_papers.html", context)
        context |= page_context(self, request, f"Papers of the issue of {issue.date:%-d %B %Y}")
        return TemplateResponse(request, "admin/issues/issue/papers.html", context)
