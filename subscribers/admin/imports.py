"""Imports in the admin: a file is checked first, and imported once an operator has confirmed the result."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from newsletter import audit
from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.number_text import parse_row_id
from subscribers import tasks
from subscribers.imports import uploads
from subscribers.imports.column_form import ColumnForm
from subscribers.imports.columns import MEANINGS, Meaning
from subscribers.imports.formats import FORMATS
from subscribers.imports.forms import ImportForm
from subscribers.imports.row_outcome import REASONS, RowResult
from subscribers.models import ImportRun

REFRESH_SECONDS = 3


@admin.register(ImportRun)
class ImportRunAdmin(AuditedAdmin):
    list_display = ("name", "format", "state", "progress", "consent_source", "by", "started_at")
    list_filter = ("status",)
    search_fields = ("name", "consent_source", "by")

    @display(
        description="State",
        label={
            "Waiting for an answer": "warning",
            "Waiting for confirmation": "warning",
            "Imported": "success",
            "Unreadable": "danger",
            "Checking": "info",
            "Importing": "info",
        },
    )
    def state(self, run: ImportRun) -> str:
        return run.get_status_display()

    @display(description="Rows processed")
    def progress(self, run: ImportRun) -> str:
        return f"{run.position:,} of {run.total:,}"

    def has_delete_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        report = path(
            "<int:run_id>/report/", self.admin_site.admin_view(self.report), name="subscribers_importrun_report"
        )
        return [report, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        if request.method == "POST" and form.is_valid():
            run = form.new_run(request.user.get_username())
            uploads.store_upload(form.cleaned_data["file"], run)
            audit.record(request.user, run, "uploaded", {}, {"consent_source": run.consent_source})
            tasks.go_on_with_import.delay_on_commit(run.pk)
            return HttpResponseRedirect(page_of(run))
        context = {
            **self.admin_site.each_context(request),
            "title": "Import readers",
            "opts": self.opts,
            "form": form,
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/subscribers/importrun/upload.html", context, status=status)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run = get_object_or_404(ImportRun, pk=parse_row_id(object_id))
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if request.method == "POST":
            if not self.has_change_permission(request, run):
                raise PermissionDenied
            form = ColumnForm(run, request.POST)
            if "explain" in request.POST and not form.is_valid():
                return self.page(request, run, form)
            self.act(request, run, form)
            return HttpResponseRedirect(page_of(run))
        return self.page(request, run)

    def act(self, request: HttpRequest, run: ImportRun, form: ColumnForm) -> None:
        meanings: dict[str, str] = {}
        if "write" in request.POST:
            done, act = run.begin_writing(), "imported"
            words = "Importing. Readers receive papers published from now on, at their chosen hours."
        elif "explain" in request.POST:
            meanings, act, words = form.cleaned_data, "explained", "The file is checked with your answers."
            done = bool(meanings) and run.explain_columns(meanings)
        else:
            done, act, words = run.end(run.Status.DROPPED), "cancelled", "Cancelled. Readers imported so far stay."
        if done:
            self.follow_up(run)
            audit.record(request.user, run, act, {}, meanings)
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(
                request, "Somebody else has changed this import. Its current state is below.", messages.WARNING
            )

    def follow_up(self, run: ImportRun) -> None:
        if run.is_at_work:
            tasks.go_on_with_import.delay_on_commit(run.pk)
        else:
            run.path.unlink(missing_ok=True)

    def page(self, request: HttpRequest, run: ImportRun, form: ColumnForm | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import of {run.name}",
            "opts": self.opts,
            "run": run,
            "format": run.columns.get("format") or label_of(run.format),
            "form": form or ColumnForm(run),
            "explained": [(title, MEANINGS[Meaning(word)]) for title, word in run.columns.get("explained", [])],
            "counts": [
                (count, key.replace("_", " "), REASONS[key]) for key in RowResult if (count := run.counts.get(key))
            ],
            "added": run.counts.get(RowResult.ADDED, 0),
            "may_change": self.has_change_permission(request, run),
            "refresh_seconds": REFRESH_SECONDS,
            "has_report": run.is_upload and run.report_path.exists(),
        }
        status = 422 if form else 200
        return TemplateResponse(request, "admin/subscribers/importrun/page.html", context, status=status)

    def report(self, request: HttpRequest, run_id: int) -> HttpResponse | FileResponse:
        run = get_object_or_404(ImportRun, pk=run_id, is_upload=True)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        try:
            file = run.report_path.open("rb")
        except FileNotFoundError as exc:
            raise Http404("The report of this import has been deleted.") from exc
        return FileResponse(file, as_attachment=True, filename=f"import-{run.pk}-report.csv")


def label_of(form: str) -> str:
    """Return the label of a format; a run may be older than the formats of today."""
    return FORMATS[form].label if form in FORMATS else form


def page_of(run: ImportRun) -> str:
    return reverse("admin:subscribers_importrun_change", args=[run.pk])
