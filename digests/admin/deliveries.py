from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from digests.admin import search
from digests.admin.read_only import ReadOnlyAdmin
from digests.models import Delivery, ProviderEvent, ProviderLookup
from digests.models.delivery_state import is_unknown
from digests.sending.uncertain import settle_by_hand
from newsletter import audit
from newsletter.admin_site.large_lists import recent_days_filter
from newsletter.admin_site.page_context import page_context
from newsletter.issues.models import Issue

RELATED = ("subscriber", "batch", "digest__issue")  # of a delivery
MOST_SHOWN = 20  # deliveries on the page that asks
KINDS_HEARD = (
    ProviderEvent.objects.filter(delivery_id=OuterRef("pk"))
    .order_by()
    .values("delivery_id")
    .annotate(kinds=StringAgg("kind", " ", distinct=True))
    .values("kinds")
)
LOOKUP = ProviderLookup.objects.filter(delivery_id=OuterRef("pk"))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Lists deliveries; editors settle the uncertain ones here with what is known about them."""

    list_display = (
        "slot", "subscriber", "issue", "state", "reason", "note", "handed_over", "events", "asked", "settled",
    )  # fmt: skip
    list_filter = ("status", "reason", recent_days_filter("made_at"))
    search_help_text = "A reader’s whole address, or an id: ours or the provider’s."
    list_select_related = RELATED
    readonly_fields = ("state",)
    search_fields = ("subscriber__canonical",)
    actions_list = ("statistics",)
    actions = ("say_sent", "say_not_sent")
    WORDS = {True: "It was sent.", False: "It was not sent."}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        return search.search_deliveries(queryset, search_term) if search_term.strip() else queryset, False

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> list[str]:
        """Replace the stored status by the state, which also covers deliveries without a status of their own."""
        return ["state", *(name for name in super().get_fields(request, obj) if name not in {"state", "status"})]

    def has_statistics_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("digests.view_statistics")

    @action(description="Statistics of the newest issue", permissions=["statistics"])
    def statistics(self, request: HttpRequest) -> HttpResponse:
        newest = Issue.objects.exclude(published_at=None).order_by("-published_at").first()
        if newest is None:
            self.message_user(request, "There are no statistics yet: no issue is published.")
            return HttpResponseRedirect(reverse("admin:digests_delivery_changelist"))
        return HttpResponseRedirect(reverse("admin:issues_issue_statistics", args=[newest.pk]))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        deliveries: QuerySet[Delivery] = super().get_queryset(request)
        asked = {"asked_at": Subquery(LOOKUP.values("asked_at")), "said": Subquery(LOOKUP.values("said"))}
        return deliveries.annotate(heard=Subquery(KINDS_HEARD), **asked)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show how uncertain deliveries were handed over and what the provider says; hide these columns for others."""
        is_uncertain_list = request.GET.get("status__exact") == Delivery.Status.UNCERTAIN
        hidden = {"reason", "settled"} if is_uncertain_list else {"handed_over", "events", "asked"}
        return tuple(name for name in self.list_display if name not in hidden)

    @display(description="Issue")
    def issue(self, delivery: Delivery) -> str:
        return f"{delivery.digest.issue.date:%-d %b %Y}" if delivery.digest else ""

    @display(description="Handed over")
    def handed_over(self, delivery: Delivery) -> str:
        """Return the lane, the batch and the call by which it was handed over."""
        batch = delivery.batch
        return f"{batch.lane} lane, batch {batch.pk}, call {delivery.call_no}" if batch else ""

    @display(description="Provider reported")
    def events(self, delivery: Delivery) -> str:
        kinds = (getattr(delivery, "heard", "") or "").split()
        return ", ".join(ProviderEvent.Kind(kind).label.lower() for kind in kinds) or "nothing"

    @display(description="Provider asked")
    def asked(self, delivery: Delivery) -> str:
        """Return when its provider was last asked what became of it, and what was said."""
        asked_at, said = getattr(delivery, "asked_at", None), getattr(delivery, "said", "")
        if asked_at:
            return f"{asked_at:%-d %b %H:%M} UTC: {said}"
        return "no" if said is None else said or "not yet"

    @display(description="Settled by")
    def settled(self, delivery: Delivery) -> str:
        return f"{delivery.settled_by}, {delivery.settled_at:%-d %b %H:%M} UTC" if delivery.settled_at else ""

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("digests.change_delivery")

    @admin.action(description="It was sent (of uncertain or abandoned ones)", permissions=["settle"])
    def say_sent(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> HttpResponse | None:
        return self.settle(request, deliveries, was_sent=True)

    @admin.action(description="It was not sent (of uncertain or abandoned ones)", permissions=["settle"])
    def say_not_sent(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> HttpResponse | None:
        return self.settle(request, deliveries, was_sent=False)

    def settle(self, request: HttpRequest, deliveries: QuerySet[Delivery], was_sent: bool) -> HttpResponse | None:
        """Settle those that nobody knows about; ask before, and again if their number has changed since."""
        uncertain = deliveries.filter(is_unknown())
        count = uncertain.count()
        if count and request.POST.get("is_sure_of") != str(count):
            return self.ask(request, uncertain, was_sent, count)
        ids = settle_by_hand(uncertain, was_sent, by=request.user.get_username())
        before, after = {"status": "Uncertain"}, {"status": self.WORDS[was_sent]}
        audit.record_all(request.user, Delivery.objects.filter(pk__in=ids), "settled", before, after)
        if ids:
            self.message_user(request, f"{len(ids):,} settled. {self.WORDS[was_sent]}", messages.SUCCESS)
        else:
            said = "None of these is uncertain or abandoned: nothing was changed."
            self.message_user(request, said, messages.WARNING)
        return None

    def ask(self, request: HttpRequest, uncertain: QuerySet[Delivery], was_sent: bool, count: int) -> HttpResponse:
        context = page_context(self, request, self.WORDS[was_sent]) | {
            "was_sent": was_sent,
            "count": count,
            "shown": [(row, self.events(row)) for row in uncertain.select_related(*RELATED)[:MOST_SHOWN]],
            "hidden": max(0, count - MOST_SHOWN),
            "action": request.POST["action"],
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/digests/delivery/settle.html", context)

    @display(description="State")
    def state(self, delivery: Delivery) -> str:
        return delivery.state_label
