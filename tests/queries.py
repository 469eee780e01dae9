"""The statements that a piece of work sends to the database."""

from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def statements(work: Callable[[], object]) -> list[str]:
    """Return the SQL of all that `work` asks the database."""
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured]


def query_count(work: Callable[[], object]) -> int:
    return len(statements(work))


def page_query_count(client: Client, path: str) -> int:
    """Return how many queries a page takes that was looked at before: the first look of a login is written down."""
    assert client.get(path).status_code == 200
    return query_count(lambda: client.get(path))
