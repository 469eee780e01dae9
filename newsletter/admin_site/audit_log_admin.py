"""The audit log, read-only: who did what to which row, and when."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import auditlog.admin
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from newsletter import clock
from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.admin_site.large_lists import ListAdmin
from newsletter.number_text import parse_row_id

DAYS_LISTED = 14
LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'

admin.site.unregister(auditlog.admin.LogEntry)


class ByAccount(admin.SimpleListFilter):
    title, parameter_name = "who", "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        accounts = get_user_model()._default_manager.filter(is_staff=True).order_by("username")
        return [*accounts.values_list("pk", "username"), ("none", "no account")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        match self.value():
            case None:
                return queryset
            case "none":
                return queryset.filter(actor=None)
            case text:
                actor_id = parse_row_id(text)
                return queryset.none() if actor_id is None else queryset.filter(actor=actor_id)


class ByKind(admin.SimpleListFilter):
    title, parameter_name = "kind of row", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        models = [model for model, page in admin.site._registry.items() if isinstance(page, AuditedAdmin)]
        return sorted((model._meta.label_lower, str(model._meta.verbose_name)) for model in models)

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        if self.value() is None:
            return queryset
        app, _, model = str(self.value()).partition(".")
        kind = ContentType.objects.filter(app_label=app, model=model).first()
        return queryset.filter(content_type=kind) if kind else queryset.none()


class ByDay(admin.SimpleListFilter):
    """Filters by one of the last days, or by any day in the URL: ?day=2026-05-04."""

    title, parameter_name = "day (UTC)", "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        days = [clock.today() - timedelta(days=ago) for ago in range(DAYS_LISTED)]
        return [(day.isoformat(), f"{day:%a %-d %b}") for day in days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        if self.value() is None:
            return queryset
        try:
            start = datetime.combine(date.fromisoformat(str(self.value())), time(), UTC)
            end = start + timedelta(days=1)
        except (ValueError, OverflowError):  # no date, or the last one there is
            return queryset.none()
        return queryset.filter(timestamp__gte=start, timestamp__lt=end)


@admin.register(LogEntry)
class AuditLogAdmin(ListAdmin):
    list_display = ("at", "who", "act", "row", "kind", "changed")
    list_display_links = None
    list_select_related = ("actor", "content_type")
    list_filter = (ByAccount, ByKind, ByDay)
    search_fields = ("object_repr", "additional_data__act", "additional_data__by", "changes")
    search_help_text = "A row’s name, what was done, or a value before or after."
    ordering = ("-timestamp", "-pk")
    fields = readonly_fields = ("at", "who", "act", "row", "kind", "changed")

    @display(description="When", ordering="timestamp")
    def at(self, entry: LogEntry) -> str:
        return f"{entry.timestamp:%-d %b %Y, %H:%M:%S} UTC"

    @display(description="Who")
    def who(self, entry: LogEntry) -> str:
        return actor_name(entry)

    @display(description="Did")
    def act(self, entry: LogEntry) -> str:
        return str((entry.additional_data or {}).get("act", ""))

    @display(description="To")
    def row(self, entry: LogEntry) -> str | SafeString:
        page = admin_url(entry)
        return format_html(LINK, page, entry.object_repr) if page else entry.object_repr

    @display(description="Kind")
    def kind(self, entry: LogEntry) -> str:
        return str(entry.content_type.name)

    @display(description="Before → after")
    def changed(self, entry: LogEntry) -> SafeString:
        return render_to_string("admin/audit/changes.html", {"entry": entry})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return False


def actor_name(entry: LogEntry) -> str:
    """Return the name of the account that acted, or the words stored for an actor without an account."""
    return str(entry.actor.get_username() if entry.actor else (entry.additional_data or {}).get("by", "–"))


def admin_url(entry: LogEntry) -> str | None:
    """Return the URL of the row's admin page, or None where its model has none; the row may be deleted."""
    kind = entry.content_type
    if not entry.object_pk:
        return None
    try:
        return reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[entry.object_pk])
    except NoReverseMatch:
        return None
