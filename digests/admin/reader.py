"""A reader's page in the admin, with the reader's recent deliveries and events."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from digests.admin import reader_history
from subscribers.admin.subscribers import SubscriberAdmin
from subscribers.models import Subscriber

admin.site.unregister(Subscriber)


@admin.register(Subscriber)
class ReaderAdmin(SubscriberAdmin):
    change_form_template = "admin/digests/subscriber/change_form.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        reader = self.get_object(request, object_id)
        if reader is not None and self.has_view_permission(request, reader):
            deliveries = reader_history.deliveries_of(reader)
            context |= {"deliveries": deliveries, "events": reader_history.events_of(reader, deliveries)}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]
