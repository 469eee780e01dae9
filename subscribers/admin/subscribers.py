from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import action, display

from newsletter import audit, clock
from newsletter.admin_site.page_context import page_context
from newsletter.papers.models import Topic
from subscribers import csv_export
from subscribers.admin import search
from subscribers.admin.suppressions import AddressSearch
from subscribers.models import Consent, Letter, Subscriber, Suppression
from subscribers.subscription import suppression


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
class SubscriberAdmin(AddressSearch):
    list_display = ("email", "state", "rhythm", "next_digest_at", "paused_until", "created_at", "confirmed_at")
    list_filter = ("status", "frequency")
    search_fields = ("canonical",)
    list_disable_select_all = True  # one slip must not suppress a million readers
    ordering = ("-pk",)
    fields = (
        "email", "status", "suppression", "preferences", "detail", "frequency", "weekday", "send_time", "timezone",
        "paused_until", "covered_through", "next_digest_at", "created_at", "confirmed_at", "unsubscribed_at",
    )  # fmt: skip
    readonly_fields = fields
    inlines = (ConsentInline, LetterInline)
    actions_list = ("embed_form", "export")
    actions = ("suppress",)
    search_help_text = "An address, the beginning of one, or @ and a domain."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search.search_readers(queryset, search_term), False

    @display(description="Status", label={"Pending": "info", "Active": "success", "Unsubscribed": "warning"})
    def state(self, subscriber: Subscriber) -> str:
        return subscriber.get_status_display()

    @display(description="Under each paper")
    def detail(self, subscriber: Subscriber) -> str:
        return subscriber.preferences.get_detail_display()

    @display(description="Digests")
    def rhythm(self, subscriber: Subscriber) -> str:
        """Return when digests come, in the reader's time zone."""
        days = f"{subscriber.get_weekday_display()}s" if subscriber.is_weekly else subscriber.get_frequency_display()
        return f"{days}, {subscriber.send_time:%H:%M} {subscriber.timezone}"

    def has_suppress_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.add_suppression")

    @admin.action(description="Suppress the addresses", permissions=["suppress"])
    def suppress(self, request: HttpRequest, readers: QuerySet[Subscriber]) -> HttpResponse | None:
        """Ask for a reason first; suppress once there is one."""
        if request.POST.get("note", "").strip():
            rows = suppression.suppress_readers(readers, request.POST["note"].strip())
            audit.record_all(request.user, rows, "added")
            self.message_user(request, f"Suppressed: {len(rows)}. These addresses will not be mailed again.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Never mail these readers again?",
            "opts": self.opts,
            "readers": readers,
            "checkbox": ACTION_CHECKBOX_NAME,
            "is_answer": "note" in request.POST,
        }
        return TemplateResponse(request, "admin/subscribers/subscriber/suppress.html", context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.export_subscriber")

    @display(description="Suppressed")
    def suppression(self, subscriber: Subscriber) -> str:
        row = Suppression.objects.filter(address_hash=subscriber.address_hash).first()
        return f"{row.get_reason_display()}, {row.at:%-d %B %Y}. {row.note}".strip() if row else "No"

    @action(description="Form for another site", permissions=["view"])
    def embed_form(self, request: HttpRequest) -> HttpResponse:
        """Show the HTML that another site needs to sign readers up; `?topics=a&topics=b` fixes the topics."""
        topics = Topic.objects.current().order_by("name")
        chosen = set(request.GET.getlist("topics"))
        fixed = [topic for topic in topics if topic.slug in chosen]
        snippet = render_to_string("subscribers/embed.html", {"fixed": fixed, "topics": topics}, request).strip()
        link = f"{settings.SITE_URL}{reverse('subscribers:subscribe')}?topics={','.join(t.slug for t in fixed)}"
        shown = {"topics": topics, "fixed": fixed, "snippet": snippet, "link": link if fixed else ""}
        context = page_context(self, request, "Form for another site", **shown)
        return TemplateResponse(request, "admin/subscribers/subscriber/embed.html", context)

    @action(description="Export all", permissions=["export"])
    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        if request.method != "POST":
            context = {**self.admin_site.each_context(request), "title": "Export all readers", "opts": self.opts}
            return TemplateResponse(request, "admin/subscribers/subscriber/export.html", context)
        audit.record_kind(request.user, Subscriber, "exported")
        response = StreamingHttpResponse(csv_export.lines(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="subscribers-{clock.today()}.csv"'
        response["Cache-Control"] = "no-store"
        return response
