"""Lists of the admin that answer at once, whatever the size of their table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import OperationalError, connection, transaction
from django.db.models import DateField, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from psycopg.errors import QueryCanceled
from unfold.admin import ModelAdmin, checkbox
from unfold.decorators import display
from unfold.views import ChangeList

from newsletter import clock

A_PAGE = 50
COUNTED = 10_000  # rows are counted up to here; of more it is said about how many they are
COSTLY = 20_000.0  # of the planner's cost: a count from here on takes more than some 50 ms, and is not made
DEEPEST = 10_000  # rows that can be paged through: a page far behind costs as much as all before it
PATIENCE = timedelta(seconds=5)  # of PostgreSQL with one list
TOO_LONG = "This would take too long to look for. Choose fewer filters or other words, and look again."


class QuickList(ChangeList):  # type: ignore[misc]
    """One page of rows, and as much of their number as can be told at once."""

    count_words = ""
    is_cut = False  # there are rows that no page shows

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = QuickPaginator(self.queryset, self.list_per_page)
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all = self.show_all = False
        try:
            with in_time():
                rows = self.rows_of_page()
                self.tell_count(rows)
                self.result_list = rows[: self.list_per_page]
                self.model_admin.add_facts(self.result_list)
        except OperationalError as exc:
            if not isinstance(exc.__cause__, QueryCanceled):
                raise
            messages.warning(request, TOO_LONG)
            self.result_list, self.page_num = [], 1
            self.tell_count([])
        self.multi_page = self.paginator.num_pages > 1

    def rows_of_page(self) -> list[Any]:
        """Return the rows of the page, and one more where there is another page."""
        start = (self.page_num - 1) * self.list_per_page
        if not 0 <= start < DEEPEST:
            raise IncorrectLookupParameters
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        if start and not rows:
            raise IncorrectLookupParameters
        return rows

    def tell_count(self, rows: list[Any]) -> None:
        seen = (self.page_num - 1) * self.list_per_page + len(rows)
        if len(rows) <= self.list_per_page:
            count, self.count_words = seen, f"{seen:,}"
        else:
            count, self.count_words = count_of(self.queryset, at_least=seen)
        self.result_count = self.full_result_count = self.paginator.count = count
        self.is_cut = count > DEEPEST


class QuickPaginator(Paginator[Any]):
    """Numbers the pages that can be reached; what is on them is QuickList's business."""

    count = 0
    template_name = "admin/listing/pages.html"

    @property
    def num_pages(self) -> int:
        pages: int = -(-min(self.count, DEEPEST) // self.per_page)
        return max(1, pages)


def count_of(rows: QuerySet[Any], at_least: int) -> tuple[int, str]:
    """Return how many rows there are and how to say it: exactly, about, or no more than that there are others."""
    estimate, cost = plan_of(rows)
    if estimate <= COUNTED and cost <= COSTLY:
        count = rows.order_by()[: COUNTED + 1].count()
        if count <= COUNTED:
            return count, f"{count:,}"
    if estimate > COUNTED:
        return estimate, f"about {rounded(estimate):,}"
    return max(at_least, estimate), f"more than {at_least - 1:,}"


def plan_of(rows: QuerySet[Any]) -> tuple[int, float]:
    """Return how many rows PostgreSQL expects, and what finding them all would cost it."""
    (answer,) = json.loads(rows.order_by().values("pk").explain(format="json"))
    return round(answer["Plan"]["Plan Rows"]), answer["Plan"]["Total Cost"]


def rounded(number: int) -> int:
    """Keep the two digits of an estimate that mean something."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return round(number / unit) * unit


@contextmanager
def in_time() -> Iterator[None]:
    """Let PostgreSQL break off what takes longer than somebody waits for a page."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE // timedelta(milliseconds=1)}")
        yield


@cache
def one_box() -> str:
    box = str(checkbox.render(ACTION_CHECKBOX_NAME, "row"))
    assert box.count('value="row"') == 1
    return box.replace("{", "{{").replace("}", "}}").replace('value="row"', 'value="{}"')


class ListAdmin(ModelAdmin):  # type: ignore[misc]
    """A table in the admin. Filters and order are to be those that an index serves, or small tables."""

    list_per_page = A_PAGE
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickList]:
        return QuickList

    @display(description=mark_safe(checkbox.render("action_toggle_all", 1)))
    def action_checkbox(self, obj: Model) -> str:
        """Return the box of a row; the theme would render its template anew for each."""
        return format_html(one_box(), obj.pk)

    def add_facts(self, rows: list[Any]) -> None:
        """Give the rows of one page what their columns show of other tables: a query for all, none for each."""


def lately(field: str, title: str = "") -> type[admin.SimpleListFilter]:
    """Return a filter by the last days. Its choices are fixed: nothing is looked up to show them."""

    class Lately(admin.SimpleListFilter):
        parameter_name = f"{field}_in"

        def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: Any) -> None:
            self.field = model._meta.get_field(field)
            self.title = title or str(getattr(self.field, "verbose_name", field))
            super().__init__(request, params, model, model_admin)

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("1", "Today"), ("7", "The last 7 days"), ("30", "The last 30 days")]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            if self.value() not in {"1", "7", "30"}:
                return queryset
            since: Any = clock.today() - timedelta(days=int(self.value() or 0) - 1)
            if type(self.field) is not DateField:
                since = clock.moment(f"{since}T00:00")
            return queryset.filter(**{f"{field}__gte": since})

    return Lately
