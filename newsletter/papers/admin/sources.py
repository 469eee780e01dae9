from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.decorators import display

from newsletter import audit, clock
from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.papers import tasks
from newsletter.papers.ingest.fetch import validate_address
from newsletter.papers.models import Source
from newsletter.papers.source_health import Freshness, freshness_of


class SourceForm(ModelForm[Source]):
    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if self.instance.kind not in Source.INSIDE and "url" in self.changed_data:
            validate_address(url)
        return url


@admin.register(Source)
class SourceAdmin(AuditedAdmin):
    form = SourceForm
    list_display = ("name", "kind", "health", "lag", "new_count", "last_success_at", "next_try", "last_error")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "url")
    readonly_fields = (
        "last_tried_at", "last_success_at", "last_error", "failure_count", "warning", "refused_items", "fresh_on",
        "listing_size", "new_count", "next_try_at",
    )  # fmt: skip
    actions = ("fetch_now", "pause", "resume")

    @display(
        description="Health",
        label={
            Freshness.FRESH: "success",
            Freshness.FAILING: "danger",
            Freshness.STALE: "danger",
            Freshness.PARTIAL: "warning",
            Freshness.AWAITED: "info",
            "faulty answer": "warning",
            "paused": "",
        },
    )
    def health(self, source: Source) -> str:
        if not source.is_active:
            return "paused"
        if source.kind in Source.INSIDE:
            return Freshness.FRESH
        if source.warning and not source.failure_count:
            return "faulty answer"
        if source.kind in {Source.Kind.ARXIV_API, Source.Kind.FEED} and not source.failure_count:
            return Freshness.FRESH if source.last_success_at else Freshness.AWAITED
        return freshness_of(source.health, clock.today(), clock.now())

    @display(description="Newest listing")
    def lag(self, source: Source) -> str:
        if source.fresh_on is None:
            return "–"
        days = (clock.today() - source.fresh_on).days
        return f"{source.fresh_on:%-d %b}, " + ("today" if days < 1 else f"{days} days ago")

    @display(description="Refused at the last visit")
    def refused_items(self, source: Source) -> str:
        """List what was refused and why, newly refused items first."""
        lines = [line for refused in source.refused.values() for line in refused.items()]
        lines.sort(key=lambda line: line[1], reverse=True)
        shown = ((line, f"{datetime.fromisoformat(at):%-d %b, %H:%M} UTC") for line, at in lines)
        return format_html_join("", "<p>{} (since {})</p>", shown) or "–"

    @display(description="Next try")
    def next_try(self, source: Source) -> str:
        if source.kind in Source.INSIDE or not source.is_active:
            return "–"
        return f"{source.next_try_at:%-d %b, %H:%M} UTC" if source.next_try_at else "at once"

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only kinds that are fetched, as `add_source` does; the others are created by the code."""
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if db_field.name == "kind" and request.path.endswith("/add/"):
            field.choices = [choice for choice in field.choices if choice[0] not in Source.INSIDE]
        return field

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        paused = list(sources.fetched())  # type: ignore[attr-defined]
        Source.objects.filter(pk__in=[source.pk for source in paused]).pause()
        audit.record_all(request.user, paused, "paused")
        self.message_user(
            request, f"{len(paused)} sources are paused: nothing is fetched from them until they are resumed."
        )

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        resumed = list(sources.paused())  # type: ignore[attr-defined]
        Source.objects.filter(pk__in=[source.pk for source in resumed]).resume()
        audit.record_all(request.user, resumed, "resumed")
        self.message_user(request, f"{len(resumed)} sources are resumed and will be fetched within a few minutes.")

    @admin.action(description="Fetch now", permissions=["change"])
    def fetch_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        asked = list(sources.fetched())  # type: ignore[attr-defined]
        for source in asked:
            tasks.fetch_source.delay(source.pk)
        audit.record_all(request.user, asked, "asked to be fetched")
        self.message_user(
            request, f"{len(asked)} sources are being fetched. Reload the page in a moment to see the results."
        )
