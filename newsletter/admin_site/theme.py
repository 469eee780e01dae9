"""The settings of django-unfold, the admin's theme: colours, sidebar and dashboard."""

from functools import partial
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

from newsletter.accounts import roles

PAGES = (
    ("Issues", "newspaper", "issues_issue"),
    ("Cutoffs", "schedule", "issues_cutoff"),
    ("Papers", "article", "papers_paper"),
    ("Proposals", "lightbulb", "papers_proposal"),
    ("Topics", "sell", "papers_topic"),
    ("Wrong topics", "label_off", "papers_objection"),
    ("Sources", "rss_feed", "papers_source"),
    ("Forecasts", "trending_up", "papers_trainedforecast"),
    ("Subscribers", "group", "subscribers_subscriber"),
    ("Imports", "upload", "subscribers_importrun"),
    ("Deliveries", "outgoing_mail", "digests_delivery"),
    ("Batches", "stacks", "digests_batch"),
    ("Sending", "pause_circle", "digests_sendingswitch"),
    ("Provider events", "webhook", "digests_providerevent"),
    ("Returned mail", "assignment_return", "digests_returnedmail"),
    ("Suppressions", "block", "subscribers_suppression"),
    ("Accounts", "key", "auth_user"),
    ("Audit log", "history", "auditlog_logentry"),
)
ACCENT = {
    "50": "#fdf3f0", "100": "#fae3dc", "200": "#f4c5b8", "300": "#eb9d89", "400": "#e8937d", "500": "#df755a",
    "600": "#b5391f", "700": "#962d17", "800": "#7a2816", "900": "#652516", "950": "#371009",
}  # fmt: skip


def unfold(publication: str) -> dict[str, Any]:
    """Return the settings of django-unfold for a publication of this name.

    Unfold takes callbacks as dotted paths. So `digests` serves the dashboard without an import from below.
    """
    return {
        "SITE_TITLE": publication,
        "SITE_HEADER": publication,
        "SITE_URL": "/",
        "SITE_SYMBOL": "newspaper",
        "STYLES": [lambda request: static("admin-plain.css")],
        "SIDEBAR": {"navigation": [{"items": [item(*page) for page in PAGES]}]},
        "SHOW_HISTORY": True,
        "ACCOUNT": {
            "navigation": [
                {"title": "Change password", "link": reverse_lazy("admin:password_change")},
                {"title": "Second factor", "link": reverse_lazy("second_factor_set_up")},
            ]
        },
        "ENVIRONMENT": "digests.admin.sending_switch.sending_label",
        "DASHBOARD_CALLBACK": "digests.admin.dashboard.dashboard",
        "COLORS": {"primary": ACCENT},
    }


def item(title: str, icon: str, model: str) -> dict[str, Any]:
    """Return a sidebar item for `model` ("app_model"), shown only to users who may view it."""
    link = reverse_lazy(f"admin:{model}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": partial(roles.may_view, model)}
