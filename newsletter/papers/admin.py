from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from newsletter import clock
from newsletter.papers import ranking, tasks
from newsletter.papers.freshness import Freshness, freshness_of
from newsletter.papers.models import Paper, PaperTopic, Source, Topic


class TopicForm(forms.ModelForm[Topic]):
    retire_into = forms.ModelChoiceField(
        Topic.objects.none(),
        required=False,
        help_text="Retires this topic: its readers, now and for good, get the papers of the one chosen here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "retire_into" in self.fields:
            field: Any = self.fields["retire_into"]
            field.queryset = Topic.objects.current().exclude(pk=self.instance.pk)


@admin.register(Topic)
class TopicAdmin(ModelAdmin):  # type: ignore[misc]
    form = TopicForm
    list_display = ("name", "slug", "description", "state")
    list_select_related = ("retired_into",)
    search_fields = ("name", "slug", "phrases")
    prepopulated_fields = {"slug": ("name",)}

    @display(description="Readers")
    def state(self, topic: Topic) -> str:
        return f"go to {topic.retired_into}" if topic.retired_into else "may choose it"

    def save_model(self, request: HttpRequest, obj: Topic, form: TopicForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if heir := form.cleaned_data.get("retire_into"):
            obj.retire(heir)
            self.message_user(request, f"The readers of “{obj}” get “{heir}” from now on.", messages.SUCCESS)

    def has_delete_permission(self, request: HttpRequest, obj: Topic | None = None) -> bool:
        return False


@admin.register(Source)
class SourceAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "kind", "health", "last_error", "lag", "new_count", "last_success_at", "next_try_at")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "url")
    readonly_fields = (
        "last_tried_at", "last_success_at", "last_error", "failure_count", "fresh_on", "listing_size", "new_count",
        "next_try_at",
    )  # fmt: skip
    actions = ("fetch_now",)

    @display(
        description="Health",
        label={
            Freshness.FRESH: "success",
            Freshness.FAILING: "danger",
            Freshness.STALE: "danger",
            Freshness.PARTIAL: "warning",
            Freshness.AWAITED: "info",
        },
    )
    def health(self, source: Source) -> str:
        if source.kind in Source.INSIDE:
            return Freshness.FRESH
        if source.kind in {Source.Kind.ARXIV_API, Source.Kind.FEED} and not source.failure_count:
            return Freshness.FRESH if source.last_success_at else Freshness.AWAITED
        return freshness_of(source.health, clock.today(), clock.now())

    @display(description="Newest listing")
    def lag(self, source: Source) -> str:
        if source.fresh_on is None:
            return "–"
        days = (clock.today() - source.fresh_on).days
        return f"{source.fresh_on:%-d %b}, " + ("today" if days < 1 else f"{days} days ago")

    @admin.action(description="Fetch now")
    def fetch_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        asked = sources.fetched().values_list("pk", flat=True)  # type: ignore[attr-defined]
        for source_id in asked:
            tasks.fetch_source.delay(source_id)
        self.message_user(request, f"{len(asked)} sources are being asked. Reload in a moment to see how it went.")


class PaperTopicInline(TabularInline):  # type: ignore[misc]
    model = PaperTopic
    extra = 0
    fields = ("topic", "origin", "evidence")
    readonly_fields = ("origin", "evidence")


@admin.register(Paper)
class PaperAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("title", "listed_on", "score", "votes", "primary_category")
    list_filter = ("listed_on", "topics")
    search_fields = ("title", "key")
    readonly_fields = (
        "key", "version", "score", "why", "votes", "comments", "first_seen_at", "listed_on", "merged_into",
    )  # fmt: skip
    inlines = (PaperTopicInline,)
    show_full_result_count = False
    actions = ("withdraw",)

    @display(description="Why this score")
    def why(self, paper: Paper) -> str:
        return ranking.why_now(paper.pk) or "Nothing was seen of it yet."

    @admin.action(description="Mark as withdrawn by its authors")
    def withdraw(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        count = papers.filter(withdrawn_at=None).update(withdrawn_at=clock.now())
        self.message_user(request, f"{count} papers are marked and leave the drafts at their next refresh.")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            row.origin = PaperTopic.Origin.CURATOR
            row.save()
        for row in formset.deleted_objects:
            row.delete()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Paper | None = None) -> bool:
        return False
