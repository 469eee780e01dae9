"""The admin page for preparing an issue in advance."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from newsletter import audit
from newsletter.issues.desk import prepare


class PrepareMixin:
    """A mixin that adds “Prepare an issue” to the issue admin."""

    actions_list: tuple[str, ...] = ("prepare",)

    @action(description="Prepare an issue", permissions=["change"])
    def prepare(self: Any, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return self.open_issue(request)  # type: ignore[no-any-return]
        context = {
            **self.admin_site.each_context(request),
            "title": "Prepare an issue",
            "opts": self.opts,
            "days": prepare.days(),
        }
        return TemplateResponse(request, "admin/issues/issue/prepare.html", context)

    def open_issue(self: Any, request: HttpRequest) -> HttpResponse:
        try:
            issue, is_new = prepare.prepare(date.fromisoformat(request.POST.get("day", "")))
        except (ValueError, prepare.NotOpen) as exc:
            words = str(exc) if isinstance(exc, prepare.NotOpen) else "Choose one of the days below."
            self.message_user(request, words, messages.ERROR)
            return HttpResponseRedirect(request.path)
        if is_new:
            audit.record(request.user, issue, "prepared", after={"date": issue.date, "cutoff_at": issue.cutoff_at})
        return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[issue.pk]))
