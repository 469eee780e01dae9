"""Readers are served over days as they were promised."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.models import Delivery
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.papers.ingest import sample_papers
from newsletter.papers.models import Source
from newsletter.papers.topics import tagging
from subscribers.models import Subscriber
from tests.flows import days
from tests.flows.replay import SERVER, replaying

pytestmark = [pytest.mark.django_db, pytest.mark.flow]
CATEGORIES = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.RO")
# A Thursday and the weekend after it; at night two weeks.
START, END, FEWEST = (
    (days.at(20, 0), days.at(4, 23, month=5), (10, 150))
    if os.environ.get("NIGHTLY")
    else (days.at(23, 0), days.at(27, 23), (3, 40))
)
SetClock = Callable[[datetime], None]


@pytest.fixture
def readers(set_clock: SetClock, settings: LazySettings) -> list[Subscriber]:
    settings.FEED_ALLOW_LOOPBACK = True
    settings.ARXIV_PAUSE_SECONDS = 0
    set_clock(START)
    tagging.load_topics()
    return days.make_readers(30)


@pytest.mark.skipif(not SERVER.is_file(), reason="the recorded feeds are not at hand")
@pytest.mark.nightly
def test_recorded_days_are_served_as_promised(readers: list[Subscriber], set_clock: SetClock) -> None:
    with replaying((START - timedelta(days=1)).date().isoformat()) as replay:
        add_sources(replay.url)
        for now in days.hours(START + timedelta(hours=1), END):
            set_clock(now)
            if now.hour == 4:  # arXiv's listing is there at midnight in New York
                replay.move_to(now.date().isoformat())
            days.serve_hour(pick_on_thursdays)

    days.check_hours(readers)
    days.check_slots(readers, START, END)
    days.check_papers()
    days.check_mails()
    weekend = Issue.objects.published().filter(date__week_day__in=[1])
    assert not weekend.exists(), "an issue was published on a Sunday, when nothing is listed"
    issues, deliveries = FEWEST
    assert Issue.objects.published().count() >= issues
    assert Delivery.objects.filter(status=None).count() > deliveries


def test_the_sample_is_served_as_promised(readers: list[Subscriber], set_clock: SetClock) -> None:
    end = START + timedelta(days=3, hours=23)
    Source.objects.all().delete()
    for now in days.hours(START + timedelta(hours=1), end):
        set_clock(now)
        sample_papers.load_sample()
        days.serve_hour(pick_on_thursdays)

    days.check_hours(readers)
    days.check_slots(readers, START, end)
    days.check_papers()
    days.check_mails()
    assert Issue.objects.published().count() == 1, "the sample is one issue's worth"
    assert Delivery.objects.filter(status=None).count() >= 20


def add_sources(url: str) -> None:
    kinds = [(Source.Kind.ARXIV, f"{url}/rss/{category}") for category in CATEGORIES]
    for kind, address in [(Source.Kind.HF_DAILY, f"{url}/api/daily_papers"), *kinds]:
        Source.objects.create(name=address, kind=kind, url=address, every=timedelta(hours=3))


def pick_on_thursdays(issue: Issue) -> None:
    if issue.date.weekday() == 3 and not issue.entries.filter(is_pick=True).exists():
        issue.entries.front().filter(position=7).update(is_pick=True)
        Issue.objects.filter(pk=issue.pk).update(arranged_at=clock.now())
