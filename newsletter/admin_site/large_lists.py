"""Admin lists that answer fast, whatever the size of their table."""

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

PAGE_SIZE = 50
COUNT_LIMIT = 10_000  # more rows than this are estimated, not counted
COST_LIMIT = 20_000.0  # planner cost; a dearer count takes more than about 50 ms and is not made
LAST_ROW = 10_000  # paging ends here: with OFFSET a page costs as much as all pages before it
STATEMENT_TIMEOUT = timedelta(seconds=5)  # for the queries of one list
TOO_SLOW = "This search takes too long. Choose fewer filters or other words, and try again."


class QuickList(ChangeList):  # type: ignore[misc]
    """One page of rows, and their number as far as it is cheap to know."""

    count_words = ""
    is_cut = False  # there are rows beyond LAST_ROW

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = QuickPaginator(self.queryset, self.list_per_page)
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all = self.show_all = False
        try:
            with limit_statement_time():
                rows = self.rows_of_page()
                self.set_count(rows)
                self.result_list = rows[: self.list_per_page]
                self.model_admin.add_facts(self.result_list)
        except OperationalError as exc:
            if not isinstance(exc.__cause__, QueryCanceled):
                raise
            messages.warning(request, TOO_SLOW)
            self.result_list, self.page_num = [], 1
            self.set_count([])
        self.multi_page = self.paginator.num_pages > 1

    def rows_of_page(self) -> list[Any]:
        """Return the rows of the page, plus one if there is a next page."""
        start = (self.page_num - 1) * self.list_per_page
        if not 0 <= start < LAST_ROW:
            raise IncorrectLookupParameters
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        if start and not rows:
            raise IncorrectLookupParameters
        return rows

    def set_count(self, rows: list[Any]) -> None:
        seen = (self.page_num - 1) * self.list_per_page + len(rows)
        if len(rows) <= self.list_per_page:
            count, self.count_words = seen, f"{seen:,}"
        else:
            count, self.count_words = estimate_count(self.queryset, at_least=seen)
        self.result_count = self.full_result_count = self.paginator.count = count
        self.is_cut = count > LAST_ROW


class QuickPaginator(Paginator[Any]):
    """Numbers the pages that can be reached; QuickList reads their rows."""

    count = 0
    template_name = "admin/listing/pages.html"

    @property
    def num_pages(self) -> int:
        pages: int = -(-min(self.count, LAST_ROW) // self.per_page)
        return max(1, pages)


def estimate_count(rows: QuerySet[Any], at_least: int) -> tuple[int, str]:
    """Return the number of rows and its text: “1,234”, “about 56,000”, or “more than 50” where a count is dear."""
    estimate, cost = query_plan(rows)
    if estimate <= COUNT_LIMIT and cost <= COST_LIMIT:
        count = rows.order_by()[: COUNT_LIMIT + 1].count()
        if count <= COUNT_LIMIT:
            return count, f"{count:,}"
    if estimate > COUNT_LIMIT:
        return estimate, f"about {round_estimate(estimate):,}"
    return max(at_least, estimate), f"more than {at_least - 1:,}"


def query_plan(rows: QuerySet[Any]) -> tuple[int, float]:
    """Return the planner's estimate of the number of rows, and its cost of finding them all."""
    (answer,) = json.loads(rows.order_by().values("pk").explain(format="json"))
    return round(answer["Plan"]["Plan Rows"]), answer["Plan"]["Total Cost"]


def round_estimate(number: int) -> int:
    """Round an estimate to its two significant digits."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return round(number / unit) * unit


@contextmanager
def limit_statement_time() -> Iterator[None]:
    """Let PostgreSQL cancel a statement of the block that takes longer than STATEMENT_TIMEOUT."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT // timedelta(milliseconds=1)}")
        yield


@cache
def checkbox_template() -> str:
    box = str(checkbox.render(ACTION_CHECKBOX_NAME, "row"))
    assert box.count('value="row"') == 1
    return box.replace("{", "{{").replace("}", "}}").replace('value="row"', 'value="{}"')


class ListAdmin(ModelAdmin):  # type: ignore[misc]
    """A table in the admin. Offer only filters and orders that an index serves, or keep the table small."""

    list_per_page = PAGE_SIZE
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet would count the whole table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickList]:
        return QuickList

    @display(description=mark_safe(checkbox.render("action_toggle_all", 1)))
    def action_checkbox(self, obj: Model) -> str:
        """Return the checkbox of a row: the theme would render a template for each."""
        return format_html(checkbox_template(), obj.pk)

    def add_facts(self, rows: list[Any]) -> None:
        """Attach what the columns show of other tables to the rows of a page: one query for all rows, none per row."""


def recent_days_filter(field: str, title: str = "") -> type[admin.SimpleListFilter]:
    """Return a filter class for the last days. Its choices are fixed, so showing them takes no query."""

    class RecentDays(admin.SimpleListFilter):
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

    return RecentDays
