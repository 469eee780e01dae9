"""Whatever stands in an address, the answer is a page or a 404: a walk over every URL pattern of the project."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

pytestmark = pytest.mark.django_db
TOO_LARGE = "9" * 30
ODD = ("abc", "0", TOO_LARGE, "%00", "a%00b", "%ED%A0%80", "%F0%9F", "_5F", "２")
ODD_QUERIES = ("%00", "abc", TOO_LARGE, "%ED%A0%80", "")
SLOT = "SLOT"


def walk(patterns: list[Any], before: str = "") -> Iterator[str]:
    """Yield the path of each pattern, with SLOT for each of its parts that varies."""
    for pattern in patterns:
        path = before + part_of(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path


def part_of(pattern: Any) -> str:
    return re.sub("<[^>]+>", SLOT, str(pattern)) if isinstance(pattern, RoutePattern) else SLOT


PATHS = sorted(set(walk(get_resolver().url_patterns)))


@pytest.fixture
def operator() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("iris"))
    return client


def failures(client: Client, addresses: Iterator[str]) -> list[tuple[str, int]]:
    answers = [(address, client.get(address).status_code) for address in addresses]
    return [(address, status) for address, status in answers if status >= 500]


def test_the_walk_knows_the_pages_of_the_admin_and_of_readers() -> None:
    assert {f"admin/issues/issue/{SLOT}/change/", f"issues/{SLOT}/", f"anymail/{SLOT}/tracking/"} <= set(PATHS)
    assert len(PATHS) > 100


def test_any_part_of_any_path_gives_a_page_or_a_404(operator: Client) -> None:
    varied = (f"/{path.replace(SLOT, odd)}" for path in PATHS if SLOT in path for odd in ODD)
    assert failures(operator, varied) == []


def test_any_value_in_the_query_of_any_list_gives_a_page_or_a_404(operator: Client) -> None:
    lists = [path for path in PATHS if path.startswith("admin/") and SLOT not in path and "logout" not in path]
    names = ("status__exact", "q", "p", "o", "e", "_facets", "id__exact", "pk__in", "next")
    asked = (f"/{path}?{name}={value}" for path in lists for name in names for value in ODD_QUERIES)
    assert failures(operator, asked) == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_there_are_give_a_page_or_a_404(operator: Client, day: str) -> None:
    lists = [path for path in PATHS if path.startswith("admin/") and path.endswith("/") and SLOT not in path]
    asked = [f"/{path}?day={day}" for path in lists if "logout" not in path]
    assert failures(operator, iter([*asked, f"/issues/{day}/", f"/trending/{day}.json", f"/vote/?issue={day}"])) == []


def test_view_on_site_of_any_kind_of_row_gives_a_page_or_a_404(operator: Client) -> None:
    kinds = ContentType.objects.values_list("pk", flat=True)
    assert failures(operator, (f"/admin/r/{kind}/{odd}/" for kind in kinds for odd in (*ODD, "1"))) == []


@pytest.mark.parametrize("page", ["issues/issue/abc/change", "papers/paper/abc/change", "issues/issue/abc/publish",
    "issues/issue/abc/withdraw", "issues/issue/abc/statistics", "papers/proposal/abc/accept",
    "subscribers/suppression/abc/lift"])  # fmt: skip
def test_a_row_whose_id_is_no_number_is_not_there(operator: Client, page: str) -> None:
    assert operator.get(f"/admin/{page}/").status_code == 404
    assert operator.post(f"/admin/{page}/").status_code == 404


def test_a_nul_in_a_filter_is_a_404(operator: Client) -> None:
    assert operator.get("/admin/issues/issue/?status__exact=%00").status_code == 404
