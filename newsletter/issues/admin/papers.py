"""The admin's list of papers, with the newest issue of each."""

from typing import Any

from django.contrib import admin
from unfold.decorators import display

from newsletter.issues.models import IssueEntry
from newsletter.papers.admin.papers import PaperAdmin
from newsletter.papers.models import Paper

admin.site.unregister(Paper)


@admin.register(Paper)
class PaperDesk(PaperAdmin):
    list_display = (*PaperAdmin.list_display, "in_issue")

    def add_facts(self, rows: list[Paper]) -> None:
        super().add_facts(rows)
        entries = IssueEntry.objects.kept().filter(paper__in=rows).select_related("issue").order_by("issue__date")
        places = {entry.paper_id: entry for entry in entries}
        for paper in rows:
            paper.place = places.get(paper.pk)  # type: ignore[attr-defined]

    @display(description="Newest issue")
    def in_issue(self, paper: Any) -> str:
        entry = paper.place
        return f"{entry.issue.date:%-d %b %Y}, {entry.get_shelf_display().lower()}" if entry else "–"
