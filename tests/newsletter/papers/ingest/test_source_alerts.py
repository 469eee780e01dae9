from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from newsletter.papers.ingest import source_alerts
from newsletter.papers.models import Source
from tests.factories import MONDAY, MORNING, SourceFactory
from tests.provider import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def operators(settings: LazySettings) -> None:
    settings.ADMINS = [("", "operator@example.org")]


def failing_since(moment: datetime) -> Source:
    return SourceFactory(
        name="arXiv cs.RO", failure_count=4, last_error="The server answered 500.", last_success_at=moment
    )


def test_a_source_failing_for_a_day_is_reported_in_plain_words() -> None:
    failing_since(MORNING - DAY - timedelta(minutes=1))
    source_alerts.report_troubled_sources()
    (mail,) = sent()
    assert mail.to == ["operator@example.org"]
    assert mail.subject == "Paper Round: 1 source in trouble"
    assert "arXiv cs.RO" in mail.body
    assert "The server answered 500." in mail.body


def test_a_source_failing_for_less_than_a_day_is_not_reported() -> None:
    failing_since(MORNING - DAY + timedelta(minutes=1))
    assert source_alerts.report_troubled_sources() == []


def test_a_stale_source_is_reported() -> None:
    SourceFactory(last_success_at=MORNING, fresh_on=MONDAY - timedelta(days=6))
    assert len(source_alerts.report_troubled_sources()) == 1


def test_the_same_trouble_is_reported_once() -> None:
    failing_since(MORNING - 2 * DAY)
    source_alerts.report_troubled_sources()
    source_alerts.report_troubled_sources()
    assert len(sent()) == 1


def test_a_source_that_was_never_reached_is_reported_after_a_day(set_clock: Callable[[datetime], None]) -> None:
    SourceFactory(failure_count=9, last_error="No answer.", created_at=MORNING)
    assert source_alerts.report_troubled_sources() == []
    set_clock(MORNING + DAY + timedelta(minutes=1))
    assert len(source_alerts.report_troubled_sources()) == 1
