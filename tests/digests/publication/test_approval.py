"""An issue goes out by one editor, or by two."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, transaction

from digests.models import PublishRequest
from digests.monitoring import notices
from digests.previews.publish_forecast import forecast_publication
from digests.publication import approval
from digests.publication.approval import PublishRefused, SeenNumbers
from newsletter.issues.models import Issue
from newsletter.issues.publish import publish_past_cutoff
from tests.factories import MORNING, EntryFactory, IssueFactory, PaperFactory, SubscriberFactory
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Issue.Status


def account(name: str) -> User:
    user = User.objects.create_user(name, f"{name}@desk.example", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="publish_issue"))
    return user


@pytest.fixture
def ann() -> User:
    return account("ann")


@pytest.fixture
def bo() -> User:
    return account("bo")


@pytest.fixture
def issue() -> Issue:
    issue: Issue = EntryFactory(issue=IssueFactory(cutoff_at=MORNING + timedelta(hours=1)), paper=PaperFactory()).issue
    SubscriberFactory.create_batch(3, next_digest_at=MORNING + timedelta(hours=2))
    return issue


@pytest.fixture
def few(settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 3


def seen(issue: Issue) -> SeenNumbers:
    return SeenNumbers(forecast_publication(issue).readers, issue.revision)


def acts() -> list[str]:
    return [entry.additional_data["act"] for entry in LogEntry.objects.order_by("pk") if entry.additional_data]


def stored(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


def test_below_the_number_one_editor_publishes(issue: Issue, ann: User, bo: User) -> None:
    assert approval.publish(issue, ann, seen(issue)) is None
    assert (stored(issue).status, stored(issue).curated_by) == (Status.PUBLISHED, ann)
    assert acts() == ["published"]


@pytest.mark.usefixtures("few")
def test_many_readers_need_a_second_editor(issue: Issue, ann: User, bo: User) -> None:
    asked = approval.publish(issue, ann, seen(issue))
    assert asked == approval.find_valid_request(issue)
    assert asked is not None
    assert (asked.readers, asked.papers, asked.revision, asked.asked_by) == (3, 1, 0, ann)
    assert stored(issue).status == Status.DRAFT
    approval.confirm(asked, bo, seen(issue))
    assert (stored(issue).status, stored(issue).curated_by) == (Status.PUBLISHED, ann)
    assert acts() == ["asked to publish", "confirmed", "published"]


@pytest.mark.usefixtures("few")
def test_the_other_editors_are_mailed_with_what_the_cutoff_does(issue: Issue, ann: User, bo: User) -> None:
    approval.publish(issue, ann, seen(issue))
    notices.deliver_notices()
    (mail,) = sent()
    assert mail.to == ["bo@desk.example"]
    assert mail.subject == "Paper Round: ann asks for your approval of the issue of 4 May 2026"
    text = " ".join(mail.body.split())
    assert "it is published automatically at its cutoff, 4 May at 06:00 UTC, unless it is held" in text
    assert f"/admin/issues/issue/{issue.pk}/publish" in text


@pytest.mark.usefixtures("few", "bo")
def test_nobody_confirms_the_own_request(issue: Issue, ann: User) -> None:
    asked = approval.publish(issue, ann, seen(issue))
    assert asked is not None
    with pytest.raises(PublishRefused, match="another editor has to confirm"):
        approval.confirm(asked, ann, seen(issue))
    assert stored(issue).status == Status.DRAFT
    with pytest.raises(IntegrityError), transaction.atomic():
        PublishRequest.objects.update(status=PublishRequest.Status.CONFIRMED, decided_by=ann)


@pytest.mark.usefixtures("few")
def test_a_change_to_the_issue_voids_the_request(issue: Issue, ann: User, bo: User) -> None:
    asked = approval.publish(issue, ann, seen(issue))
    assert asked is not None
    Issue.objects.update(revision=1)
    changed = stored(issue)
    assert approval.find_valid_request(changed) is None
    assert approval.find_failed_request(changed) == asked
    asked = PublishRequest.objects.select_related("issue").get()
    with pytest.raises(PublishRefused, match="ask anew"):
        approval.confirm(asked, bo, seen(changed))
    anew = approval.publish(changed, ann, seen(changed))
    assert anew == approval.find_valid_request(changed)
    asked.refresh_from_db()
    assert asked.status == PublishRequest.Status.VOID


@pytest.mark.usefixtures("few")
def test_the_cutoff_needs_nobody(issue: Issue, ann: User, bo: User, set_clock: Callable[[datetime], None]) -> None:
    asked = approval.publish(issue, ann, seen(issue))
    assert asked is not None
    set_clock(issue.cutoff_at)
    assert publish_past_cutoff() == [issue]
    assert approval.find_valid_request(stored(issue)) is None
    asked = PublishRequest.objects.select_related("issue").get()
    with pytest.raises(PublishRefused, match="not open any more"):
        approval.confirm(asked, bo, SeenNumbers(3, 0))


@pytest.mark.usefixtures("few")
def test_a_held_issue_waits_for_the_second_editor_past_its_cutoff(
    issue: Issue, ann: User, bo: User, set_clock: Callable[[datetime], None]
) -> None:
    approval.hold(issue, ann)
    asked = approval.publish(issue, ann, seen(issue))
    assert asked is not None
    set_clock(issue.cutoff_at + timedelta(minutes=5))
    assert publish_past_cutoff() == []
    assert "held: it stays unpublished until" in approval.describe_cutoff(issue)
    approval.confirm(PublishRequest.objects.select_related("issue").get(), bo, seen(issue))
    assert stored(issue).status == Status.PUBLISHED


@pytest.mark.usefixtures("few")
def test_an_issue_held_past_its_cutoff_is_not_released_around_the_second_editor(
    issue: Issue, ann: User, bo: User, set_clock: Callable[[datetime], None], settings: LazySettings
) -> None:
    approval.hold(issue, ann)
    set_clock(issue.cutoff_at)
    with pytest.raises(approval.PublishRefused, match="only with a second"):
        approval.release(stored(issue), ann)
    assert stored(issue).status == Status.HELD
    settings.PUBLISH_ALONE_BELOW = 4
    approval.release(stored(issue), ann)
    assert stored(issue).status == Status.DRAFT


@pytest.mark.usefixtures("few")
def test_a_request_is_declined_with_a_word_or_taken_back(issue: Issue, ann: User, bo: User) -> None:
    asked = approval.publish(issue, ann, seen(issue))
    assert asked is not None
    approval.decline(asked, bo, "The lead is retracted.")
    assert approval.find_valid_request(issue) is None
    said = approval.find_failed_request(issue)
    assert said is not None
    assert (said.status, said.words, said.decided_by) == ("declined", "The lead is retracted.", bo)
    again = approval.publish(issue, ann, seen(issue))
    assert again is not None
    approval.decline(again, ann, "")
    assert again.status == PublishRequest.Status.VOID
    with pytest.raises(PublishRefused, match="settled"):
        approval.confirm(again, bo, seen(issue))


@pytest.mark.usefixtures("few")
def test_a_lone_editor_asks_nobody(issue: Issue, ann: User) -> None:
    User.objects.create_user("cy", "cy@desk.example", is_staff=True)  # may not publish
    User.objects.create_superuser("gone", is_active=False)
    assert approval.publish(issue, ann, seen(issue)) is None


def test_zero_never_asks(issue: Issue, ann: User, bo: User, settings: LazySettings) -> None:
    settings.PUBLISH_ALONE_BELOW = 0
    assert approval.publish(issue, ann, seen(issue)) is None


def test_what_moved_since_it_was_seen_is_asked_again(issue: Issue, ann: User) -> None:
    before = seen(issue)
    SubscriberFactory.create_batch(11, next_digest_at=MORNING + timedelta(hours=2))
    with pytest.raises(PublishRefused, match="There were 3 readers when you looked, and now there are 14"):
        approval.publish(issue, ann, before)
    Issue.objects.update(revision=1)
    with pytest.raises(PublishRefused, match="changed the issue meanwhile"):
        approval.publish(stored(issue), ann, SeenNumbers(14, 0))
    assert stored(issue).status == Status.DRAFT


def test_an_edit_in_the_last_moment_stops_the_publication(issue: Issue, ann: User) -> None:
    read = stored(issue)
    before = seen(read)
    Issue.objects.update(revision=1)  # after `read` was loaded
    with pytest.raises(PublishRefused, match="moved on"):
        approval.publish(read, ann, before)
    assert stored(issue).status == Status.DRAFT


def test_an_empty_front_lets_nothing_out(ann: User) -> None:
    empty = IssueFactory()
    with pytest.raises(PublishRefused, match="The front is empty"):
        approval.publish(empty, ann, SeenNumbers(0, 0))


def test_a_reason_is_kept_with_a_withdrawal(issue: Issue, ann: User) -> None:
    approval.publish(issue, ann, seen(issue))
    approval.withdraw(issue, ann, "A retracted paper leads.")
    assert stored(issue).withdrawn_because == "A retracted paper leads."
    assert acts() == ["published", "withdrew"]
    last = LogEntry.objects.latest("pk")
    assert last.actor == ann
    assert last.changes["reason"] == ["", "A retracted paper leads."]
    with pytest.raises(PublishRefused):
        approval.withdraw(stored(issue), ann, "Once more.")
