"""The admin of readers' proposals: one row per paper, with all its proposers and their reasons."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.issues import tasks
from newsletter.issues.desk import proposal_decisions
from newsletter.papers import paper_key
from newsletter.papers.community import proposals as proposing
from newsletter.papers.models import Proposal

MOST_WHYS = 20  # reasons shown per paper
MOST_AT_ONCE = 50
Status = Proposal.Status


class WordForm(forms.Form):
    answer = forms.CharField(
        label="Message to the proposer",
        max_length=300,
        required=False,
        help_text="Optional. Shown to the readers who proposed it.",
        widget=UnfoldAdminTextInputWidget,
    )


class ItemForm(forms.Form):
    """The title and text of a free item, for a proposal that is not a paper."""

    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(max_length=3000, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


@admin.register(Proposal)
class ProposalAdmin(AuditedAdmin):
    list_display = ("what", "whys", "proposers", "at", "state")
    list_filter = ("status",)
    list_select_related = ("paper", "decided_by")
    search_fields = ("key", "paper__title")
    ordering = ("-at", "-pk")
    show_full_result_count = False
    fields = ("what", "link", "proposers", "whys", "state", "decided_at", "decided_by", "answer")
    readonly_fields = fields
    actions = ("accept", "decline")
    actions_detail = ("accept_one", "decline_one")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Proposal]:
        """Return the first proposal of each key, annotated with `count` and the reasons in `said`."""
        rows: QuerySet[Proposal] = super().get_queryset(request)
        alike = Proposal.objects.filter(key=OuterRef("key")).order_by()
        count = alike.values("key").annotate(count=Count("pk")).values("count")
        said = alike.exclude(why="").order_by("pk").values("why")[:MOST_WHYS]
        firsts = rows.filter(~Exists(alike.filter(pk__lt=OuterRef("pk"))))
        return firsts.annotate(count=Subquery(count), said=ArraySubquery(said))

    @display(description="Paper")
    def what(self, proposal: Proposal) -> str:
        return proposal.paper.title if proposal.paper else proposal.link

    @display(description="Link")
    def link(self, proposal: Proposal) -> SafeString:
        return format_html('<a class="underline" href="{0}" rel="noreferrer">{0}</a>', proposal.link)

    @display(description="Proposers")
    def proposers(self, proposal: Any) -> int:
        return int(proposal.count)

    @display(description="Why")
    def whys(self, proposal: Any) -> SafeString:
        return render_to_string("admin/papers/proposal/_whys.html", {"whys": proposal.said})

    @display(description="State", label={"New": "info", "Accepted": "success", "Declined": "warning"})
    def state(self, proposal: Proposal) -> tuple[str, str] | str:
        if proposal.status == Status.NEW and proposal.trouble:
            return f"Not found: {proposal.trouble}"
        if proposal.status == Status.ACCEPTED and not proposal.entered_at:
            return "Accepted, being fetched"
        return proposal.get_status_display()

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("papers.change_proposal")

    @admin.action(description="Accept into the draft", permissions=["decide"])
    def accept(self, request: HttpRequest, chosen: QuerySet[Proposal]) -> HttpResponse | None:
        return self.decide(request, chosen, Status.ACCEPTED)

    @admin.action(description="Decline", permissions=["decide"])
    def decline(self, request: HttpRequest, chosen: QuerySet[Proposal]) -> HttpResponse | None:
        return self.decide(request, chosen, Status.DECLINED)

    @action(description="Accept into the draft", url_path="accept", permissions=["decide"])
    def accept_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.decide_one(request, object_id, Status.ACCEPTED)

    @action(description="Decline", url_path="decline", permissions=["decide"])
    def decline_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.decide_one(request, object_id, Status.DECLINED)

    def decide_one(self, request: HttpRequest, object_id: str, status: Proposal.Status) -> HttpResponse:
        get_object_or_404(Proposal, pk=object_id)
        answer = self.decide(request, self.get_queryset(request).filter(pk=object_id), status)
        return answer or HttpResponseRedirect(reverse("admin:papers_proposal_changelist"))

    def decide(self, request: HttpRequest, chosen: QuerySet[Proposal], status: Proposal.Status) -> HttpResponse | None:
        """Ask for a message, and for titles of free items; decide once the form is valid."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        rows = list(chosen.filter(status=Status.NEW).select_related("paper")[:MOST_AT_ONCE])
        if not rows:
            self.message_user(
                request, "None of these is waiting for a decision. Nothing was changed.", messages.WARNING
            )
            return None
        typed = request.POST if "is_sure" in request.POST else None
        items = [row for row in rows if status == Status.ACCEPTED and is_item(row)]
        word, forms_of = WordForm(typed), {row.pk: ItemForm(typed, prefix=f"item{row.pk}") for row in items}
        valid = [
            form.is_valid() for form in (word, *forms_of.values())
        ]  # validates every form, to show all errors at once
        if not all(valid):
            return self.ask(request, rows, status, word, forms_of)
        for row in rows:
            form = forms_of.get(row.pk)
            self.carry_out(request, row, status, word.cleaned_data["answer"], form.cleaned_data if form else {})
        return None

    def carry_out(
        self, request: HttpRequest, row: Proposal, status: Proposal.Status, answer: str, item: dict[str, str]
    ) -> None:
        name, by = self.what(row), request.user
        try:
            if status == Status.DECLINED:
                proposal_decisions.decline(row, by, answer)  # type: ignore[arg-type]
                self.message_user(request, f"“{name}” was declined.", messages.SUCCESS)
                return
            words = proposal_decisions.accept(row, by, answer, **item)  # type: ignore[arg-type]
        except proposal_decisions.EditRefused as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        tasks.enter_accepted_proposals.delay_on_commit()
        self.message_user(request, f"“{name}” was accepted. {words}", messages.SUCCESS)

    def ask(
        self,
        request: HttpRequest,
        rows: list[Proposal],
        status: Proposal.Status,
        word: WordForm,
        forms_of: dict[int, ItemForm],
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{'Accept' if status == Status.ACCEPTED else 'Decline'} proposals",
            "opts": self.opts,
            "is_accepting": status == Status.ACCEPTED,
            "rows": [(row, self.what(row), forms_of.get(row.pk)) for row in rows],
            "word": word,
            "action": request.POST.get("action", ""),
            "checkbox": ACTION_CHECKBOX_NAME,
            "list_url": reverse("admin:papers_proposal_changelist"),
        }
        return TemplateResponse(request, "admin/papers/proposal/decide.html", context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Proposal | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Proposal | None = None) -> bool:
        return request.user.has_perms(["papers.view_proposal"]) or request.user.has_perm("papers.change_proposal")

    def has_delete_permission(self, request: HttpRequest, obj: Proposal | None = None) -> bool:
        return False


def is_item(row: Proposal) -> bool:
    """Return True if the link is neither a known paper nor one we can look up."""
    return row.paper is None and paper_key.arxiv_id(row.key) is None and proposing.paper_by_key(row.key) is None
