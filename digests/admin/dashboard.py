"""The home of the admin: each block only for those with its permission."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from digests.admin import dashboard_blocks
from digests.sending import switch

SENDING = "digests.view_batch"
# What waits for a person, the most pressing first, and who is asked.
ERRANDS: tuple[tuple[str, Callable[[], list[dashboard_blocks.Errand]]], ...] = (
    ("digests.view_sendingswitch", dashboard_blocks.find_stopped_sending),
    ("issues.publish_issue", dashboard_blocks.find_held_issues),
    ("digests.change_delivery", dashboard_blocks.find_uncertain_deliveries),
    ("digests.change_providerevent", dashboard_blocks.find_held_bounces),
    ("papers.change_proposal", dashboard_blocks.find_new_proposals),
)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the context of the home what its reader may see."""
    may = request.user.has_perm
    if may("issues.view_issue"):
        context |= {"today": dashboard_blocks.load_today(), "issues": dashboard_blocks.load_last_issues()}
    if may(SENDING):
        context |= sending_context()
    if may("subscribers.view_subscriber"):
        context["readers"] = dashboard_blocks.load_readers()
    if may("papers.view_source"):
        context["sources"] = dashboard_blocks.load_sources()
    return context | {"title": "Today", "errands": errands(request), "may_publish": may("issues.publish_issue")}


def sending_context() -> dict[str, Any]:
    return {"sending": dashboard_blocks.load_sending(), "answer": switch.current_permission()}


def errands(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what waits for this editor, in words and with the page to deal with it."""
    may = request.user.has_perm
    found = dashboard_blocks.find_publish_requests(request.user.pk) if may("issues.publish_issue") else []
    for permission, find in ERRANDS:
        if may(permission):
            found = [*found, *find()]
    return [(errand.words, reverse(errand.page, args=errand.args) + errand.query) for errand in found]


class ProgressPage(ModelAdmin):  # type: ignore[misc]
    """Serves the block of the home that refreshes itself while something is sent."""

    def get_urls(self) -> list[URLPattern]:
        page = path("progress/", self.admin_site.admin_view(self.progress), name="digests_batch_progress")
        return [page, *super().get_urls()]

    def progress(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(SENDING):
            raise PermissionDenied
        return TemplateResponse(request, "admin/home/_sending.html", sending_context())
