from django.contrib import admin
from django.http import HttpRequest

from newsletter.admin_site.audited_admin import AuditedAdmin
from subscribers.models import Farewell


@admin.register(Farewell)
class FarewellAdmin(AuditedAdmin):
    """The reasons readers gave for leaving."""

    list_display = ("at", "reason", "words")
    list_filter = ("reason",)
    sortable_by = ()
    fields = readonly_fields = ("at", "reason", "words")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Farewell | None = None) -> bool:
        return False
