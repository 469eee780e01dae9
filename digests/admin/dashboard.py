"""The home page of the admin: each block is shown only with its permission."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from digests.admin import dashboard_blocks, mail_setup_page
from digests.monitoring import obstacles

VIEW_SENDING = "digests.view_batch"
# What waits for a person after what keeps digests back and requests to publish, most urgent first: the permission to
# deal with it, and the function that finds it.
ERRANDS: tuple[tuple[str, Callable[[], list[dashboard_blocks.Errand]]], ...] = (
    (mail_setup_page.MAY_CHECK, mail_setup_page.find_unsound_setup),
    ("issues.publish_issue", dashboard_blocks.find_held_issues),
    ("digests.change_delivery", dashboard_blocks.find_uncertain_deliveries),
    ("digests.change_providerevent", dashboard_blocks.find_held_bounces),
    ("papers.change_proposal", dashboard_blocks.find_new_proposals),
    ("papers.change_objection", dashboard_blocks.find_open_objections),
)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the blocks that this user may see to the context of the home page."""
    may = request.user.has_perm
    if may("issues.view_issue"):
        context |= {"today": dashboard_blocks.load_today(), "issues": dashboard_blocks.load_last_issues()}
    if may(VIEW_SENDING):
        context |= sending_context()
    if may("subscribers.view_subscriber"):
        context["readers"] = dashboard_blocks.load_readers()
    if may("papers.view_source"):
        context["sources"] = dashboard_blocks.load_sources()
    return context | {"title": "Today", "errands": errands(request), "may_publish": may("issues.publish_issue")}


def sending_context() -> dict[str, Any]:
    return {"sending": dashboard_blocks.load_sending(), "obstacles": obstacles.find_obstacles()}


def errands(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what waits for this user, as words and the URL of the page to deal with it."""
    may = request.user.has_perm
    found = dashboard_blocks.find_obstacles() if may("digests.view_sendingswitch") else []
    if may("issues.publish_issue"):
        found += dashboard_blocks.find_publish_requests(request.user.pk)
    for permission, find in ERRANDS:
        if may(permission):
            found = [*found, *find()]
    return [(errand.words, reverse(errand.page, args=errand.args) + errand.query) for errand in found]
