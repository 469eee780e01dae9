"""An admin page that records every change in the audit log, with the values before and after."""

from collections.abc import Iterator
from typing import Any

from auditlog.models import LogEntry
from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from newsletter import audit
from newsletter.admin_site.large_lists import ListAdmin

SECRET = "password"  # the log stores no value of a field with this in its name
PAGE_SIZE = 100
Change = tuple[str, str, str]  # what, before, after


class AuditedAdmin(ListAdmin):
    """Base of our admin pages: writes to the audit log instead of Django's, and shows it as “History”."""

    unlogged: tuple[str, ...] = ()  # fields that the log must not mention

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        changes = [*changes_of(form), *(change for rows in formsets or () for change in changes_of_rows(rows))]
        return [change for change in changes if change[0] not in self.unlogged]

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self.log(request, obj, "added", message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        if message:
            self.log(request, obj, "changed", message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        audit.record_all(request.user, queryset, "deleted")

    def log(self, request: HttpRequest, row: Model, act: str, changes: list[Change]) -> None:
        before = {name: old for name, old, _ in changes}
        audit.record(request.user, row, act, before, {name: new for name, _, new in changes})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("There is no such row.")
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        acts = LogEntry.objects.get_for_object(row).select_related("actor", "content_type")
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {audit.name_of(row)}",
            "opts": self.opts,
            "object": row,
            "acts": Paginator(acts, PAGE_SIZE).get_page(request.GET.get("p")),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/audit/history.html", context)


def changes_of(form: Any, prefix: str = "") -> Iterator[Change]:
    """Yield what a form changed, as text; for a password only that it changed."""
    for name in form.changed_data:
        if SECRET in name:
            yield SECRET, "", "changed"
            continue
        field = form.fields[name]
        before, after = form.get_initial_for_field(field, name), form.cleaned_data.get(name)
        yield f"{prefix}{name}", display_value(field, before), display_value(field, after)


def changes_of_rows(rows: Any) -> Iterator[Change]:
    kind = rows.model._meta.verbose_name
    yield from ((f"{kind} added", "", str(row)) for row in rows.new_objects)
    yield from ((f"{kind} deleted", str(row), "") for row in rows.deleted_objects)
    changed = {row.pk for row, _ in rows.changed_objects}
    for form in rows.forms:
        if form.instance.pk in changed:
            yield from changes_of(form, f"{form.instance}: ")


def display_value(field: forms.Field, value: Any) -> str:
    """Return a field's value as text; `value` comes from the row (a key) or from the form (an object)."""
    if value in (None, ""):
        return ""
    if isinstance(field, forms.ModelMultipleChoiceField):
        return ", ".join(sorted(str(row) for row in value))
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model):
        row = field.queryset.filter(pk=value).first() if field.queryset is not None else None
        return str(row or value)
    return audit.as_text(value)
