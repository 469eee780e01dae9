"""The editors' desk."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from newsletter import clock
from newsletter.issues import publishing
from newsletter.issues.models import Issue, IssueEntry


class EntryForm(forms.ModelForm[IssueEntry]):
    is_dropped = forms.BooleanField(label="Drop", required=False, help_text="Leave this paper out.")

    class Meta:
        model = IssueEntry
        fields = ("position", "is_pick", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["is_dropped"] = self.instance.dropped_at is not None

    def save(self, commit: bool = True) -> IssueEntry:
        is_dropped = self.cleaned_data["is_dropped"]
        if is_dropped != (self.instance.dropped_at is not None):
            self.instance.dropped_at = clock.now() if is_dropped else None
        return super().save(commit)


class FrontInline(TabularInline):  # type: ignore[misc]
    model = IssueEntry
    form = EntryForm
    verbose_name_plural = "The front"
    fields = ("paper_title", "figures", "is_pick", "note", "is_dropped", "position")
    readonly_fields = ("paper_title", "figures")
    ordering_field = "position"
    hide_ordering_field = True
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssueEntry]:
        entries: QuerySet[IssueEntry] = super().get_queryset(request)
        return entries.filter(shelf=IssueEntry.Shelf.FRONT).select_related("paper")

    def has_add_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> tuple[str, ...]:
        frozen = () if obj is None or obj.is_open else ("is_pick", "note")
        return (*self.readonly_fields, *frozen)

    @display(description="Paper")
    def paper_title(self, entry: IssueEntry) -> str:
        return entry.paper.title

    @display(description="Votes, score, listed")
    def figures(self, entry: IssueEntry) -> str:
        return f"{entry.paper.votes} votes · {entry.paper.score:.1f} · {entry.paper.listed_on:%-d %b}"


@admin.register(Issue)
class IssueAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("date", "state", "subject", "cutoff_at", "published_at", "curated_by")
    list_filter = ("status",)
    fields = (
        "date",
        "state",
        "subject",
        "intro",
        "listings_held",
        "front_size",
        "cutoff_at",
        "published_at",
        "curated_by",
    )
    readonly_fields = ("date", "state", "listings_held", "published_at", "curated_by")
    inlines = (FrontInline,)
    actions_submit_line: tuple[str, ...] = ("publish", "hold", "release", "withdraw")
    FITTING = {
        Issue.Status.DRAFT: {"publish", "hold"},
        Issue.Status.HELD: {"publish", "release"},
        Issue.Status.PUBLISHED: {"withdraw"},
        Issue.Status.WITHDRAWN: set[str](),
    }

    @display(
        description="Status",
        label={"Draft": "info", "Held": "warning", "Published": "success", "Withdrawn": "danger"},
    )
    def state(self, issue: Issue) -> str:
        return issue.get_status_display()

    @display(description="Listings")
    def listings_held(self, issue: Issue) -> str:
        return publishing.listings_of(issue) if issue.is_open else issue.listings

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> tuple[str, ...]:
        frozen = () if obj is None or obj.is_open else ("subject", "intro", "front_size", "cutoff_at")
        return (*self.readonly_fields, *frozen)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.changed_objects:
            Issue.objects.filter(pk=form.instance.pk, arranged_at=None).update(arranged_at=clock.now())

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        issue = Issue.objects.filter(pk=object_id).first()
        fitting = self.FITTING[Issue.Status(issue.status)] if issue else set()
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        return [button for button in buttons if button.path in fitting]

    def save_model(self, request: HttpRequest, obj: Issue, form: Any, change: bool) -> None:
        # The theme would run the pressed button here, before the entries are saved: see save_related.
        admin.ModelAdmin.save_model(self, request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for button in self.get_actions_submit_line(request, form.instance.pk):
            if button.action_name in request.POST:
                button.method(request, form.instance)

    @action(description="Save and publish now")
    def publish(self, request: HttpRequest, issue: Issue) -> None:
        try:
            done = publishing.publish(issue, by=request.user)  # type: ignore[arg-type]
        except publishing.NothingToPublish as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        self.answer(request, done, "Published. Readers get it from now on, each at their own hour.")

    @action(description="Save and hold")
    def hold(self, request: HttpRequest, issue: Issue) -> None:
        done = issue.move_to(Issue.Status.HELD)
        self.answer(request, done, "Held. It is not published at its cutoff until you release it.")

    @action(description="Save and release")
    def release(self, request: HttpRequest, issue: Issue) -> None:
        self.answer(request, issue.move_to(Issue.Status.DRAFT), "Released. It is published at its cutoff.")

    @action(description="Withdraw for good")
    def withdraw(self, request: HttpRequest, issue: Issue) -> None:
        done = issue.move_to(Issue.Status.WITHDRAWN)
        self.answer(request, done, "Withdrawn. Who has not got it yet does not get it.")

    def answer(self, request: HttpRequest, done: bool, words: str) -> None:
        if done:
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "Somebody else was first: the issue has moved on.", messages.WARNING)
