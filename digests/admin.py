from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.postgres.aggregates import StringAgg
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from digests import bounces, figures, home, searching, settling, stats, switch, ways_out
from digests.home_admin import ProgressPage
from digests.models import Batch, Delivery, ProviderEvent, SendingSwitch, SwitchChange
from digests.paper_figures_admin import PaperFiguresOfAnIssue
from digests.publishing_admin import PublishingPages
from digests.reader_admin import ReaderAdmin as ReaderAdmin
from digests.seeing_admin import SeeingAdmin
from digests.sending_admin import TestPage
from newsletter import audit, clock
from newsletter.audited import AuditedAdmin
from newsletter.issues.models import Issue
from newsletter.listing import lately

admin.site.unregister(Issue)

RELATED = ("subscriber", "batch", "digest__issue")  # of a delivery
MOST_SHOWN = 20  # deliveries on the page that asks
KINDS_HEARD = (
    ProviderEvent.objects.filter(delivery_id=OuterRef("pk"))
    .order_by()
    .values("delivery_id")
    .annotate(kinds=StringAgg("kind", " ", distinct=True))
    .values("kinds")
)


@admin.register(Issue)
class IssueDesk(PaperFiguresOfAnIssue, SeeingAdmin, PublishingPages):
    """The issue's page, with what takes readers' mail into account."""

    actions_detail = (*PublishingPages.actions_detail, "statistics")
    actions_submit_line = ("hold", "release")

    @action(description="Statistics", permissions=["statistics"])
    def statistics(self, request: HttpRequest, object_id: str) -> HttpResponse:
        issue = get_object_or_404(Issue, pk=object_id)
        found = stats.statistics_of(issue)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statistics of the issue of {issue.date:%-d %B %Y}",
            "opts": self.opts,
            "issue": issue,
            "object": issue,
            "counted_at": clock.now(),
            "is_closed": found.all.is_closed,
            "lines": figures.lines_of(found.all),
            "handed_over": figures.words_of(found.handed_over),
            "arrived": figures.words_of(found.arrived),
            "skipped": found.skipped,
            "columns": figures.COLUMNS,
            "tables": [
                {"caption": "By provider", "head": "Provider", "rows": found.providers},
                {"caption": "By topic of the readers’ choice", "head": "Topic", "rows": found.topics},
            ],
        }
        return TemplateResponse(request, "admin/issues/issue/statistics.html", context)


class ReadOnlyAdmin(AuditedAdmin):
    sortable_by: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Each reader's copy; of those that are uncertain, what is known, and two words to settle them by."""

    list_display = ("slot", "subscriber", "issue", "state", "reason", "note", "handed_over", "events", "settled")
    list_filter = ("status", "reason", lately("made_at"))
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
        return searching.deliveries(queryset, search_term) if search_term.strip() else queryset, False

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> list[str]:
        """Say what became of it, where its row alone does not."""
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
        return deliveries.annotate(heard=Subquery(KINDS_HEARD))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show of uncertain deliveries what is known of them, and of the others no empty columns."""
        is_about_doubt = request.GET.get("status__exact") == Delivery.Status.UNCERTAIN
        hidden = {"reason", "settled"} if is_about_doubt else {"handed_over", "events"}
        return tuple(name for name in self.list_display if name not in hidden)

    @display(description="Issue")
    def issue(self, delivery: Delivery) -> str:
        return f"{delivery.digest.issue.date:%-d %b %Y}" if delivery.digest else ""

    @display(description="Handed over")
    def handed_over(self, delivery: Delivery) -> str:
        """Say how: the provider's lane, the batch, and which of its calls."""
        batch = delivery.batch
        return f"{batch.lane} lane, batch {batch.pk}, call {delivery.call_no}" if batch else ""

    @display(description="Provider reported")
    def events(self, delivery: Delivery) -> str:
        kinds = (getattr(delivery, "heard", "") or "").split()
        return ", ".join(ProviderEvent.Kind(kind).label.lower() for kind in kinds) or "nothing"

    @display(description="Settled by")
    def settled(self, delivery: Delivery) -> str:
        return f"{delivery.settled_by}, {delivery.settled_at:%-d %b %H:%M} UTC" if delivery.settled_at else ""

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("digests.change_delivery")

    @admin.action(description="It was sent (of uncertain ones)", permissions=["settle"])
    def say_sent(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> HttpResponse | None:
        return self.settle(request, deliveries, was_sent=True)

    @admin.action(description="It was not sent (of uncertain ones)", permissions=["settle"])
    def say_not_sent(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> HttpResponse | None:
        return self.settle(request, deliveries, was_sent=False)

    def settle(self, request: HttpRequest, deliveries: QuerySet[Delivery], was_sent: bool) -> HttpResponse | None:
        """Ask first, and again where there are more or fewer by the time of the answer."""
        uncertain = deliveries.filter(status=Delivery.Status.UNCERTAIN)
        count = uncertain.count()
        if count and request.POST.get("is_sure_of") != str(count):
            return self.ask(request, uncertain, was_sent, count)
        ids = settling.settle_by_hand(uncertain, was_sent, by=request.user.get_username())
        before, after = {"status": "Uncertain"}, {"status": self.WORDS[was_sent]}
        audit.record_all(request.user, Delivery.objects.filter(pk__in=ids), "settled", before, after)
        if ids:
            self.message_user(request, f"{len(ids):,} settled. {self.WORDS[was_sent]}", messages.SUCCESS)
        else:
            self.message_user(request, "None of these is uncertain: nothing was changed.", messages.WARNING)
        return None

    def ask(self, request: HttpRequest, uncertain: QuerySet[Delivery], was_sent: bool, count: int) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": self.WORDS[was_sent],
            "opts": self.opts,
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
        if delivery.status:
            return delivery.get_status_display()
        return "Sent" if delivery.is_sent else "Planned"


@admin.register(Batch)
class BatchAdmin(ProgressPage, ReadOnlyAdmin):
    list_display = ("id", "lane", "provider", "status", "position", "attempt", "made_at", "not_before", "lease_until")
    list_filter = ("status", lately("made_at"))
    search_fields = ("=id",)
    search_help_text = "A batch’s number."


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "provider", "kind", "domain", "delivery_id", "letter_id", "put_aside", "held")
    list_filter = ("held", "put_aside", "kind", lately("received_at"))
    search_fields = ("domain",)
    search_help_text = "The id of a delivery or letter, the provider’s id of a delivery, or a domain."
    actions = ("suppress", "let_go")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ProviderEvent], search_term: str
    ) -> tuple[QuerySet[ProviderEvent], bool]:
        return searching.events(queryset, search_term) if search_term.strip() else queryset, False

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
        decided = [event for event in events.held() if bounces.decide(event, is_suppressed)]  # type: ignore[attr-defined]
        for event in decided:
            audit.record(request.user, event, "suppressed the address of" if is_suppressed else "let go")
        return len(decided)


class SwitchForm(forms.Form):
    act = forms.ChoiceField(choices=[(act, act) for act in ("pause", "resume", "allow")])
    reason = forms.CharField(
        max_length=300, required=False, widget=UnfoldAdminTextInputWidget(attrs={"aria-label": "Why"})
    )
    is_sure = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("act") == "pause" and not values.get("reason"):
            self.add_error("reason", "Say why, for whoever finds sending paused.")
        return values


@admin.register(SendingSwitch)
class SendingSwitchAdmin(TestPage, ReadOnlyAdmin):
    """One page: whether digests may leave, the buttons that change it, and who pressed them before."""

    STATES = {"pause": "paused", "resume": "resumed", "allow": "allowed"}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self.page(request, SwitchForm())
        if not self.has_turn_permission(request, request.POST.get("act")):
            raise PermissionDenied
        form = SwitchForm(request.POST)
        if not form.is_valid():
            return self.page(request, form)
        if not form.cleaned_data["is_sure"]:
            return self.page(request, form, asked=form.cleaned_data)
        self.turn(request, form.cleaned_data)
        return HttpResponseRedirect(request.path)

    def has_turn_permission(self, request: HttpRequest, act: str | None) -> bool:
        """Let editors pause; to let mail leave again is the operators' word."""
        return request.user.has_perm(f"digests.{'pause_sending' if act == 'pause' else 'change_sendingswitch'}")

    def page(self, request: HttpRequest, form: SwitchForm, asked: dict[str, Any] | None = None) -> HttpResponse:
        aside = ProviderEvent.objects.exclude(put_aside="").values("put_aside").annotate(count=Count("pk"))
        labels = dict(ProviderEvent.Aside.choices)
        context = {
            **self.admin_site.each_context(request),
            "title": "Sending",
            "opts": self.opts,
            "form": form,
            "asked": asked,
            "answer": switch.standing(),
            "is_held": switch.is_held(),
            "is_paused": switch.is_paused(),
            "may_turn": self.has_turn_permission(request, "resume"),
            "may_pause": self.has_turn_permission(request, "pause"),
            "waiting": home.waiting(),
            "changes": SwitchChange.objects.all()[:20],
            "ways_out": ways_out.ways_out(),
            "aside": [(row["put_aside"], labels[row["put_aside"]], row["count"]) for row in aside],
            "held_count": ProviderEvent.objects.held().count(),
            "uncertain_count": Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).count(),
        }
        return TemplateResponse(request, "admin/digests/sendingswitch/page.html", context)

    def turn(self, request: HttpRequest, asked: dict[str, Any]) -> None:
        by = request.user.get_username()
        match asked["act"]:
            case "pause":
                done, words = switch.pause(by, asked["reason"]), "Paused. Calls in flight finish, no new one begins."
            case "resume":
                done, words = switch.resume(by), "Resumed. What waits leaves within half a minute."
            case _:
                done, words = switch.allow(by), "Allowed. Digests leave from this database again."
        if done:
            switched = SendingSwitch.objects.get()
            after = {"reason": asked["reason"], "sending": self.STATES[asked["act"]]}
            audit.record(request.user, switched, self.STATES[asked["act"]], {}, after)
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "Somebody else was first: see below how it stands.", messages.WARNING)


def sending_label(request: HttpRequest) -> list[str] | None:
    """Say at the head of every admin page that nothing is sent."""
    answer = switch.standing()
    return None if answer.may else ["No digest is sent: see “Sending”", "danger"]
