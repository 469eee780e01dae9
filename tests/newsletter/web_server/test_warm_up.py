import sys
from typing import Any

import pytest

from newsletter.web_server.warm_up import warm_up


@pytest.mark.django_db
def test_pages_that_fail_are_logged_and_do_not_keep_the_server_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    warm_up(broken)
    assert [record.getMessage() for record in caplog.records] == [
        "The page /admin/login/ fails",
        "The page /subscribe/ fails",
        "The page / fails",
    ]


@pytest.mark.django_db
def test_webhooks_are_imported_before_anybody_posts_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "anymail.urls", raising=False)
    warm_up(lambda *_: [])
    assert "anymail.urls" in sys.modules
