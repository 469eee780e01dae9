from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from digests.admin.read_only import ReadOnlyAdmin
from digests.models import ReturnedMail
from digests.monitoring import return_mailbox
from newsletter.admin_site.large_lists import recent_days_filter


@admin.register(ReturnedMail)
class ReturnedMailAdmin(ReadOnlyAdmin):
    """The list of returned mail that no event was made of."""

    list_display = ("received_at", "why", "subject", "note", "delivery_id", "letter_id", "size")
    list_filter = ("why", recent_days_filter("received_at"))
    fields = ("received_at", "why", "note", "subject", "text", "delivery_id", "letter_id", "size")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        context = {"subtitle": return_mailbox.mailbox_words()}
        page: HttpResponse = super().changelist_view(request, context | (extra_context or {}))
        return page
