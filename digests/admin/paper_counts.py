"""A part of the statistics of an issue that takes longer, and so is fetched by their page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path

from digests.statistics import paper_counts
from newsletter.issues.models import Issue


class PaperCountsPage:
    """Serves the table of an issue's papers, as a page or as a part of one."""

    admin_site: Any
    opts: Any

    def has_statistics_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("digests.view_statistics")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.paper_figures)
        urls: list[Any] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/papers/", view, name="issues_issue_papers"), *urls]

    def paper_figures(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_statistics_permission(request):
            raise PermissionDenied
        issue = get_object_or_404(Issue, pk=pk)
        context: dict[str, Any] = {"issue": issue, "papers": paper_counts.figures_of(issue)}
        if request.headers.get("HX-Request"):
            return TemplateResponse(request, "admin/issues/issue/_papers.html", context)
        title = f"Papers of the issue of {issue.date:%-d %B %Y}"
        context |= {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, "admin/issues/issue/papers.html", context)
