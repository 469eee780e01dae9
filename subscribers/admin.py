from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from subscribers.models import Consent, Farewell, Letter, Subscriber, Suppression


class HistoryInline(TabularInline):  # type: ignore[misc]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return False


class ConsentInline(HistoryInline):
    model = Consent


class LetterInline(HistoryInline):
    model = Letter
    fields = ("kind", "status", "created_at", "sent_at", "error")


@admin.register(Subscriber)
class SubscriberAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("email", "status", "frequency", "send_time", "timezone", "next_digest_at")
    list_filter = ("status", "frequency")
    search_fields = ("canonical",)
    fields = (
        "email", "status", "preferences", "frequency", "weekday", "send_time", "timezone", "paused_until",
        "covered_through", "next_digest_at", "created_at", "confirmed_at", "unsubscribed_at",
    )  # fmt: skip
    readonly_fields = fields
    inlines = (ConsentInline, LetterInline)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return False


@admin.register(Suppression)
class SuppressionAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("address_hash", "reason", "at")
    list_filter = ("reason",)


@admin.register(Farewell)
class FarewellAdmin(ModelAdmin):  # type: ignore[misc]
    """Why readers left, in their words."""

    list_display = ("at", "reason", "words")
    list_filter = ("reason",)
    fields = readonly_fields = ("at", "reason", "words")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Farewell | None = None) -> bool:
        return False
