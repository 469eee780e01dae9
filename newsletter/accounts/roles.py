"""The three roles of the admin; each is a Django group with these permissions."""

from typing import NamedTuple

from django.http import HttpRequest


class Role(NamedTuple):
    words: str  # what the role is for, as the admin shows it
    permissions: tuple[str, ...]  # "app.codename"


def all_permissions(app: str, *models: str) -> tuple[str, ...]:
    return tuple(f"{app}.{act}_{model}" for model in models for act in ("view", "add", "change", "delete"))


CURATOR = (
    "issues.view_issue", "issues.change_issue",
    "issues.view_issueentry", "issues.add_issueentry", "issues.change_issueentry", "issues.delete_issueentry",
    "papers.view_paper", "papers.change_paper", "papers.view_topic", "papers.change_topic", "papers.add_topic",
    *all_permissions("papers", "papertopic", "refusedtopic"),
    "papers.view_proposal", "papers.change_proposal", "papers.view_objection", "papers.change_objection",
    "papers.view_trainedforecast",
    "issues.view_cutoff",
)  # fmt: skip
EDITOR = (
    *CURATOR,
    "issues.publish_issue", *all_permissions("issues", "cutoff"),
    "digests.view_statistics", "digests.preview_as_reader",
    "digests.view_sendingswitch", "digests.pause_sending",
    "auditlog.view_logentry",
)  # fmt: skip
OPERATOR = (
    "issues.view_issue", "issues.view_issueentry", "papers.view_paper", "papers.view_topic",
    *all_permissions("papers", "source"), "papers.view_trainedforecast",
    "digests.view_statistics",
    "digests.view_sendingswitch", "digests.change_sendingswitch", "digests.pause_sending",
    "digests.view_delivery", "digests.change_delivery", "digests.view_batch",
    "digests.view_providerevent", "digests.change_providerevent", "digests.view_returnedmail",
    "subscribers.view_subscriber", "subscribers.export_subscriber",
    "subscribers.view_consent", "subscribers.view_letter", "subscribers.view_farewell",
    "subscribers.view_suppression", "subscribers.add_suppression", "subscribers.delete_suppression",
    "subscribers.view_liftedsuppression",
    "subscribers.view_importrun", "subscribers.add_importrun", "subscribers.change_importrun",
    "auth.view_user", "auth.add_user", "auth.change_user",
    "auditlog.view_logentry",
)  # fmt: skip
ROLES = {
    "curator": Role(
        "Arranges issues, decides on what readers propose or call wrong, corrects papers and topics.", CURATOR
    ),
    "editor": Role("As a curator; also publishes and withdraws issues, sets cutoffs, and may pause sending.", EDITOR),
    "operator": Role("Looks after sources, sending, readers and accounts; publishes nothing.", OPERATOR),
}


def may_view(model: str, request: HttpRequest) -> bool:
    """Return whether the sidebar shows this user the page of `model`, which is written "app_model"."""
    app, _, name = model.partition("_")
    return any(request.user.has_perm(f"{app}.{act}_{name}") for act in ("view", "change"))
