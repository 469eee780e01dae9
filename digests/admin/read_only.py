from django.http import HttpRequest

from newsletter.admin_site.audited_admin import AuditedAdmin


class ReadOnlyAdmin(AuditedAdmin):
    sortable_by: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
