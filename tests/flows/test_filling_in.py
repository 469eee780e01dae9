"""What arXiv says of papers that came from elsewhere."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings

from newsletter.papers.ingest import fetch
from newsletter.papers.models import Paper, Sighting, Source
from tests.flows import days
from tests.flows.replay import SERVER, replaying

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.flow,
    pytest.mark.skipif(not SERVER.is_file(), reason="the recorded feeds are not at hand"),
]


def test_arxiv_fills_in_its_own_words_and_categories_of_papers_known_from_elsewhere(
    set_clock: Callable[[datetime], None], settings: LazySettings
) -> None:
    settings.FEED_ALLOW_LOOPBACK, settings.ARXIV_PAUSE_SECONDS = True, 0
    set_clock(days.at(29, 6))
    with replaying("2026-04-29") as replay:
        for kind, path in [(Source.Kind.HF_DAILY, "/api/daily_papers"), (Source.Kind.ARXIV_API, "/api/query")]:
            assert fetch.fetch_source(Source.objects.create(name=kind, kind=kind, url=replay.url + path))
    filled = Paper.objects.exclude(primary_category="")
    assert filled.exists()
    assert all(paper.categories for paper in filled)
    listed = set(filled.values_list("listed_on", flat=True))
    assert listed <= {days.at(day, 0).date() for day in (27, 28, 29)}, "being described is not being listed"
    assert not Sighting.objects.filter(source__kind=Source.Kind.ARXIV_API).exists()
    assert set(fetch.undescribed_ids()).isdisjoint(
        key.removeprefix("arxiv:") for key in filled.values_list("key", flat=True)
    )
