from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from digests.admin import dashboard_blocks
from digests.admin.mail_setup_page import MailSetupPage
from digests.admin.provider_test import ProviderTestPage
from digests.admin.read_only import ReadOnlyAdmin
from digests.models import Delivery, ProviderEvent, SendingSwitch, SwitchChange
from digests.monitoring import notices, obstacles, provider_status
from digests.sending import switch
from newsletter import audit
from newsletter.admin_site.page_context import page_context


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
class SendingSwitchAdmin(ProviderTestPage, MailSetupPage, ReadOnlyAdmin):
    """The page on sending: whether digests may be sent, the buttons that change it, and who used them."""

    STATES = {"pause": "paused", "resume": "resumed", "allow": "allowed"}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self.page(request, SwitchForm())
        if not self.has_switch_permission(request, request.POST.get("act")):
            raise PermissionDenied
        form = SwitchForm(request.POST)
        if not form.is_valid():
            return self.page(request, form)
        if not form.cleaned_data["is_sure"]:
            return self.page(request, form, asked=form.cleaned_data)
        self.apply(request, form.cleaned_data)
        return HttpResponseRedirect(request.path)

    def has_switch_permission(self, request: HttpRequest, act: str | None) -> bool:
        """Editors may pause sending; only operators may resume or allow it."""
        return request.user.has_perm(f"digests.{'pause_sending' if act == 'pause' else 'change_sendingswitch'}")

    def page(self, request: HttpRequest, form: SwitchForm, asked: dict[str, Any] | None = None) -> HttpResponse:
        aside = ProviderEvent.objects.exclude(put_aside="").values("put_aside").annotate(count=Count("pk"))
        labels = dict(ProviderEvent.Aside.choices)
        context = page_context(self, request, "Sending") | {
            "form": form,
            "asked": asked,
            "obstacles": obstacles.find_obstacles(),
            "is_held": switch.is_held(),
            "is_paused": switch.is_paused(),
            "may_turn": self.has_switch_permission(request, "resume"),
            "may_pause": self.has_switch_permission(request, "pause"),
            "waiting": dashboard_blocks.load_waiting(),
            "changes": SwitchChange.objects.all()[:20],
            "provider_statuses": provider_status.provider_statuses(),
            "aside": [(row["put_aside"], labels[row["put_aside"]], row["count"]) for row in aside],
            "held_count": ProviderEvent.objects.held().count(),
            "uncertain_count": Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).count(),
        }
        return TemplateResponse(request, "admin/digests/sendingswitch/page.html", context)

    def apply(self, request: HttpRequest, asked: dict[str, Any]) -> None:
        by = request.user.get_username()
        match asked["act"]:
            case "pause":
                is_changed, words = (
                    switch.pause(by, asked["reason"]),
                    "Paused. Calls in flight finish, no new one begins.",
                )
            case "resume":
                is_changed, words = switch.resume(by), "Resumed. What waits leaves within half a minute."
            case _:
                is_changed, words = switch.allow(by), "Allowed. Digests leave from this database again."
        if is_changed:
            row = SendingSwitch.objects.get()
            after = {"reason": asked["reason"], "sending": self.STATES[asked["act"]]}
            audit.record(request.user, row, self.STATES[asked["act"]], {}, after)
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "Somebody else was first: see below how it stands.", messages.WARNING)


def sending_label(request: HttpRequest) -> list[Any] | None:
    """Return what stands at the top of every admin page while something keeps digests back, None otherwise.

    A short label, its kind, and the lines for those who may see the page on sending: the notices of it may go by the
    provider that fails.
    """
    found = obstacles.find_obstacles(is_brief=True)
    if not request.user.has_perm("digests.view_sendingswitch"):
        return [found[0].label, "danger", []] if found else None
    lines = [obstacle.line for obstacle in found]
    lines += [f"A notice could not be mailed to you: {title}." for title in notices.undelivered_titles()]
    if not lines:
        return None
    return [found[0].label if found else "Notices wait", "danger", lines]
