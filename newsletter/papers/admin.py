from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminErrorList
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.admin import TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.forms import AdminForm

from newsletter import audit, clock
from newsletter.audited import AuditedAdmin
from newsletter.listing import lately
from newsletter.papers import columns, corrections, merging, previewing, ranking, tasks, topics, twins
from newsletter.papers.freshness import Freshness, freshness_of
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic, Source, Topic


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
class TopicAdmin(AuditedAdmin):
    form = TopicForm
    list_display: tuple[str, ...] = ("name", "slug", "description", "new_papers", "state")
    list_select_related = ("retired_into",)
    list_per_page = 200
    search_fields = ("name", "slug", "phrases")
    prepopulated_fields = {"slug": ("name",)}
    change_form_template = "admin/papers/topic/change_form.html"

    def add_facts(self, rows: list[Topic]) -> None:
        columns.count_new_papers(rows)

    @display(description="Papers of the last 7 days")
    def new_papers(self, topic: Topic) -> str:
        return f"{topic.new_papers:,}"  # type: ignore[attr-defined]

    @display(description="Standing")
    def state(self, topic: Topic) -> str:
        return f"its readers go to {topic.retired_into}" if topic.retired_into else "may be chosen"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method == "POST" and "preview" in request.POST:
            return self.preview(request, object_id)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def preview(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        """Show the form as it was sent, nothing saved, with the papers that saving it would win and lose."""
        topic = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and topic is None:
            raise Http404(f"There is no topic {object_id}.")
        if not (self.has_change_permission(request, topic) if topic else self.has_add_permission(request)):
            raise PermissionDenied
        title = f"Change {topic}" if topic else "Add topic"
        form = self.get_form(request, topic, change=topic is not None)(request.POST, instance=topic)
        change = previewing.change_by(form.instance) if form.is_valid() else None
        context = self.context_of(request, form, topic) | {"title": title, "change_by_edit": change}
        response: HttpResponse = self.render_change_form(
            request, context, add=topic is None, change=topic is not None, obj=topic
        )
        return response

    def context_of(self, request: HttpRequest, form: Any, topic: Topic | None) -> dict[str, Any]:
        admin_form = AdminForm(
            form,
            list(self.get_fieldsets(request, topic)),
            self.get_prepopulated_fields(request, topic) if topic is None else {},
            self.get_readonly_fields(request, topic),
            model_admin=self,
        )
        return {
            **self.admin_site.each_context(request),
            "adminform": admin_form,
            "object_id": topic.pk if topic else None,
            "original": topic,
            "is_popup": False,
            "to_field": None,
            "media": self.media + admin_form.media,
            "inline_admin_formsets": [],
            "errors": AdminErrorList(form, []),
            "preserved_filters": self.get_preserved_filters(request),
        }

    def save_model(self, request: HttpRequest, obj: Topic, form: TopicForm, change: bool) -> None:
        stored = Topic.objects.filter(pk=obj.pk).first()
        super().save_model(request, obj, form, change)
        if heir := form.cleaned_data.get("retire_into"):
            obj.retire(heir)
            self.message_user(request, f"The readers of “{obj}” get “{heir}” from now on.", messages.SUCCESS)
        if heir or stored is None or topics.rule_of(stored) != topics.rule_of(obj):
            topics.ask_to_retag(obj)
            tasks.retag_recent.delay_on_commit()
            self.message_user(request, "The papers of the last 30 days are being tagged anew.")

    def has_delete_permission(self, request: HttpRequest, obj: Topic | None = None) -> bool:
        return False


@admin.register(Source)
class SourceAdmin(AuditedAdmin):
    list_display = ("name", "kind", "health", "lag", "new_count", "last_success_at", "next_try", "last_error")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "url")
    readonly_fields = (
        "last_tried_at", "last_success_at", "last_error", "failure_count", "fresh_on", "listing_size", "new_count",
        "next_try_at",
    )  # fmt: skip
    actions = ("fetch_now", "pause", "resume")

    @display(
        description="Health",
        label={
            Freshness.FRESH: "success",
            Freshness.FAILING: "danger",
            Freshness.STALE: "danger",
            Freshness.PARTIAL: "warning",
            Freshness.AWAITED: "info",
            "paused": "",
        },
    )
    def health(self, source: Source) -> str:
        if not source.is_active:
            return "paused"
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

    @display(description="Next try")
    def next_try(self, source: Source) -> str:
        if source.kind in Source.INSIDE or not source.is_active:
            return "–"
        return f"{source.next_try_at:%-d %b, %H:%M} UTC" if source.next_try_at else "at once"

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the kinds that `add_source` offers: what is ours is there by itself."""
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if db_field.name == "kind" and request.path.endswith("/add/"):
            field.choices = [choice for choice in field.choices if choice[0] not in Source.INSIDE]
        return field

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        paused = list(sources.fetched())  # type: ignore[attr-defined]
        Source.objects.filter(pk__in=[source.pk for source in paused]).pause()
        audit.record_all(request.user, paused, "paused")
        self.message_user(request, f"{len(paused)} sources are paused: nothing is fetched from them any more.")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        resumed = list(sources.paused())  # type: ignore[attr-defined]
        Source.objects.filter(pk__in=[source.pk for source in resumed]).resume()
        audit.record_all(request.user, resumed, "resumed")
        self.message_user(request, f"{len(resumed)} sources are resumed, and asked within a few minutes.")

    @admin.action(description="Fetch now", permissions=["change"])
    def fetch_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        asked = list(sources.fetched())  # type: ignore[attr-defined]
        for source in asked:
            tasks.fetch_source.delay(source.pk)
        audit.record_all(request.user, asked, "asked to be fetched")
        self.message_user(request, f"{len(asked)} sources are being asked. Reload in a moment to see how it went.")


class TopicOfPaperForm(forms.ModelForm[PaperTopic]):
    """One topic of a paper: a new row is the editor's word, a stored one can only be taken away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["topic"].disabled = True


class PaperTopicInline(TabularInline):  # type: ignore[misc]
    model = PaperTopic
    form = TopicOfPaperForm
    fk_name = "paper"
    extra = 0
    fields = ("topic", "origin", "fit", "evidence")
    readonly_fields = ("origin", "fit", "evidence")
    verbose_name_plural = "topics: what you add or delete here stays so, whatever the topics’ rules say"


class RefusedTopicInline(TabularInline):  # type: ignore[misc]
    model = RefusedTopic
    form = TopicOfPaperForm
    fk_name = "paper"
    extra = 0
    fields = ("topic",)
    verbose_name_plural = "not these topics: delete a row to leave it to the topic’s rule again"


@admin.register(Paper)
class PaperAdmin(AuditedAdmin):
    list_display: tuple[str, ...] = (
        "title",
        "listed_on",
        "state",
        "score_now",
        "votes",
        "topics_named",
        "sources_seen",
    )
    list_filter = (lately("listed_on", "listing day"), columns.ByTopic, columns.ByState)
    sortable_by = ("listed_on",)
    list_disable_select_all = True  # each row costs its action a turn
    list_filter_submit = True
    search_fields = ("title", "key")
    search_help_text = "Words of the title or authors, an id, a key or a link."
    readonly_fields = (
        "key", "known_as", "version", "score", "why", "votes", "comments", "first_seen_at", "listed_on", "merged_into",
    )  # fmt: skip
    inlines = (PaperTopicInline, RefusedTopicInline)
    actions = ("merge", "withdraw", "retag", "rescore")
    actions_submit_line = ("split",)

    @display(description="State", label={"merged": "warning", "withdrawn": "danger"})
    def state(self, paper: Paper) -> str:
        return "merged" if paper.merged_into_id else "withdrawn" if paper.withdrawn_at else ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Paper], search_term: str
    ) -> tuple[QuerySet[Paper], bool]:
        return columns.found(queryset, search_term), False

    def add_facts(self, rows: list[Paper]) -> None:
        columns.add_topics_and_sources(rows)

    @display(description="Score")
    def score_now(self, paper: Paper) -> str:
        return f"{paper.score:.1f}"

    @display(description="Topics")
    def topics_named(self, paper: Paper) -> str:
        return ", ".join(topic.name for topic in paper.topics.all()) or "–"

    @display(description="Sources")
    def sources_seen(self, paper: Paper) -> str:
        return f"{paper.sources_seen}"  # type: ignore[attr-defined]

    @display(description="Also known as")
    def known_as(self, paper: Paper) -> str:
        """Name the paper's other keys, those of papers merged into it with a link to where they can be split."""
        links = format_html_join(
            ", ",
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            ((reverse("admin:papers_paper_change", args=[twin.pk]), twin.key) for twin in paper.twins.order_by("key")),
        )
        aliases = ", ".join(paper.aliases.order_by("key").values_list("key", flat=True))
        return format_html("{}{}{}", links, ", " if links and aliases else "", aliases) or "–"

    @admin.action(description="Merge: these are the same paper", permissions=["change"])
    def merge(self, request: HttpRequest, papers: QuerySet[Paper]) -> HttpResponse | None:
        chosen = list(papers[:3])
        if len(chosen) != 2:
            self.message_user(request, "Choose exactly two papers: those that are the same.", messages.ERROR)
            return None
        paper, into = twins.propose(*chosen)
        asked = str(paper.pk) == request.POST.get("into")
        if asked != ("swap" in request.POST):
            paper, into = into, paper
        if "merge" in request.POST:
            self.merge_two(request, paper, into)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Are these the same paper?",
            "opts": self.opts,
            "paper": paper,
            "into": into,
            "rows": twins.comparison(paper, into),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/papers/paper/merge.html", context)

    def merge_two(self, request: HttpRequest, paper: Paper, into: Paper) -> None:
        try:
            twins.merge(paper, into)
        except twins.CannotMerge as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        audit.record(request.user, paper, "merged", {"merged into": ""}, {"merged into": into.key})
        audit.record(request.user, into, "joined with another", {"also known as": ""}, {"also known as": paper.key})
        self.message_user(request, f"{paper.key} and {into.key} are one paper from now on.", messages.SUCCESS)

    @action(description="Split this wrong merge", permissions=["change"])
    def split(self, request: HttpRequest, paper: Paper) -> None:
        into = paper.merged_into
        try:
            twins.split(paper)
        except twins.NotMerged as exc:
            self.message_user(request, str(exc), messages.WARNING)
            return
        assert into is not None
        audit.record(request.user, paper, "split", {"merged into": into.key}, {"merged into": ""})
        audit.record(request.user, into, "parted from another", {"also known as": paper.key}, {"also known as": ""})
        self.message_user(request, f"{paper.key} is a paper of its own again.", messages.SUCCESS)

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        if not Paper.objects.filter(pk=object_id).exclude(merged_into=None).exists():
            return []
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        return buttons

    @display(description="Why this score")
    def why(self, paper: Paper) -> str:
        return ranking.why_now(paper.pk) or "Nothing was seen of it yet."

    @admin.action(description="Mark as withdrawn by its authors", permissions=["change"])
    def withdraw(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        standing = list(papers.filter(withdrawn_at=None))
        for paper in standing:
            corrections.correct(paper, {"withdrawn_at": clock.now()})
            audit.record(request.user, paper, "marked as withdrawn", {}, {"withdrawn_at": clock.now()})
        self.message_user(request, f"{len(standing)} papers are marked and leave the drafts at their next refresh.")

    @admin.action(description="Tag anew by the topics’ rules", permissions=["change"])
    def retag(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        present = list(papers.present())  # type: ignore[attr-defined]
        topics.retag([paper.pk for paper in present])
        audit.record_all(request.user, present, "tagged anew")
        self.message_user(request, f"{len(present)} papers are tagged anew. What editors said of their topics stays.")

    @admin.action(description="Score anew, with all papers of the last 14 days", permissions=["change"])
    def rescore(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        tasks.score_papers.delay()
        self.message_user(request, "The papers of the last 14 days are being scored anew. Reload in a moment.")

    def save_model(self, request: HttpRequest, obj: Paper, form: Any, change: bool) -> None:
        # Not saved whole: a source may have brought something since the page was opened.
        values = {name: form.cleaned_data[name] for name in form.changed_data if name in merging.SPOKEN}
        if values:
            corrections.correct(obj, values)
        if "url" in form.changed_data:
            Paper.objects.filter(pk=obj.pk).update(url=form.cleaned_data["url"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "split" in request.POST:
            self.split(request, form.instance)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Make each row that was added or deleted the editor's word on the paper and the topic."""
        paper: Paper = form.instance
        added, other = (
            (corrections.give, corrections.refuse) if formset.model is PaperTopic else (corrections.refuse, None)
        )
        formset.save(commit=False)
        for row in formset.new_objects:
            added(paper, row.topic)
        for row in formset.deleted_objects:
            if other and row.origin == PaperTopic.Origin.RULE:
                other(paper, row.topic)
            else:
                corrections.leave_to_rules(paper, row.topic)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Paper | None = None) -> bool:
        return False
