"""The pages on which editors look at an issue before it is sent: its reach, previews, checks and test mails."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from unfold.admin import ModelAdmin

from digests import tasks
from digests.admin.preview_forms import IssueTestForm, PreviewForm, ReaderPreviewForm, staff_with_address
from digests.models import Delivery
from digests.previews import issue_preview, reach_cache
from digests.previews.issue_preview import MailPreview
from digests.previews.publish_forecast import Slot
from digests.publication import checklist
from newsletter import audit, clock
from newsletter.admin_site.page_context import page_context
from newsletter.issues.models import Issue
from subscribers.models import Subscriber

PREVIEW_AS_READER = "digests.preview_as_reader"
PHONE, DESKTOP = 390, 680  # pixels


class PreviewPages(ModelAdmin):  # type: ignore[misc]
    """Adds pages to the issue's own. They change nothing, but a preview as a reader is audited."""

    def get_urls(self) -> list[URLPattern]:
        def view(page: Any) -> Any:
            return self.admin_site.admin_view(never_cache(page))

        look_or_post = require_http_methods(["GET", "HEAD", "POST"])
        return [
            path("<int:pk>/reach/", view(require_safe(self.reach_view)), name="issues_issue_reach"),
            path("<int:pk>/preview/", view(look_or_post(self.preview_view)), name="issues_issue_preview"),
            path("<int:pk>/checks/", view(require_safe(self.checks_view)), name="issues_issue_checks"),
            path("<int:pk>/test/", view(look_or_post(self.test_view)), name="issues_issue_test"),
            *super().get_urls(),
        ]

    def issue_tools(self, request: HttpRequest, issue: Issue) -> list[tuple[str, str]]:
        """Return links to the pages of this class, as labels and URLs."""
        inherited = getattr(super(), "issue_tools", None)
        tools = {"Preview": "preview", "Checks": "checks"}
        if self.has_change_permission(request, issue):
            tools["Send a test"] = "test"
        own = [(words, reverse(f"admin:issues_issue_{name}", args=[issue.pk])) for words, name in tools.items()]
        return [*own, *(inherited(request, issue) if inherited else ())]

    def get_issue_or_404(self, request: HttpRequest, pk: int, *, to_change: bool = False) -> Issue:
        may = self.has_change_permission if to_change else self.has_view_permission
        if not may(request):
            raise PermissionDenied
        return get_object_or_404(Issue, pk=pk)

    def issue_context(self, request: HttpRequest, issue: Issue, title: str) -> dict[str, Any]:
        heading = f"{title}: the issue of {issue.date:%-d %B %Y}"
        may = {
            "may_see_readers": request.user.has_perm(PREVIEW_AS_READER),
            "may_change": self.has_change_permission(request),
        }
        return page_context(self, request, heading, issue=issue, object=issue) | may

    def reach_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the last figure with its age; if it is outdated, queue another, which the page polls for."""
        issue = self.get_issue_or_404(request, pk)
        figure = reach_cache.find_figure(issue)
        if not (is_fresh := reach_cache.is_fresh(issue, figure)):
            tasks.figure_reach.apply_async((issue.pk,), expires=reach_cache.FRESH_FOR.total_seconds())
        found = reach_cache.reach_from_json(figure.figure) if figure else None
        if request.GET.get("format") == "json":
            entries = {str(entry): count for entry, count in found.entries.items()} if found else {}
            at = figure.at.isoformat() if figure else None
            return JsonResponse({"at": at, "is_computing": not is_fresh, "entries": entries})
        labels = dict(Delivery.Reason.choices) | {"no_issue": "have what it would bring already"}
        context = {
            "issue": issue,
            "reach": found,
            "first": Slot(found.first_at, found.first_zone) if found and found.first_at else None,
            "is_computing": not is_fresh,
            "age_seconds": round((clock.now() - figure.at).total_seconds()) if figure else 0,
            "nothing": [(labels[reason], count) for reason, count in found.nothing.items()] if found else [],
            "largest": max(found.sizes.values(), default=1) if found else 1,
        }
        return render(request, "admin/digests/issue_preview/_reach.html", context)

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the mail to the public or for topics; as a reader only by POST, because that is audited."""
        issue = self.get_issue_or_404(request, pk)
        if request.method == "POST":
            if not request.user.has_perm(PREVIEW_AS_READER):
                raise PermissionDenied
            form: PreviewForm = ReaderPreviewForm(request.POST)
        else:
            form = PreviewForm(request.GET)
        sight = self.preview_of(request, issue, form) if form.is_valid() else None
        context = self.issue_context(request, issue, "Preview") | {
            "form": form,
            "sight": sight,
            "typed": request.POST.get("reader", ""),
        }
        if sight and sight.html:
            context["frame"] = issue_preview.html_for_frame(
                sight.html, is_dark=form.is_dark, has_images=form.has_images
            )
            context["width"] = PHONE if form.is_phone else DESKTOP
        return TemplateResponse(request, "admin/digests/issue_preview/preview.html", context)

    def preview_of(self, request: HttpRequest, issue: Issue, form: PreviewForm) -> MailPreview:
        if reader := form.cleaned_data.get("reader"):
            audit_reader_preview(request, reader, issue, "previewed a digest as")
            return issue_preview.preview_for_reader(issue, reader)
        detail = form.cleaned_data["detail"]
        if topics := form.cleaned_data["topics"]:
            return issue_preview.preview_for_topics(issue, topics, form.topics_named, detail=detail)
        return issue_preview.preview_public_issue(issue, detail)

    def checks_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        issue = self.get_issue_or_404(request, pk)
        waiting = tasks.queue_link_check(issue)
        context = self.issue_context(request, issue, "Checks")
        context |= {"findings": checklist.run_checklist(issue), "waiting": waiting}
        return TemplateResponse(request, "admin/digests/issue_preview/checks.html", context)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        issue = self.get_issue_or_404(request, pk, to_change=True)
        # Checked before the form, whose errors reveal whether an address is a reader's.
        if request.POST.get("reader") and not request.user.has_perm(PREVIEW_AS_READER):
            raise PermissionDenied
        form = IssueTestForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self.send_test(request, issue, form)
            return HttpResponseRedirect(request.path)
        context = self.issue_context(request, issue, "Send a test") | {"form": form, "staff": staff_with_address()}
        return TemplateResponse(request, "admin/digests/issue_preview/test.html", context)

    def send_test(self, request: HttpRequest, issue: Issue, form: IssueTestForm) -> None:
        reader: Subscriber | None = form.cleaned_data["reader"]
        if reader is not None:
            audit_reader_preview(request, reader, issue, "sent a test of a digest as")
        topics, people = form.cleaned_data["topics"], form.recipients(form.cleaned_data)
        for editor in people:
            tasks.send_trial.delay_on_commit(issue.pk, editor.pk, topics, reader.pk if reader else None)
        audit.record(
            request.user, issue, "sent a test", after={"to": ", ".join(user.get_username() for user in people)}
        )
        names = ", ".join(user.email for user in people)
        self.message_user(request, f"On its way to {names}, marked as a test and left out of the statistics.")


def audit_reader_preview(request: HttpRequest, reader: Subscriber, issue: Issue, act: str) -> None:
    # Only the id: str() of a whole reader is the address.
    audit.record(request.user, Subscriber(pk=reader.pk), act, after={"issue": issue})
