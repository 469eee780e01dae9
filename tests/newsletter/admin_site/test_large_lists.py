"""Lists in the admin: what they say of how many rows there are, and where their pages end."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from newsletter import clock
from newsletter.admin_site import large_lists
from subscribers.models import Suppression
from tests.factories import PaperFactory
from tests.queries import statements

pytestmark = pytest.mark.django_db
PATH = "/admin/subscribers/suppression/"
MADE = """
INSERT INTO subscribers_suppression (address_hash, reason, at, note)
SELECT md5(number::text), 'bounce', now(), '' FROM generate_series(1, %s) number
"""


def fill(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MADE, [count])
        cursor.execute("ANALYZE subscribers_suppression")


def page(client: Client, **asked: str | int) -> str:
    answer = client.get(PATH, asked, follow=True).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", answer).split())


def test_few_rows_are_counted(admin_client: Client) -> None:
    fill(1_234)
    assert "1,234 suppressions" in page(admin_client)
    assert "1,234 suppressions" in page(admin_client, p=25), "the last page"


def test_a_long_list_shows_an_estimate_and_counts_no_rows(admin_client: Client) -> None:
    fill(10_321)
    assert "about 10,000 suppressions" in page(admin_client)
    assert not [sql for sql in statements(lambda: page(admin_client)) if "COUNT(" in sql and "suppression" in sql]


def test_an_estimate_gives_way_to_what_is_seen(admin_client: Client) -> None:
    fill(10_321)
    Suppression.objects.filter(pk__gt=Suppression.objects.earliest("pk").pk + 6).delete()
    assert "7 suppressions" in page(admin_client)


def test_pages_end_where_they_would_be_slow_and_the_list_explains_that(admin_client: Client) -> None:
    fill(10_321)
    last = large_lists.LAST_ROW // large_lists.PAGE_SIZE
    assert "to get beyond the last page, search or filter" in page(admin_client, p=last)
    assert admin_client.get(PATH, {"p": last + 1}).status_code == 302


def test_a_page_that_is_not_there_leads_to_the_list(admin_client: Client) -> None:
    fill(3)
    for number in ("2", "0", "-1", "x"):
        assert "3 suppressions" in page(admin_client, p=number)


def test_a_list_that_takes_too_long_is_stopped_with_advice(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(50_000)
    monkeypatch.setattr(large_lists, "STATEMENT_TIMEOUT", timedelta(milliseconds=1))
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX suppression_newest")
    assert "Choose fewer filters or other words" in page(admin_client)


@pytest.mark.parametrize(("number", "said"), [(10_321, 10_000), (987_654, 990_000), (1_000_000, 1_000_000), (7, 7)])
def test_an_estimate_is_shown_with_two_digits(number: int, said: int) -> None:
    assert large_lists.round_estimate(number) == said


def test_a_list_is_narrowed_to_the_last_days(admin_client: Client) -> None:
    for days in (0, 6, 7, 40):
        PaperFactory(title=f"Old by {days} days.", listed_on=clock.today() - timedelta(days=days))
    for days, count in ((1, 1), (7, 2), (30, 3)):
        assert admin_client.get("/admin/papers/paper/", {"listed_on_in": days}).content.count(b"Old by") == count
