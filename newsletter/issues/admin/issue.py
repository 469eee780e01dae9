"""The admin of issues."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display

from newsletter.admin_site.large_lists import recent_days_filter
from newsletter.issues.admin.issue_actions import DeskPages
from newsletter.issues.admin.prepare import PrepareMixin
from newsletter.issues.models import Issue


class IssueForm(forms.ModelForm[Issue]):
    """Has no fields: the page saves each edit by itself, and this form only carries the buttons."""

    class Meta:
        model = Issue
        fields = ()


@admin.register(Issue)
class IssueAdmin(PrepareMixin, DeskPages):
    form = IssueForm
    list_display = ("date", "state", "subject", "cutoff_at", "published_at", "by")
    list_select_related = ("curated_by",)
    list_filter = ("status", recent_days_filter("date"))
    fieldsets = ((None, {"fields": ()}),)
    # The buttons, which subclasses define, and those that fit each status.
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
        """Return the editor's name; an issue published at its cutoff has none."""
        who = issue.curated_by
        return (who.get_full_name() or who.get_username()) if who else ("Automatic" if issue.published_at else "")

    def get_view_on_site_url(self, obj: Issue | None = None) -> str | None:
        """Link to the public page if the issue is published."""
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
        """Save nothing: the form has only buttons, and saving would overwrite newer values."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for button in self.get_actions_submit_line(request, form.instance.pk):
            if button.action_name in request.POST:
                button.method(request, form.instance)

    def response_change(self, request: HttpRequest, obj: Issue) -> HttpResponse:
        """Redirect to the same page, without Django's success message: the button has written its own."""
        return HttpResponseRedirect(request.path)
