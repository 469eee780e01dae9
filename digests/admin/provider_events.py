from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from digests.admin import search
from digests.admin.read_only import ReadOnlyAdmin
from digests.models import ProviderEvent
from digests.provider_events import bounce_policy
from newsletter import audit
from newsletter.admin_site.large_lists import recent_days_filter


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    list_display = (
        "received_at", "provider", "kind", "stopped_for", "domain", "delivery_id", "letter_id", "put_aside", "held",
    )  # fmt: skip
    list_filter = ("held", "put_aside", "kind", "stopped_for", recent_days_filter("received_at"))
    search_fields = ("domain",)
    search_help_text = "The id of a delivery or letter, the provider’s id of a delivery, or a domain."
    actions = ("suppress", "let_go")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ProviderEvent], search_term: str
    ) -> tuple[QuerySet[ProviderEvent], bool]:
        return search.search_events(queryset, search_term) if search_term.strip() else queryset, False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("digests.change_providerevent")

    @admin.action(description="Suppress the addresses of those that wait", permissions=["decide"])
    def suppress(self, request: HttpRequest, events: QuerySet[ProviderEvent]) -> None:
        count = self.decide(request, events, is_suppressed=True)
        self.message_user(request, f"{count} addresses are suppressed: nothing is mailed to them any more.")

    @admin.action(description="Let go those that wait", permissions=["decide"])
    def let_go(self, request: HttpRequest, events: QuerySet[ProviderEvent]) -> None:
        count = self.decide(request, events, is_suppressed=False)
        self.message_user(request, f"{count} bounces are let go: their addresses are mailed as before.")

    def decide(self, request: HttpRequest, events: QuerySet[ProviderEvent], is_suppressed: bool) -> int:
        decided = [event for event in events.held() if bounce_policy.decide_held_bounce(event, is_suppressed)]  # type: ignore[attr-defined]
        for event in decided:
            audit.record(request.user, event, "suppressed the address of" if is_suppressed else "let go")
        return len(decided)
