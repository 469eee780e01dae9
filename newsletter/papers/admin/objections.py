"""The queue of topics that readers call wrong: one row for each paper and topic, decided together."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.number_text import pluralize
from newsletter.papers.community import objections
from newsletter.papers.models import Objection, PaperTopic
from newsletter.papers.topics.evidence import describe_evidence

MOST_AT_ONCE = 200
Status = Objection.Status
Decision = Callable[[Objection, AbstractBaseUser | None], bool]


@admin.register(Objection)
class ObjectionAdmin(AuditedAdmin):
    list_display = ("what", "topic", "words", "readers", "first", "last", "state")
    list_filter = ("status", "topic")
    list_select_related = ("paper", "topic")
    search_fields = ("paper__title", "paper__key")
    search_help_text = "Words of the paper’s title, or its key."
    ordering = ("-at", "-pk")
    show_full_result_count = False
    list_before_template = "admin/papers/objection/before.html"
    fields = ("what", "topic", "words", "readers", "first", "last", "state", "decided_at", "decided_by")
    readonly_fields = fields
    actions = ("accept", "dismiss")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Objection]:
        """Return the first objection of each paper, topic and status, annotated with the count and the moments."""
        rows: QuerySet[Objection] = super().get_queryset(request)
        same = {name: OuterRef(name) for name in ("paper", "topic", "status")}
        alike = Objection.objects.filter(**same).order_by()
        counted = alike.values("paper")
        firsts = rows.filter(~Exists(alike.filter(pk__lt=OuterRef("pk"))))
        evidence = PaperTopic.objects.filter(paper=OuterRef("paper"), topic=OuterRef("topic")).values("evidence")
        return firsts.annotate(
            count=Subquery(counted.annotate(count=Count("pk")).values("count")),
            first_at=Subquery(counted.annotate(first_at=Min("at")).values("first_at")),
            last_at=Subquery(counted.annotate(last_at=Max("at")).values("last_at")),
            evidence=Subquery(evidence),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        is_empty = not Objection.objects.filter(status=Status.NEW).exists()
        answer: HttpResponse = super().changelist_view(request, {"is_empty": is_empty} | (extra_context or {}))
        return answer

    @display(description="Paper")
    def what(self, row: Objection) -> str:
        return row.paper.title

    @display(description="Words that gave the topic")
    def words(self, row: Any) -> str:
        if row.evidence is None:
            return "The paper does not have the topic any more"
        return ", ".join(map(describe_evidence, row.evidence)) or "An editor gave it"

    @display(description="Readers", ordering="count")
    def readers(self, row: Any) -> int:
        return int(row.count)

    @display(description="First said", ordering="first_at")
    def first(self, row: Any) -> str:
        return f"{timezone.localtime(row.first_at):%-d %b %Y, %H:%M}"

    @display(description="Last said", ordering="last_at")
    def last(self, row: Any) -> str:
        return f"{timezone.localtime(row.last_at):%-d %b %Y, %H:%M}"

    @display(description="State", label={"New": "info", "Accepted": "success", "Dismissed": "warning"})
    def state(self, row: Objection) -> str:
        return row.get_status_display()

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("papers.change_objection")

    @admin.action(description="Accept: take the topic away", permissions=["decide"])
    def accept(self, request: HttpRequest, chosen: QuerySet[Objection]) -> None:
        self.decide(request, chosen, objections.accept, "The topic was taken away for good")

    @admin.action(description="Dismiss: the topic is right", permissions=["decide"])
    def dismiss(self, request: HttpRequest, chosen: QuerySet[Objection]) -> None:
        self.decide(request, chosen, objections.dismiss, "The topic stays as it was")

    def decide(self, request: HttpRequest, chosen: QuerySet[Objection], step: Decision, words: str) -> None:
        """Decide on the chosen rows, each with all open objections to its paper and topic."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        rows = list(chosen.filter(status=Status.NEW)[:MOST_AT_ONCE])
        count = sum(step(row, request.user) for row in rows)  # type: ignore[arg-type]
        if count:
            self.message_user(request, f"{words}: {pluralize(count, 'pair')} of paper and topic.", messages.SUCCESS)
        else:
            self.message_user(
                request, "None of these is waiting for a decision. Nothing was changed.", messages.WARNING
            )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Objection | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Objection | None = None) -> bool:
        return request.user.has_perm("papers.view_objection") or request.user.has_perm("papers.change_objection")

    def has_delete_permission(self, request: HttpRequest, obj: Objection | None = None) -> bool:
        return False
