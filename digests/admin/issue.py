from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from unfold.decorators import action

from digests.admin.paper_counts import PaperCountsPage
from digests.admin.preview_pages import PreviewPages
from digests.admin.publish_pages import PublishPages
from digests.admin.reader import ReaderAdmin as ReaderAdmin
from digests.statistics import issue_counts, number_format
from newsletter import clock
from newsletter.issues.models import Issue

admin.site.unregister(Issue)


@admin.register(Issue)
class IssueMailAdmin(PaperCountsPage, PreviewPages, PublishPages):
    """The issue's page, with what takes readers' mail into account."""

    actions_detail = (*PublishPages.actions_detail, "statistics")
    actions_submit_line = ("hold", "release")

    @action(description="Statistics", permissions=["statistics"])
    def statistics(self, request: HttpRequest, object_id: str) -> HttpResponse:
        issue = get_object_or_404(Issue, pk=object_id)
        found = issue_counts.statistics_of(issue)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statistics of the issue of {issue.date:%-d %B %Y}",
            "opts": self.opts,
            "issue": issue,
            "object": issue,
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
