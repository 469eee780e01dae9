from django.contrib import admin, messages
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from digests import tasks
from digests.models import Batch, Delivery
from newsletter.issues.admin import IssueAdmin
from newsletter.issues.models import Issue

admin.site.unregister(Issue)


@admin.register(Issue)
class IssueDesk(IssueAdmin):
    """The issue's page, with what takes readers' mail into account."""

    actions_submit_line = (*IssueAdmin.actions_submit_line, "send_to_me")
    FITTING = {status: fitting | {"send_to_me"} for status, fitting in IssueAdmin.FITTING.items()}

    @action(description="Save and send it to me")
    def send_to_me(self, request: HttpRequest, issue: Issue) -> None:
        address = getattr(request.user, "email", "")
        if not address:
            self.message_user(request, "Your account has no email address: give it one under “Users”.", messages.ERROR)
            return
        tasks.send_trial.delay_on_commit(issue.pk, request.user.pk)
        self.message_user(request, f"On its way to {address}, marked as a test and counted nowhere.")


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("slot", "subscriber", "state", "reason", "note")
    list_filter = ("status", "reason")
    list_select_related = ("subscriber", "batch")
    search_fields = ("subscriber__canonical",)

    @display(description="State")
    def state(self, delivery: Delivery) -> str:
        if delivery.status:
            return delivery.get_status_display()
        return "Sent" if delivery.is_sent else "Planned"


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "lane", "status", "position", "attempt", "made_at", "not_before", "lease_until")
    list_filter = ("status",)
