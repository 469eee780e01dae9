"""The editors' desk."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from newsletter import clock
from newsletter.issues import arranging, publishing
from newsletter.issues.models import Issue, IssueEntry
from newsletter.issues.paper_admin import PaperDesk as PaperDesk
from newsletter.listing import ListAdmin, lately


class IssueForm(forms.ModelForm[Issue]):
    class Meta:
        model = Issue
        fields = ("subject", "intro", "front_size", "cutoff_at")
        widgets = {"intro": UnfoldAdminTextareaWidget(attrs={"rows": 4})}
        help_texts = {"cutoff_at": "When the draft is published by itself, in UTC, unless it is held."}


class EntryForm(forms.ModelForm[IssueEntry]):
    is_dropped = forms.BooleanField(label="Drop", required=False, help_text="Leave this paper out.")

    class Meta:
        model = IssueEntry
        fields = ("position", "is_pick", "note")
        labels = {"position": "Place"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["is_dropped"] = self.instance.dropped_at is not None
        if self.instance.pk:  # not the empty row that the table's head is made of
            # The table names its columns only for those who see them.
            for field in self.fields.values():
                field.widget.attrs["aria-label"] = f"{field.label}: {self.instance.title}"

    @property
    def moved_by(self) -> int:
        return int(self.cleaned_data["position"] - self.initial["position"]) if "position" in self.changed_data else 0

    def clean_is_dropped(self) -> bool:
        is_dropped: bool = self.cleaned_data["is_dropped"]
        if self.instance.dropped_at and not is_dropped:
            others = IssueEntry.objects.front().kept().filter(paper=self.instance.paper_id)
            if other := others.exclude(pk=self.instance.pk).select_related("issue").first():
                raise forms.ValidationError(
                    f"It is on the front of {other.issue.date} by now, and no paper leads twice."
                )
        return is_dropped

    def save(self, commit: bool = True) -> IssueEntry:
        is_dropped = self.cleaned_data["is_dropped"]
        if is_dropped != (self.instance.dropped_at is not None):
            self.instance.dropped_at = clock.now() if is_dropped else None
        return super().save(commit)


class FrontInline(TabularInline):  # type: ignore[misc]
    model = IssueEntry
    form = EntryForm
    verbose_name_plural = "The front"
    fields = ("position", "paper_title", "figures", "is_pick", "note", "is_dropped")
    readonly_fields = ("paper_title", "figures")
    # Rows are dragged, and a place can be typed: not everybody has a mouse.
    ordering_field = "position"
    hide_title = True
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssueEntry]:
        entries: QuerySet[IssueEntry] = super().get_queryset(request)
        front = entries.filter(shelf=IssueEntry.Shelf.FRONT)
        return front.select_related("paper").prefetch_related("paper__topics")

    def has_add_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> tuple[str, ...]:
        frozen = () if obj is None or obj.is_open else ("position", "is_pick", "note")
        return (*self.readonly_fields, *frozen)

    @display(description="Paper")
    def paper_title(self, entry: IssueEntry) -> SafeString:
        return render_to_string("issues/desk/paper.html", {"paper": entry.paper})

    @display(description="Figures")
    def figures(self, entry: IssueEntry) -> SafeString:
        return render_to_string("issues/desk/figures.html", {"paper": entry.paper})


@admin.register(Issue)
class IssueAdmin(ListAdmin):
    form = IssueForm
    list_display = ("date", "state", "subject", "cutoff_at", "published_at", "curated_by")
    list_select_related = ("curated_by",)
    list_filter = ("status", lately("date"))
    fieldsets = (
        (None, {"fields": ("standing", "listings_held", "subject", "intro")}),
        ("Cutoff and size", {"fields": ("cutoff_at", "front_size"), "classes": ("collapse",)}),
    )
    readonly_fields = ("standing", "listings_held")
    inlines = (FrontInline,)
    actions_submit_line: tuple[str, ...] = ("publish", "hold", "release", "withdraw")
    FITTING = {
        Issue.Status.DRAFT: {"publish", "hold"},
        Issue.Status.HELD: {"publish", "release"},
        Issue.Status.PUBLISHED: {"withdraw"},
        Issue.Status.WITHDRAWN: set[str](),
    }

    class Media:
        css = {"all": ("desk.css",)}
        js = ("desk.js",)

    @display(
        description="Status",
        label={"Draft": "info", "Held": "warning", "Published": "success", "Withdrawn": "danger"},
    )
    def state(self, issue: Issue) -> str:
        return issue.get_status_display()

    @display(description="Status")
    def standing(self, issue: Issue) -> SafeString:
        return render_to_string("issues/desk/standing.html", {"issue": issue})

    @display(description="Listings")
    def listings_held(self, issue: Issue) -> str:
        return publishing.listings_of(issue) if issue.is_open else issue.listings

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> tuple[str, ...]:
        frozen = () if obj is None or obj.is_open else ("subject", "intro", "front_size", "cutoff_at")
        return (*self.readonly_fields, *frozen)

    def get_inline_instances(self, request: HttpRequest, obj: Issue | None = None) -> list[InlineModelAdmin[Any, Any]]:
        inlines: list[InlineModelAdmin[Any, Any]] = super().get_inline_instances(request, obj)
        for inline in inlines:
            inline.ordering_field = "position" if obj is None or obj.is_open else None  # type: ignore[attr-defined]
        return inlines

    def get_view_on_site_url(self, obj: Issue | None = None) -> str | None:
        """Link to the page only where there is one."""
        is_published = obj is not None and obj.status == Issue.Status.PUBLISHED
        return super().get_view_on_site_url(obj) if is_published else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.changed_objects and form.instance.is_open:
            arranging.arrange(form.instance, {row.instance.pk: row.moved_by for row in formset.forms})
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

    def response_change(self, request: HttpRequest, obj: Issue) -> HttpResponse:
        if request.POST.keys() & {"_save", "_continue"}:
            return super().response_change(request, obj)  # type: ignore[no-any-return]
        # A button of ours answers in its own words, on the page where it was pressed.
        return HttpResponseRedirect(request.path)

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
        self.answer(request, done, f"Withdrawn. {self.reach_of(issue)}")

    def reach_of(self, issue: Issue) -> str:
        """Say who gets a withdrawn issue and who does not, as far as it is known here."""
        return "Who has not got it yet does not get it."

    def answer(self, request: HttpRequest, done: bool, words: str) -> None:
        if done:
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "Somebody else was first: the issue has moved on.", messages.WARNING)
