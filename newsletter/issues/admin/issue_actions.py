"""Views behind an issue's admin page: each edit is posted here."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.issues import markdown, publish
from newsletter.issues.desk import page
from newsletter.issues.desk.actions import ACTS, FRONT_SIZES, Act
from newsletter.issues.desk.edit_lock import Edit, EditRefused, Stale
from newsletter.issues.models import Issue


class DeskPages(AuditedAdmin):
    """Adds the page of cards to the issue admin, and the views it posts to."""

    change_form_template = "admin/issues/issue/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/acts/<slug:act>/", view(require_POST(self.act_view)), name="issues_issue_act"),
            path("<int:pk>/find/", view(require_safe(self.find_view)), name="issues_issue_find"),
            path("<int:pk>/note/", view(require_POST(self.note_view)), name="issues_issue_note_preview"),
            *super().get_urls(),
        ]

    def issue_tools(self, request: HttpRequest, issue: Issue) -> list[tuple[str, str]]:
        """Return links to other pages of an issue, as (text, URL) pairs."""
        is_out = issue.status == Issue.Status.PUBLISHED
        return [("Readers’ page", issue.get_absolute_url())] if is_out else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The page saves each edit at once.
        context = {"show_save": False, "show_save_and_continue": False, **(extra_context or {})}
        if issue := self.get_object(request, object_id):
            context |= self.desk_of(request, issue)
            if asked := request.GET.get("q", "").strip():
                context["found"] = page.find_papers(asked)
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def desk_of(self, request: HttpRequest, issue: Issue) -> dict[str, Any]:
        may_change = self.has_change_permission(request, issue)
        return {
            "issue": issue,
            "front": page.front_of(issue),
            "may_edit": may_change and issue.is_open,
            "may_set_cutoff": request.user.has_perm(ACTS["cutoff"].right),
            "may_drop": may_change and (issue.is_open or self.may_drop_from_published(request, issue)),
            "tools": self.issue_tools(request, issue),
            "listings": publish.listings_of(issue) if issue.is_open else issue.listings,
            "phone_subject": page.PHONE_SUBJECT,
            "front_sizes": FRONT_SIZES,
        }

    def act_view(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        issue = self.editable_or_404(request, pk)
        if act not in ACTS:
            raise Http404(f"There is no edit {act}.")
        may = issue.is_open or self.may_drop_from_published(request, issue)
        if not (may and request.user.has_perm(ACTS[act].right)):
            raise PermissionDenied
        form = ACTS[act](request.POST)
        try:
            said = form.do(Edit(issue, request.user))
        except EditRefused as exc:
            return self.refuse(request, issue, exc)
        return self.show(request, form, said, pk)

    def may_drop_from_published(self, request: HttpRequest, issue: Issue) -> bool:
        """Return True if the user may drop papers from a published issue, which cannot be undone."""
        return issue.status == Issue.Status.PUBLISHED and request.user.has_perm("issues.publish_issue")

    def editable_or_404(self, request: HttpRequest, pk: int) -> Issue:
        issue = get_object_or_404(Issue, pk=pk)
        if not self.has_change_permission(request, issue):
            raise PermissionDenied
        return issue

    def refuse(self, request: HttpRequest, issue: Issue, refused: EditRefused) -> HttpResponse:
        """Explain why nothing was saved: plain text for htmx, otherwise a page that returns the typed text."""
        status = 409 if isinstance(refused, Stale) else 422
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(str(refused), status=status, content_type="text/plain; charset=utf-8")
        typed = [value for name in TYPED if (value := request.POST.get(name, "").strip())]
        context = {
            **self.admin_site.each_context(request),
            "title": "Not saved",
            "opts": self.opts,
            "issue": issue,
            "words": refused,
            "typed": typed,
        }
        return TemplateResponse(request, "admin/issues/issue/refused.html", context, status=status)

    def show(self, request: HttpRequest, form: Act, said: str, pk: int) -> HttpResponse:
        """Show the result of an edit: fragments for htmx, otherwise a redirect to the page."""
        entry_id = form.cleaned_data.get("entry")
        if not request.htmx:  # type: ignore[attr-defined]
            self.message_user(request, said, messages.SUCCESS)
            anchor = f"#entry-{entry_id}" if entry_id else ""
            return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[pk]) + anchor)
        context = self.desk_of(request, Issue.objects.get(pk=pk)) | {"said": said, "shows": form.shows}
        if form.shows == "card":
            front: page.Front = context["front"]
            context["card"] = next(card for card in (*front.kept, *front.dropped) if card.entry.pk == entry_id)
        return render(request, "admin/issues/issue/_answer.html", context)

    def find_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        issue = self.editable_or_404(request, pk)
        asked = request.GET.get("q", "").strip()
        found = page.find_papers(asked) if asked else None
        return render(request, "admin/issues/issue/_found.html", {"issue": issue, "found": found})

    def note_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.editable_or_404(request, pk)
        return HttpResponse(markdown.to_html(request.POST.get("note", "")))


TYPED = ("note", "summary", "subject", "intro", "title", "url", "text", "link")
