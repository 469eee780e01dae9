from django.contrib import admin

from digests.admin.issue_statistics import StatisticsPages
from digests.admin.preview_pages import PreviewPages
from digests.admin.publish_pages import PublishPages
from newsletter.issues.models import Issue

admin.site.unregister(Issue)


@admin.register(Issue)
class IssueMailAdmin(StatisticsPages, PreviewPages, PublishPages):
    """The issue's page with all that concerns readers' mail: publishing, previews and statistics."""

    actions_detail = (*PublishPages.actions_detail, "statistics")
    actions_submit_line = ("hold", "release")
