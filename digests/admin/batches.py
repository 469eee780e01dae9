from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from digests.admin.dashboard import VIEW_SENDING, sending_context
from digests.admin.read_only import ReadOnlyAdmin
from digests.models import Batch
from newsletter.admin_site.large_lists import recent_days_filter


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    """Lists batches, and serves the block of the home page that refreshes itself during sending."""

    list_display = ("id", "lane", "provider", "status", "position", "attempt", "made_at", "not_before", "lease_until")
    list_filter = ("status", recent_days_filter("made_at"))
    search_fields = ("=id",)
    search_help_text = "A batch’s number."

    def get_urls(self) -> list[URLPattern]:
        page = path("progress/", self.admin_site.admin_view(self.progress), name="digests_batch_progress")
        return [page, *super().get_urls()]

    def progress(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(VIEW_SENDING):
            raise PermissionDenied
        return TemplateResponse(request, "admin/home/_sending.html", sending_context())
