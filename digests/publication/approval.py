"""Publishes, holds and withdraws issues for editors. Publishing to many readers needs a second editor's approval."""

from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from digests.models import PublishRequest
from digests.monitoring import notices
from digests.previews.publish_forecast import PublishForecast, forecast_publication
from digests.publication.checklist import ChecklistItem, run_checklist
from newsletter import audit, clock
from newsletter.issues.models import Issue
from newsletter.issues.publish import NothingToPublish
from newsletter.issues.publish import publish as publish_issue

PUBLISH_PERMISSION = "issues.publish_issue"
Status = PublishRequest.Status


class PublishRefused(Exception):
    """Nothing was done. The message tells the editor why, and what to do."""


class SeenNumbers(NamedTuple):
    """The numbers on the editor's page when the button was pressed."""

    readers: int
    revision: int


def publish(issue: Issue, by: User, seen: SeenNumbers) -> PublishRequest | None:
    """Publish an issue in the state the editor saw; return the request if a second editor has to approve instead."""
    forecast = forecast_as_seen(issue, seen)
    if needs_second_editor(forecast, by):
        return request_second_editor(issue, by, forecast)
    publish_and_audit(issue, by, forecast, seen.revision)
    return None


def forecast_as_seen(issue: Issue, seen: SeenNumbers) -> PublishForecast:
    """Return the present forecast. Raise PublishRefused if the editor saw another state or a check stops the issue."""
    if not issue.is_open:
        raise PublishRefused("Somebody else was first: the issue is not open any more. Nothing was changed.")
    if issue.revision != seen.revision:
        raise PublishRefused(
            "Another editor changed the issue meanwhile: look at it once more. Nothing was published."
        )
    forecast = forecast_publication(issue)
    if forecast.differs_from(seen.readers):
        raise PublishRefused(
            f"There were {seen.readers:,} readers when you looked, and now there are {forecast.readers:,}. "
            "Nothing was published: see below what would happen now."
        )
    if stopping := [finding for finding in run_checklist(issue) if is_stopping(finding)]:
        raise PublishRefused(f"{stopping[0].words} Nothing was published.")
    return forecast


def is_stopping(finding: ChecklistItem) -> bool:
    return finding.level == "stops"


def needs_second_editor(forecast: PublishForecast, by: User) -> bool:
    """Return whether another editor has to approve; never when there is no other editor."""
    return 0 < settings.PUBLISH_ALONE_BELOW <= forecast.readers and other_publishers(by).exists()


def other_publishers(by: User) -> QuerySet[User]:
    """Return the other staff accounts with the permission to publish."""
    permitted = User.objects.with_perm(PUBLISH_PERMISSION, backend="django.contrib.auth.backends.ModelBackend")
    return permitted.filter(is_staff=True).exclude(pk=by.pk)


@transaction.atomic
def publish_and_audit(issue: Issue, by: User, forecast: PublishForecast, revision: int) -> None:
    before = issue.get_status_display()
    try:
        is_published = publish_issue(issue, by=by, revision=revision)
    except NothingToPublish as exc:
        raise PublishRefused(f"{exc} Nothing was published.") from exc
    if not is_published:
        raise PublishRefused("Somebody else was first: the issue has moved on. Nothing was changed.")
    numbers = {"papers": forecast.papers, "readers": forecast.readers}
    audit.record(by, issue, "published", {"status": before}, {"status": "Published", **numbers})


@transaction.atomic
def request_second_editor(issue: Issue, by: User, forecast: PublishForecast) -> PublishRequest:
    """Request approval from the other editors; return the open request if there is one already."""
    outdated = PublishRequest.objects.filter(issue=issue, status=Status.OPEN).exclude(revision=issue.revision)
    outdated.update(status=Status.VOID, decided_at=clock.now())
    numbers = {"papers": forecast.papers, "readers": forecast.readers}
    defaults = {"asked_by": by, "revision": issue.revision, "asked_at": clock.now(), **numbers}
    request, is_new = PublishRequest.objects.get_or_create(issue=issue, status=Status.OPEN, defaults=defaults)
    if is_new:
        audit.record(by, issue, "asked to publish", after=numbers)
        notify_other_publishers(request, by, forecast)
    return request


def notify_other_publishers(asked: PublishRequest, by: User, forecast: PublishForecast) -> None:
    issue = asked.issue
    notices.write_notice(
        f"{by.get_username()} asks for your approval of the issue of {issue.date:%-d %B %Y}",
        f"It is ready to be published: {forecast.words}",
        f"So many readers need a second editor. {describe_cutoff(issue)}",
        url=notices.absolute_url("admin:issues_issue_publish", args=[issue.pk]),
        to=sorted(other_publishers(by).exclude(email="").values_list("email", flat=True)),
    )


def describe_cutoff(issue: Issue) -> str:
    """Return what happens to an open issue that nobody confirms, in words."""
    if issue.status == Issue.Status.HELD:
        return "It is held: it stays unpublished until a second editor confirms or somebody releases it."
    when = f"{issue.cutoff_at:%-d %B at %H:%M} UTC"
    return f"Even if nobody confirms, it is published automatically at its cutoff, {when}, unless it is held."


def find_valid_request(issue: Issue) -> PublishRequest | None:
    """Return the request that waits for a second editor, None if the issue has changed since."""
    return PublishRequest.objects.standing().filter(issue=issue).select_related("asked_by", "issue").first()


def find_failed_request(issue: Issue) -> PublishRequest | None:
    """Return the newest request if it failed (declined, taken back or outdated), so that its editor learns why."""
    asked = PublishRequest.objects.filter(issue=issue).select_related("asked_by", "decided_by").order_by("-pk").first()
    if asked is None or asked.status == Status.CONFIRMED or PublishRequest.objects.standing().filter(pk=asked.pk):
        return None
    return asked


@transaction.atomic
def confirm(asked: PublishRequest, by: User, seen: SeenNumbers) -> None:
    """Publish the issue as another editor requested. Raise PublishRefused."""
    if asked.asked_by_id == by.pk:
        raise PublishRefused("You asked for it yourself: another editor has to confirm. Nothing was published.")
    if asked.revision != seen.revision:
        raise PublishRefused("The issue has changed since it was asked for: ask anew. Nothing was published.")
    forecast = forecast_as_seen(asked.issue, seen)
    if not asked.move_to(Status.CONFIRMED, decided_by=by, decided_at=clock.now()):
        raise PublishRefused("Somebody else was first: this request is settled. Nothing was changed.")
    audit.record(by, asked.issue, "confirmed", after={"asked by": asked.asked_by})
    publish_and_audit(asked.issue, asked.asked_by or by, forecast, asked.revision)


@transaction.atomic
def decline(asked: PublishRequest, by: User, words: str) -> None:
    """Close a request without publishing: another editor declines it, or the one who asked takes it back."""
    status = Status.VOID if asked.asked_by_id == by.pk else Status.DECLINED
    if not asked.move_to(status, decided_by=by, decided_at=clock.now(), words=words):
        raise PublishRefused("Somebody else was first: this request is settled. Nothing was changed.")
    act = "took the request back" if status == Status.VOID else "declined to publish"
    audit.record(by, asked.issue, act, after={"words": words})


@transaction.atomic
def withdraw(issue: Issue, by: User, reason: str) -> None:
    """Withdraw a published issue for good: copies that have not been sent are not sent any more."""
    if not issue.move_to(Issue.Status.WITHDRAWN, withdrawn_because=reason):
        raise PublishRefused("Somebody else was first: the issue has moved on. Nothing was changed.")
    changed = {"status": "Withdrawn", "reason": reason}
    audit.record(by, issue, "withdrew", {"status": "Published"}, changed)


@transaction.atomic
def hold(issue: Issue, by: User) -> None:
    move_issue(issue, Issue.Status.HELD, by, "held")


@transaction.atomic
def release(issue: Issue, by: User) -> None:
    """Let a held issue be published at its cutoff. If that has passed, it is published at once.

    Raise PublishRefused if that would bypass the second editor.
    """
    if issue.cutoff_at <= clock.now() and needs_second_editor(forecast_publication(issue), by):
        raise PublishRefused(
            "Its cutoff has passed: released, it would go out at once, and to so many readers only with a second "
            "editor’s approval. “Publish…” asks for it. Nothing was changed."
        )
    move_issue(issue, Issue.Status.DRAFT, by, "released")


def move_issue(issue: Issue, status: Issue.Status, by: User, act: str) -> None:
    before = issue.get_status_display()
    if not issue.move_to(status):
        raise PublishRefused("Somebody else was first: the issue has moved on.")
    audit.record(by, issue, act, {"status": before}, {"status": issue.get_status_display()})
