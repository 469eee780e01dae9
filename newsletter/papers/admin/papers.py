from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.admin import TabularInline
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from newsletter import audit, clock
from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.admin_site.large_lists import recent_days_filter
from newsletter.number_text import pluralize
from newsletter.papers import tasks
from newsletter.papers.admin import list_columns
from newsletter.papers.ingest import corrections, duplicates, field_priority
from newsletter.papers.models import Paper, PaperTopic, RefusedTopic
from newsletter.papers.topics import tagging
from newsletter.papers.trending import ranking


class TopicOfPaperForm(forms.ModelForm[PaperTopic]):
    """One topic of a paper: an editor can add a row or delete one, but not change it."""

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
    verbose_name_plural = "topics: what you add or delete here overrides the topics’ rules"


class RefusedTopicInline(TabularInline):  # type: ignore[misc]
    model = RefusedTopic
    form = TopicOfPaperForm
    fk_name = "paper"
    extra = 0
    fields = ("topic",)
    verbose_name_plural = "refused topics: delete a row to let the topic’s rule decide again"


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
    list_filter = (recent_days_filter("listed_on", "listing day"), list_columns.ByTopic, list_columns.ByState)
    sortable_by = ("listed_on",)
    list_disable_select_all = True  # an action takes the papers lock for each row
    list_filter_submit = True
    search_fields = ("title", "key")
    search_help_text = "Words of the title or authors, an id, a key or a link."
    readonly_fields = (
        "key", "known_as", "version", "score", "why", "votes", "comments", "first_seen_at", "listed_on", "merged_into",
        "machine_summary",
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
        return list_columns.search_papers(queryset, search_term), False

    def add_facts(self, rows: list[Paper]) -> None:
        list_columns.add_topics_and_sources(rows)

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
        """Show the paper's other keys; those of merged papers link to their page, where they can be split."""
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
        paper, into = duplicates.choose_direction(*chosen)
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
            "rows": duplicates.compare(paper, into),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/papers/paper/merge.html", context)

    def merge_two(self, request: HttpRequest, paper: Paper, into: Paper) -> None:
        try:
            duplicates.merge(paper, into)
        except duplicates.CannotMerge as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        audit.record(request.user, paper, "merged", {"merged into": ""}, {"merged into": into.key})
        audit.record(request.user, into, "joined with another", {"also known as": ""}, {"also known as": paper.key})
        self.message_user(request, f"{paper.key} is now merged into {into.key}.", messages.SUCCESS)

    @action(description="Split this wrong merge", permissions=["change"])
    def split(self, request: HttpRequest, paper: Paper) -> None:
        into = paper.merged_into
        try:
            duplicates.split(paper)
        except duplicates.NotMerged as exc:
            self.message_user(request, str(exc), messages.WARNING)
            return
        assert into is not None
        audit.record(request.user, paper, "split", {"merged into": into.key}, {"merged into": ""})
        audit.record(request.user, into, "parted from another", {"also known as": paper.key}, {"also known as": ""})
        self.message_user(request, f"{paper.key} is a separate paper again.", messages.SUCCESS)

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        if not Paper.objects.filter(pk=object_id).exclude(merged_into=None).exists():
            return []
        buttons: list[UnfoldAction] = super().get_actions_submit_line(request, object_id)
        return buttons

    @display(description="Why this score")
    def why(self, paper: Paper) -> str:
        return ranking.why_now(paper.pk) or "No source has shown any figures for it yet."

    @admin.action(description="Mark as withdrawn by its authors", permissions=["change"])
    def withdraw(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        standing = list(papers.filter(withdrawn_at=None))
        for paper in standing:
            corrections.correct(paper, {"withdrawn_at": clock.now()})
            audit.record(request.user, paper, "marked as withdrawn", {}, {"withdrawn_at": clock.now()})
        self.message_user(
            request, f"{len(standing)} papers are marked as withdrawn. Drafts drop them at their next refresh."
        )

    @admin.action(description="Tag again by the topics’ rules", permissions=["change"])
    def retag(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        present = list(papers.present())  # type: ignore[attr-defined]
        tagging.retag([paper.pk for paper in present])
        audit.record_all(request.user, present, "tagged again")
        tagged = pluralize(len(present), "paper")
        self.message_user(request, f"Tagged {tagged} again. Editors’ corrections of topics stay.")

    @admin.action(description="Score again, with all papers of the last 14 days", permissions=["change"])
    def rescore(self, request: HttpRequest, papers: QuerySet[Paper]) -> None:
        tasks.score_papers.delay()
        self.message_user(
            request, "The papers of the last 14 days are being scored again. Reload the page in a moment."
        )

    def save_model(self, request: HttpRequest, obj: Paper, form: Any, change: bool) -> None:
        # Only changed columns are saved: a source may have updated the paper since the page was opened.
        values = {name: form.cleaned_data[name] for name in form.changed_data if name in field_priority.CLAIMED_FIELDS}
        if values:
            corrections.correct(obj, values)
        if "url" in form.changed_data:
            Paper.objects.filter(pk=obj.pk).update(url=form.cleaned_data["url"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "split" in request.POST:
            self.split(request, form.instance)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Store each added or deleted row as an editor's correction of the paper's topics."""
        paper: Paper = form.instance
        added, other = (
            (corrections.add_topic, corrections.refuse_topic)
            if formset.model is PaperTopic
            else (corrections.refuse_topic, None)
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
