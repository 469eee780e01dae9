"""The pages on which an editor publishes or withdraws an issue: first what would happen, then one button."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from digests import tasks
from digests.models import PublishRequest
from digests.previews import publish_forecast
from digests.publication import approval, withdrawal_counts
from digests.publication.checklist import run_checklist
from digests.sending import switch
from digests.statistics import number_format
from newsletter import clock
from newsletter.admin_site.page_context import page_context
from newsletter.issues.admin.issue import IssueAdmin
from newsletter.issues.models import Issue
from newsletter.number_text import pluralize

Status = Issue.Status


class PublishForm(forms.Form):
    act = forms.ChoiceField(choices=[(act, act) for act in ("publish", "confirm", "decline")])
    is_sure_of = forms.IntegerField(min_value=0)
    revision = forms.IntegerField(min_value=0)
    words = forms.CharField(
        max_length=300, required=False, widget=UnfoldAdminTextInputWidget(attrs={"aria-label": "Why not"})
    )

    @property
    def seen(self) -> approval.SeenNumbers:
        return approval.SeenNumbers(self.cleaned_data["is_sure_of"], self.cleaned_data["revision"])


class WithdrawForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs={"aria-label": "Why"}),
        error_messages={"required": "Say why, for whoever asks tomorrow."},
    )


class PublishPages(IssueAdmin):
    """Adds the pages that publish and withdraw an issue, and the buttons that hold and release it."""

    actions_detail: ClassVar[Any] = ("publish", "withdraw")
    change_form_before_template = "admin/issues/issue/_asked.html"
    LINKS = {Status.PUBLISHED: {"withdraw"}}  # the link to publishing is on the page itself

    def has_publish_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(approval.PUBLISH_PERMISSION)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Leave out the links that do not apply to the issue."""
        issue = Issue.objects.filter(pk=object_id).first()
        applicable = self.LINKS.get(Status(issue.status), set()) if issue else set()
        links: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [link for link in links if link.path in applicable or link.path not in {"publish", "withdraw"}]

    def desk_of(self, request: HttpRequest, issue: Issue) -> dict[str, Any]:
        """Add the time left to the cutoff, and either the publish button or the names of those who may publish."""
        may_publish = self.has_publish_permission(request)
        return super().desk_of(request, issue) | {
            "left": describe_time_left(issue) if issue.status == Status.DRAFT else "",
            "may_publish": may_publish,
            "publishers": publisher_names(editor(request)) if issue.is_open and not may_publish else [],
        }

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        issue = self.get_object(request, object_id) if object_id else None
        asked = approval.find_valid_request(issue) if issue else None
        context = {"asked": asked, "may_publish": self.has_publish_permission(request), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    @action(description="Publish…", permissions=["publish"], variant=ActionVariant.PRIMARY)
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what publishing would do; publish on POST if the editor saw the present numbers."""
        issue = get_object_or_404(Issue, pk=object_id)
        form = PublishForm(request.POST or None)
        if request.method != "POST":
            return self.publish_page(request, issue, form)
        if not form.is_valid():
            self.message_user(request, "Something was missing: look at it once more.", messages.WARNING)
            return self.publish_page(request, issue, form)
        try:
            words = self.act(issue, editor(request), form)
        except approval.PublishRefused as exc:
            self.message_user(request, str(exc), messages.WARNING)
            return HttpResponseRedirect(request.path)
        self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(page_of(issue))

    def act(self, issue: Issue, by: User, form: PublishForm) -> str:
        """Carry out the editor's action and return the message; raise PublishRefused if nothing was done."""
        if form.cleaned_data["act"] == "publish":
            asked = approval.publish(issue, by, form.seen)
            return (
                describe_request(asked) if asked else "Published. Readers get it from now on, each at their own hour."
            )
        asked = approval.find_valid_request(issue)
        if asked is None:
            raise approval.PublishRefused(
                "The request is void or settled: see below how it stands. Nothing was changed."
            )
        if form.cleaned_data["act"] == "confirm":
            approval.confirm(asked, by, form.seen)
            return f"Published, as {asked.asked_by} asked. Readers get it from now on, each at their own hour."
        approval.decline(asked, by, form.cleaned_data["words"])
        return "The request is taken back." if asked.asked_by_id == by.pk else f"Declined. {asked.asked_by} sees why."

    def publish_page(self, request: HttpRequest, issue: Issue, form: PublishForm) -> HttpResponse:
        forecast, findings = publish_forecast.forecast_publication(issue), run_checklist(issue)
        asked, by = approval.find_valid_request(issue), editor(request)
        title = f"Publish the issue of {issue.date:%-d %B %Y}"
        context = page_context(self, request, title, issue=issue, object=issue) | {
            "form": form,
            "outlook": forecast,
            "left_over": forecast.active - forecast.readers,
            "findings": findings,
            "is_stopped": any(map(approval.is_stopping, findings)) or not issue.is_open,
            "answer": switch.current_permission(),
            "asked": asked,
            "is_mine": asked is not None and asked.asked_by_id == by.pk,
            "refused": approval.find_failed_request(issue) if issue.is_open and not asked else None,
            "needs_second": approval.needs_second_editor(forecast, by),
            "at_the_cutoff": approval.describe_cutoff(issue),
            "left": describe_cutoff(issue),
            "links_waiting": tasks.queue_link_check(issue) if issue.is_open else 0,
        }
        return TemplateResponse(request, "admin/issues/issue/publish.html", context)

    @action(description="Withdraw…", permissions=["publish"], variant=ActionVariant.DANGER)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show who has the issue and who would not get it; withdraw it on POST with a reason."""
        issue = get_object_or_404(Issue, pk=object_id)
        form = WithdrawForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self.withdraw_page(request, issue, form)
        try:
            approval.withdraw(issue, editor(request), form.cleaned_data["reason"])
        except approval.PublishRefused as exc:
            self.message_user(request, str(exc), messages.WARNING)
        else:
            self.message_user(request, f"Withdrawn. {withdrawal_counts.count_copies(issue).words}", messages.SUCCESS)
        return HttpResponseRedirect(page_of(issue))

    def withdraw_page(self, request: HttpRequest, issue: Issue, form: WithdrawForm) -> HttpResponse:
        is_out = issue.published_at is not None
        title = f"Withdraw the issue of {issue.date:%-d %B %Y}"
        context = page_context(self, request, title, issue=issue, object=issue) | {
            "form": form,
            "reach": withdrawal_counts.count_copies(issue) if is_out else None,
            "to_come": withdrawal_counts.count_readers_to_come(issue) if issue.status == Status.PUBLISHED else 0,
        }
        return TemplateResponse(request, "admin/issues/issue/withdraw.html", context)

    @action(description="Hold", permissions=["publish"])
    def hold(self, request: HttpRequest, issue: Issue) -> None:
        waiting = publish_forecast.forecast_publication(issue).waiting
        who = pluralize(waiting, "reader") + (" who is due now does" if waiting == 1 else " who are due now do")
        self.move(request, issue, hold=True, words=(
            f"Held. It is not published at its cutoff until you release it. Nobody waits for it meanwhile: {who} "
            "not, nor do those whose hour comes. They get what was published since their last digest, and this "
            "issue with the digest after its publication."
        ))  # fmt: skip

    @action(description="Release", permissions=["publish"])
    def release(self, request: HttpRequest, issue: Issue) -> None:
        self.move(request, issue, hold=False, words=(
            f"Released. It is published at its cutoff, {describe_cutoff(issue)}. Until then, readers who come due "
            "wait for it if there is nothing else to send."
        ))  # fmt: skip

    def move(self, request: HttpRequest, issue: Issue, *, hold: bool, words: str) -> None:
        try:
            (approval.hold if hold else approval.release)(issue, editor(request))
        except approval.PublishRefused as exc:
            self.message_user(request, str(exc), messages.WARNING)
        else:
            self.message_user(request, words, messages.SUCCESS)


def editor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def page_of(issue: Issue) -> str:
    return reverse("admin:issues_issue_change", args=[issue.pk])


def describe_request(asked: PublishRequest) -> str:
    return (
        f"{asked.readers:,} readers need a second editor: the other editors are asked by mail. "
        f"{approval.describe_cutoff(asked.issue)}"
    )


def publisher_names(by: User) -> list[str]:
    """Return the names of those who may publish, to show to somebody who may not."""
    return [
        other.get_full_name() or other.get_username() for other in approval.other_publishers(by).order_by("username")
    ]


def describe_time_left(issue: Issue) -> str:
    """Return the time left to the cutoff, in words."""
    left = issue.cutoff_at - clock.now()
    return f"in {number_format.span(left)}" if left.total_seconds() > 0 else "within a minute"


def describe_cutoff(issue: Issue) -> str:
    """Return the time left to the cutoff and its hour, in words."""
    left = issue.cutoff_at - clock.now()
    if left.total_seconds() <= 0:
        return f"within a minute (it was due at {issue.cutoff_at:%H:%M} UTC)"
    day = "" if issue.cutoff_at.date() == clock.today() else f" on {issue.cutoff_at:%-d %B}"
    return f"in {number_format.span(left)}, at {issue.cutoff_at:%H:%M} UTC{day}"
