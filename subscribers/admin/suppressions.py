from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from newsletter import audit
from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.admin_site.large_lists import recent_days_filter
from newsletter.number_text import pluralize
from subscribers.addresses.canonical import LONGEST_ADDRESS, AddressError, canonical_address, hash_address
from subscribers.models import LiftedSuppression, Subscriber, Suppression
from subscribers.models.suppression import LONGEST_NOTE
from subscribers.subscription.suppression import NewSuppression, lift_day, of_day, suppress


class AddressSearch(AuditedAdmin):
    """A list searched by a whole address in any spelling, through the index on its hash."""

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
            self.message_user(request, f"Enter the whole address. {exc}", messages.WARNING)
            return queryset.none(), False

    def of_address(self, rows: QuerySet[Any], canonical: str) -> QuerySet[Any]:
        return rows.filter(address_hash=hash_address(canonical))


class SuppressForm(forms.ModelForm[Suppression]):
    """Suppresses an address; only its hash is stored."""

    address = forms.CharField(max_length=LONGEST_ADDRESS, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = Suppression
        fields = ("note",)

    def clean_address(self) -> str:
        try:
            address_hash = hash_address(canonical_address(self.cleaned_data["address"]))
        except AddressError as exc:
            raise forms.ValidationError(str(exc)) from exc
        if row := Suppression.objects.filter(address_hash=address_hash).first():
            raise forms.ValidationError(f"This address is already suppressed: {row.get_reason_display().lower()}.")
        return address_hash

    def save(self, commit: bool = True) -> Suppression:
        self.instance.address_hash = self.cleaned_data["address"]
        self.instance.reason = Suppression.Reason.MANUAL
        return super().save(commit)


class LiftForm(forms.Form):
    """The reason for lifting a suppression; after a spam complaint, the operator has to confirm it too."""

    note = forms.CharField(
        max_length=LONGEST_NOTE,
        widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Give a reason. It is kept with the record."},
    )
    is_sure = forms.BooleanField(required=False)

    def __init__(self, *args: Any, reason: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_sure"].required = reason == Suppression.Reason.COMPLAINT
        self.fields["is_sure"].error_messages["required"] = "Confirm that the reader has asked for mail again."


class LiftDayForm(forms.Form):
    """A day and a reason whose suppressions were a mistake. Complaints are lifted one by one."""

    REASONS = (Suppression.Reason.BOUNCE, Suppression.Reason.PROVIDER)

    day = forms.DateField(
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), error_messages={"required": "Name the day."}
    )
    reason = forms.ChoiceField(choices=[(reason, reason.label) for reason in REASONS], widget=UnfoldAdminSelectWidget)
    note = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Give a reason. It is kept with the record."},
    )
    is_sure_of = forms.IntegerField(required=False, widget=forms.HiddenInput)


@admin.register(Suppression)
class SuppressionAdmin(AddressSearch):
    list_display = ("hash_begins", "reason", "at", "note")
    list_filter = ("reason", recent_days_filter("at"))
    search_fields = ("address_hash",)
    unlogged = ("address", "note")  # they may identify a reader who is erased later
    fields = readonly_fields = ("hash_whole", "reason", "at", "note")
    actions_detail = ("lift",)
    actions_list = ("lift_day",)

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

    def save_model(self, request: HttpRequest, obj: Suppression, form: object, change: bool) -> None:
        suppress([NewSuppression(obj.address_hash, Suppression.Reason.MANUAL, obj.at, obj.note)])
        obj.pk = Suppression.objects.get(address_hash=obj.address_hash).pk

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("subscribers.delete_suppression")

    @action(description="Lift this suppression", permissions=["lift"])
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

    @action(description="Lift all of a day", url_path="lift-day", permissions=["lift"])
    def lift_day(self, request: HttpRequest) -> HttpResponse:
        """Lift all suppressions of a day and reason, once the operator has confirmed how many they are."""
        if not self.has_lift_permission(request):
            raise PermissionDenied
        form, count = LiftDayForm(request.POST or None), None
        if request.method == "POST" and form.is_valid():
            day, reason = form.cleaned_data["day"], Suppression.Reason(form.cleaned_data["reason"])
            count = of_day(day, reason).count()
            if count and form.cleaned_data["is_sure_of"] == count:
                self.lift_rows_of_day(request, day, reason, form.cleaned_data["note"])
                return HttpResponseRedirect(reverse("admin:subscribers_suppression_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Lift all suppressions of a day",
            "opts": self.opts,
            "form": form,
            "count": count,
        }
        return TemplateResponse(request, "admin/subscribers/suppression/lift_day.html", context)

    @transaction.atomic
    def lift_rows_of_day(self, request: HttpRequest, day: date, reason: Suppression.Reason, note: str) -> None:
        lifted = lift_day(day, reason, request.user.get_username(), note)
        audit.record_all(request.user, lifted.suppressions, "lifted", {"reason": reason.label, "suppressed_on": day})
        self.message_user(
            request,
            f"{pluralize(len(lifted.suppressions), 'suppression')} of {day:%-d %B %Y} lifted. These addresses are "
            f"mailed again, and the papers of {pluralize(lifted.mails, 'mail')} that came back come with the readers’ "
            "next digest. Where the provider itself has stopped mailing them, take them off its list too.",
            messages.SUCCESS,
        )

    @transaction.atomic
    def lift_row(self, request: HttpRequest, row: Suppression, note: str) -> None:
        pk, before = row.pk, {"reason": row.get_reason_display(), "suppressed_at": row.at}
        if not row.lift(request.user.get_username(), note):
            self.message_user(request, "Somebody else has changed or lifted this suppression.", messages.WARNING)
            return
        row.pk = pk
        audit.record(request.user, row, "lifted", before)
        self.message_user(
            request, "Suppression lifted. The address is mailed again if its reader is active.", messages.SUCCESS
        )


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
