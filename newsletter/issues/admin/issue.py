"""The editors' desk."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display

from newsletter.admin_site.large_lists import recent_days_filter
from newsletter.issues.admin.issue_actions import DeskPages
from newsletter.issues.admin.papers import PaperDesk as PaperDesk
from newsletter.issues.admin.prepare import PreparingAdmin
from newsletter.issues.admin.proposals import ProposalAdmin as ProposalAdmin
from newsletter.issues.models import Issue


class IssueForm(forms.ModelForm[Issue]):
    """Carries the buttons alone: what is typed is saved as it is made."""

    class Meta:
        model = Issue
        fields = ()


@admin.register(Issue)
class IssueAdmin(PreparingAdmin, DeskPages):
    form = IssueForm
    list_display = ("date", "state", "subject", "cutoff_at", "published_at", "by")
    list_select_related = ("curated_by",)
    list_filter = ("status", recent_days_filter("date"))
    fieldsets = ((None, {"fields": ()}),)
    # What is pressed on the page, by where the issue stands; whoever inherits this brings the buttons.
    actions_submit_line: tuple[str, ...] = ()
    FITTING = {
        Issue.Status.DRAFT: {"hold"},
        Issue.Status.HELD: {"release"},
        Issue.Status.PUBLISHED: set[str](),
        Issue.Status.WITHDRAWN: set[str](),
    }

    class Media:
        css = {"all": ("desk.css",)}
        js = ("desk.js",)

    @display(
        description="Status",
        label={"Draft": "info", "Held": "warning", "Published": "success", "Withdrawn": "danger"},
    )
    def state(self, issue: Issue) -> str:
        return issue.get_status_display()

    @display(description="Published by")
    def by(self, issue: Issue) -> str:
        """Name the editor; what went out at its cutoff was published by nobody."""
        who = issue.curated_by
        return (who.get_full_name() or who.get_username()) if who else ("itself" if issue.published_at else "")

    def get_view_on_site_url(self, obj: Issue | None = None) -> str | None:
        """Link to the page only where there is one."""
        is_published = obj is not None and obj.status == Issue.Status.PUBLISHED
        return super().get_view_on_site_url(obj) if is_published else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        issue = Issue.objects.filter(pk=object_id).first()
        may_press = issue is not None and self.has_change_permission(request, issue)
        fitting = self.FITTING[Issue.Status(issue.status)] if issue and may_press else set()
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        return [button for button in buttons if button.path in fitting]

    def save_model(self, request: HttpRequest, obj: Issue, form: Any, change: bool) -> None:
        """Save nothing: the form has only buttons, and the theme would save the row as it was read."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for button in self.get_actions_submit_line(request, form.instance.pk):
            if button.action_name in request.POST:
                button.method(request, form.instance)

    def response_change(self, request: HttpRequest, obj: Issue) -> HttpResponse:
        """Answer in the button's own words, on the page where it was pressed."""
        return HttpResponseRedirect(request.path)
