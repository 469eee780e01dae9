from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter import audit, clock
from newsletter.audited import AuditedAdmin
from newsletter.listing import lately
from subscribers import exporting, finding, suppressing
from subscribers.addresses import AddressError, canonical_address, hash_address
from subscribers.import_admin import ImportRunAdmin as ImportRunAdmin
from subscribers.models import Consent, Farewell, Letter, LiftedSuppression, Subscriber, Suppression
from subscribers.topic_admin import TopicDesk as TopicDesk


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


class AddressSearch(AuditedAdmin):
    """A list that is searched by a whole address, in whatever spelling it is typed: one look at an index."""

    search_help_text = "The whole address, in any spelling."
    sortable_by: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return self.of_address(queryset, canonical_address(search_term)), False
        except AddressError as exc:
            self.message_user(request, f"Type the whole address. {exc}", messages.WARNING)
            return queryset.none(), False

    def of_address(self, rows: QuerySet[Any], canonical: str) -> QuerySet[Any]:
        return rows.filter(address_hash=hash_address(canonical))


@admin.register(Subscriber)
class SubscriberAdmin(AddressSearch):
    list_display = ("email", "state", "rhythm", "next_digest_at", "paused_until", "created_at", "confirmed_at")
    list_filter = ("status", "frequency")
    search_fields = ("canonical",)
    list_disable_select_all = True  # a million readers are nobody's slip
    ordering = ("-pk",)
    fields = (
        "email", "status", "suppression", "preferences", "frequency", "weekday", "send_time", "timezone",
        "paused_until", "covered_through", "next_digest_at", "created_at", "confirmed_at", "unsubscribed_at",
    )  # fmt: skip
    readonly_fields = fields
    inlines = (ConsentInline, LetterInline)
    actions_list = ("export",)
    actions = ("suppress",)
    search_help_text = "An address, its beginning, or @ and its domain."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return finding.found(queryset, search_term), False

    @display(description="Status", label={"Pending": "info", "Active": "success", "Unsubscribed": "warning"})
    def state(self, subscriber: Subscriber) -> str:
        return subscriber.get_status_display()

    @display(description="Digests")
    def rhythm(self, subscriber: Subscriber) -> str:
        """Say when digests come, in the reader's own zone."""
        if subscriber.frequency == Subscriber.Frequency.WEEKLY:
            days = f"{subscriber.get_weekday_display()}s"
        else:
            days = subscriber.get_frequency_display()
        return f"{days}, {subscriber.send_time:%H:%M} {subscriber.timezone}"

    def has_suppress_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.add_suppression")

    @admin.action(description="Suppress their addresses", permissions=["suppress"])
    def suppress(self, request: HttpRequest, readers: QuerySet[Subscriber]) -> HttpResponse | None:
        """Ask first, and why."""
        if request.POST.get("note", "").strip():
            rows = suppressing.suppress(readers, request.POST["note"].strip())
            audit.record_all(request.user, rows, "added")
            self.message_user(request, f"{len(rows)} addresses are suppressed: nothing is mailed to them any more.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Never mail these again?",
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

    @action(description="Export all", permissions=["export"])
    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        if request.method != "POST":
            context = {**self.admin_site.each_context(request), "title": "Export all readers", "opts": self.opts}
            return TemplateResponse(request, "admin/subscribers/subscriber/export.html", context)
        audit.record_kind(request.user, Subscriber, "exported")
        response = StreamingHttpResponse(exporting.lines(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="subscribers-{clock.today()}.csv"'
        response["Cache-Control"] = "no-store"
        return response


class SuppressForm(forms.ModelForm[Suppression]):
    """An address that an operator wants never to be mailed; only its hash is stored."""

    address = forms.CharField(max_length=320, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = Suppression
        fields = ("note",)

    def clean_address(self) -> str:
        try:
            address_hash = hash_address(canonical_address(self.cleaned_data["address"]))
        except AddressError as exc:
            raise forms.ValidationError(str(exc)) from exc
        if row := Suppression.objects.filter(address_hash=address_hash).first():
            raise forms.ValidationError(f"It is suppressed already: {row.get_reason_display().lower()}.")
        return address_hash

    def save(self, commit: bool = True) -> Suppression:
        self.instance.address_hash = self.cleaned_data["address"]
        self.instance.reason = Suppression.Reason.MANUAL
        return super().save(commit)


class LiftForm(forms.Form):
    """Why an address is mailed again; that somebody called our mail spam is to be looked at twice."""

    note = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Say why, for whoever wonders later."},
    )
    is_sure = forms.BooleanField(required=False)

    def __init__(self, *args: Any, reason: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_sure"].required = reason == Suppression.Reason.COMPLAINT
        self.fields["is_sure"].error_messages["required"] = "Say that the reader has asked for mail again."


@admin.register(Suppression)
class SuppressionAdmin(AddressSearch):
    list_display = ("hash_begins", "reason", "at", "note")
    list_filter = ("reason", lately("at"))
    search_fields = ("address_hash",)
    unlogged = ("address", "note")  # whoever is erased is named in no note
    fields = readonly_fields = ("hash_whole", "reason", "at", "note")
    actions_detail = ("lift",)

    @display(description="Address hash")
    def hash_whole(self, row: Suppression) -> SafeString:
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', row.address_hash)

    @display(description="Address hash")
    def hash_begins(self, row: Suppression) -> str:
        return f"{row.address_hash[:12]}…"

    def get_form(
        self, request: HttpRequest, obj: Suppression | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else SuppressForm

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> tuple[str, ...]:
        return self.fields if obj else ("address", "note")

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("subscribers.delete_suppression")

    @action(description="Lift it", permissions=["lift"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = get_object_or_404(Suppression, pk=object_id)
        if not self.has_lift_permission(request):
            raise PermissionDenied
        form = LiftForm(request.POST or None, reason=row.reason)
        if request.method == "POST" and form.is_valid():
            self.lift_row(request, row, form.cleaned_data["note"])
            return HttpResponseRedirect(reverse("admin:subscribers_suppression_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Mail this address again?",
            "opts": self.opts,
            "row": row,
            "form": form,
            "reader": Subscriber.objects.filter(address_hash=row.address_hash).first(),
        }
        return TemplateResponse(request, "admin/subscribers/suppression/lift.html", context)

    @transaction.atomic
    def lift_row(self, request: HttpRequest, row: Suppression, note: str) -> None:
        pk, before = row.pk, {"reason": row.get_reason_display(), "suppressed_at": row.at}
        if not row.lift(request.user.get_username(), note):
            self.message_user(request, "Somebody else was first: look at it again.", messages.WARNING)
            return
        row.pk = pk
        audit.record(request.user, row, "lifted", before)
        self.message_user(request, "Lifted. The address is mailed again if its reader is active.", messages.SUCCESS)


@admin.register(LiftedSuppression)
class LiftedSuppressionAdmin(AddressSearch):
    list_display = ("hash_begins", "reason", "suppressed_at", "lifted_at", "by", "note")
    search_fields = ("address_hash",)

    @display(description="Address hash")
    def hash_begins(self, row: LiftedSuppression) -> str:
        return f"{row.address_hash[:12]}…"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Farewell)
class FarewellAdmin(AuditedAdmin):
    """Why readers left, in their words."""

    list_display = ("at", "reason", "words")
    list_filter = ("reason",)
    sortable_by = ()
    fields = readonly_fields = ("at", "reason", "words")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Farewell | None = None) -> bool:
        return False
