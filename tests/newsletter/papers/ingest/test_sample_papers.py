from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from newsletter.papers.ingest import sample_papers
from newsletter.papers.models import Paper, Sighting, Source
from newsletter.papers.topics import tagging
from tests.factories import MONDAY, MORNING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def test_the_sample_is_forty_papers_of_the_last_three_days() -> None:
    assert sample_papers.load_sample() == 40
    assert set(Paper.objects.values_list("listed_on", flat=True)) == {MONDAY - timedelta(days=n) for n in range(3)}
    assert Source.objects.get().kind == Source.Kind.SAMPLE


def test_every_paper_of_the_sample_has_what_a_page_shows() -> None:
    sample_papers.load_sample()
    for paper in Paper.objects.all():
        assert all((paper.title, paper.abstract, paper.authors, paper.url, paper.pdf_url)), paper


def test_most_of_the_sample_has_a_topic() -> None:
    tagging.load_topics()
    sample_papers.load_sample()
    assert Paper.objects.exclude(topics=None).count() >= 36


def test_loading_it_again_on_another_day_changes_nothing(set_clock: SetClock) -> None:
    sample_papers.load_sample()
    before = list(Paper.objects.order_by("pk").values()), list(Sighting.objects.order_by("pk").values())
    set_clock(MORNING + timedelta(days=4))
    assert sample_papers.load_sample() == 0
    assert (list(Paper.objects.order_by("pk").values()), list(Sighting.objects.order_by("pk").values())) == before


def test_the_sample_is_never_fetched() -> None:
    sample_papers.load_sample()
    assert not Source.objects.fetched().exists()
