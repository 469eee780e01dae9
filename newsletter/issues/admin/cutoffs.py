"""The admin of the weekly cutoff calendar."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.issues import cutoff_changes
from newsletter.issues.models import Cutoff

NEVER = "no automatic issue"
EVERY_DAY_SILENT = "At least one weekday needs an issue. To publish nothing for a while, hold the drafts."


class CutoffForm(forms.ModelForm[Cutoff]):
    class Meta:
        model = Cutoff
        fields = ("weekday", "at")
        help_texts = {
            "at": "When drafts of this weekday are published automatically. If empty, it has no automatic issue; an "
            "issue that you prepare for it is published at the usual time. Open issues follow this change unless "
            "their cutoff was set by hand; one whose new cutoff has passed is published within a minute."
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        others = Cutoff.objects.filter(at=None).exclude(pk=self.instance.pk)
        if not self.errors and values["at"] is None and others.count() + 1 >= len(Cutoff.Weekday):
            raise forms.ValidationError(EVERY_DAY_SILENT)
        return values


@admin.register(Cutoff)
class CutoffAdmin(AuditedAdmin):
    form = CutoffForm
    list_display = ("weekday", "published")
    ordering = ("weekday",)

    @display(description="Published automatically")
    def published(self, cutoff: Cutoff) -> str:
        return f"{cutoff.at:%H:%M} UTC" if cutoff.at else NEVER

    def save_model(self, request: HttpRequest, obj: Cutoff, form: Any, change: bool) -> None:
        with cutoff_changes.apply_to_open_issues():
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Cutoff) -> None:
        with cutoff_changes.apply_to_open_issues():
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Cutoff]) -> None:
        for cutoff in queryset:
            self.delete_model(request, cutoff)
