"""Columns, search and filters of the admin's lists of papers and topics."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from newsletter import clock
from newsletter.papers import paper_key, search
from newsletter.papers.models import Alias, Paper, PaperTopic, Sighting, Source, Topic

NEW_FOR = timedelta(days=7)
MAX_FOUND = 200  # papers; a search by words shows the newest


class ByTopic(DropdownFilter):  # type: ignore[misc]
    title = "topic"
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(slug, name) for slug, name in Topic.objects.current().values_list("slug", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Paper]) -> QuerySet[Paper]:
        # A paper has a topic once, so no row is duplicated.
        return queryset.filter(paper_topics__topic__slug=self.value()) if self.value() else queryset


class ByState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"
    STATES = {
        "present": Q(merged_into=None, withdrawn_at=None),
        "merged": Q(merged_into__isnull=False),
        "withdrawn": Q(withdrawn_at__isnull=False),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("present", "Neither merged nor withdrawn"), ("merged", "Merged"), ("withdrawn", "Withdrawn")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Paper]) -> QuerySet[Paper]:
        return queryset.filter(self.STATES.get(self.value() or "", Q()))


def search_papers(papers: QuerySet[Paper], text: str) -> QuerySet[Paper]:
    """Keep the papers with an id, key or link, merged ones included, or those that contain the words."""
    if not text.strip():
        return papers
    if key := paper_key.key_of(text) or paper_key.url_key(text):
        return papers.filter(Q(key=key) | Q(pk__in=Alias.objects.filter(key=key).values("paper")))
    return papers.filter(pk__in=[paper.pk for paper in search.search(text, MAX_FOUND)])


def add_topics_and_sources(papers: list[Paper]) -> None:
    """Load the topics of `papers`, and the number of sources of each."""
    prefetch_related_objects(papers, "topics")
    shown = Sighting.objects.filter(paper__in=papers).exclude(source__kind=Source.Kind.FORECAST)
    seen = shown.values_list("paper").annotate(Count("source", distinct=True))
    sources = dict(seen)
    for paper in papers:
        paper.sources_seen = sources.get(paper.pk, 0)  # type: ignore[attr-defined]


def count_new_papers(topics: list[Topic]) -> None:
    """Set `new_papers` of each topic: the papers of the last NEW_FOR with that topic."""
    new = PaperTopic.objects.filter(topic__in=topics, paper__listed_on__gt=clock.today() - NEW_FOR)
    counts = dict(new.order_by().values_list("topic").annotate(Count("pk")))
    for topic in topics:
        topic.new_papers = counts.get(topic.pk, 0)  # type: ignore[attr-defined]
