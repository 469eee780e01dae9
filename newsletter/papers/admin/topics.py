from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminErrorList
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.forms import AdminForm

from newsletter.admin_site.audited_admin import AuditedAdmin
from newsletter.papers import tasks
from newsletter.papers.admin import list_columns
from newsletter.papers.models import Topic
from newsletter.papers.topics import rule_preview, tagging


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
    list_display: tuple[str, ...] = ("name", "group", "slug", "description", "new_papers", "state")
    list_filter = ("group",)
    list_select_related = ("retired_into",)
    list_per_page = 200
    search_fields = ("name", "slug", "phrases")
    prepopulated_fields = {"slug": ("name",)}
    change_form_template = "admin/papers/topic/change_form.html"

    def add_facts(self, rows: list[Topic]) -> None:
        list_columns.count_new_papers(rows)

    @display(description="Papers of the last 7 days")
    def new_papers(self, topic: Topic) -> str:
        return f"{topic.new_papers:,}"  # type: ignore[attr-defined]

    @display(description="Standing")
    def state(self, topic: Topic) -> str:
        return f"retired; its readers get {topic.retired_into}" if topic.retired_into else "readers can choose it"

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
        """Show the submitted form without saving it, with the papers that would gain and lose the topic."""
        topic = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and topic is None:
            raise Http404(f"There is no topic {object_id}.")
        if not (self.has_change_permission(request, topic) if topic else self.has_add_permission(request)):
            raise PermissionDenied
        title = f"Change {topic}" if topic else "Add topic"
        form = self.get_form(request, topic, change=topic is not None)(request.POST, instance=topic)
        change = rule_preview.preview_change(form.instance) if form.is_valid() else None
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
        if heir or stored is None or tagging.rule_of(stored) != tagging.rule_of(obj):
            tagging.ask_to_retag(obj)
            tasks.retag_recent.delay_on_commit()
            self.message_user(request, "The papers of the last 30 days are being tagged again.")

    def has_delete_permission(self, request: HttpRequest, obj: Topic | None = None) -> bool:
        return False
