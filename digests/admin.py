from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from digests import bounces, figures, stats, switch, tasks
from digests.models import Batch, Delivery, ProviderEvent, SendingSwitch, SwitchChange
from digests.reader_admin import ReaderAdmin as ReaderAdmin
from newsletter import clock
from newsletter.issues.admin import IssueAdmin
from newsletter.issues.models import Issue

admin.site.unregister(Issue)


@admin.register(Issue)
class IssueDesk(IssueAdmin):
    """The issue's page, with what takes readers' mail into account."""

    actions_detail = ("statistics",)
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

    @action(description="Statistics", permissions=["view"])
    def statistics(self, request: HttpRequest, object_id: str) -> HttpResponse:
        issue = get_object_or_404(Issue, pk=object_id)
        found = stats.statistics_of(issue)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statistics of the issue of {issue.date:%-d %B %Y}",
            "opts": self.opts,
            "issue": issue,
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
    actions_list = ("statistics",)

    def has_statistics_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("issues.view_issue")

    @action(description="Statistics of the newest issue", permissions=["statistics"])
    def statistics(self, request: HttpRequest) -> HttpResponse:
        newest = Issue.objects.exclude(published_at=None).order_by("-published_at").first()
        if newest is None:
            self.message_user(request, "There are no statistics yet: no issue is published.")
            return HttpResponseRedirect(reverse("admin:digests_delivery_changelist"))
        return HttpResponseRedirect(reverse("admin:issues_issue_statistics", args=[newest.pk]))

    @display(description="State")
    def state(self, delivery: Delivery) -> str:
        if delivery.status:
            return delivery.get_status_display()
        return "Sent" if delivery.is_sent else "Planned"


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "lane", "provider", "status", "position", "attempt", "made_at", "not_before", "lease_until")
    list_filter = ("status",)


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "provider", "kind", "domain", "delivery_id", "letter_id", "put_aside", "held")
    list_filter = ("held", "put_aside", "kind", "provider")
    search_fields = ("=delivery_id", "=message_id", "=domain")
    actions = ("suppress", "let_go")

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
            self.log_change(request, event, "Suppressed its address." if is_suppressed else "Let it go.")
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
class SendingSwitchAdmin(ReadOnlyAdmin):
    """One page: whether digests may leave, the buttons that change it, and who pressed them before."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self.page(request, SwitchForm())
        if not self.has_turn_permission(request):
            raise PermissionDenied
        form = SwitchForm(request.POST)
        if not form.is_valid():
            return self.page(request, form)
        if not form.cleaned_data["is_sure"]:
            return self.page(request, form, asked=form.cleaned_data)
        self.turn(request, form.cleaned_data)
        return HttpResponseRedirect(request.path)

    def has_turn_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("digests.change_sendingswitch")

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
            "may_turn": self.has_turn_permission(request),
            "changes": SwitchChange.objects.all()[:20],
            "aside": [(row["put_aside"], labels[row["put_aside"]], row["count"]) for row in aside],
            "held_count": ProviderEvent.objects.held().count(),
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
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "Somebody else was first: see below how it stands.", messages.WARNING)


def sending_label(request: HttpRequest) -> list[str] | None:
    """Say at the head of every admin page that nothing is sent."""
    answer = switch.standing()
    return None if answer.may else ["No digest is sent: see “Sending”", "danger"]
