import subprocess
import sys
from datetime import timedelta

import pytest

from newsletter.papers.forecast import features, forecasts, model, scoring
from newsletter.papers.models import Paper, Sighting, TrainedForecast
from newsletter.papers.trending import ranking
from tests.factories import MONDAY, MORNING, PaperFactory
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

ARXIV_TEXT = {name: [3, 1] for name in ("title", "abstract", "categories")}
SET_UP = "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'newsletter.settings'; django.setup()\n"


def listed(title: str = "An Open Agentic Reasoning Model", **fields: object) -> Paper:
    return PaperFactory(**{"title": title, "categories": ["cs.CL"], "origins": ARXIV_TEXT} | fields)


def forecast_of(paper: Paper) -> int:
    return forecasts.forecasts_of([paper.pk])[paper.pk]


def run(code: str) -> None:
    environment = {"PYTHONPATH": ":".join(sys.path), "DEBUG": "1"}
    subprocess.run([sys.executable, "-c", SET_UP + code], env=environment, check=True)


def test_a_paper_gets_its_forecast_once_whatever_becomes_of_its_text() -> None:
    paper = listed()
    ranking.score_papers()
    before = list(Sighting.objects.values())
    Paper.objects.filter(pk=paper.pk).update(title="On a Theorem about Lattices", categories=["math.CO"])
    ranking.score_papers()
    assert list(Sighting.objects.values()) == before
    assert [row["forecast"] for row in before] == [forecast_of(paper)]


def test_a_forecast_is_the_models_probability_in_parts_per_million() -> None:
    paper = listed()
    ranking.score_papers()
    [chance] = model.load_shipped().score([scoring.text_of(paper)])
    assert forecast_of(paper) == round(1_000_000 * chance)


def test_only_present_papers_of_the_last_days_get_one() -> None:
    listed(listed_on=MONDAY - ranking.SCORED_SPAN - timedelta(days=1))
    listed(withdrawn_at=MORNING)
    ranking.score_papers()
    assert not Sighting.objects.exists()


def test_no_word_is_remembered_between_two_rounds() -> None:
    listed()
    ranking.score_papers()
    assert features.hash_of.cache_info().currsize == 0


def test_a_trained_model_is_used_before_the_shipped_one() -> None:
    shipped = model.load_shipped()
    own = model.ForecastModel(shipped.keys, shipped.idf, -shipped.weights, shipped.facts)
    TrainedForecast.objects.create(arrays=own.arrays(), facts=own.described(), is_in_use=True)
    assert scoring.model_in_use().arrays() == own.arrays()


def test_a_damaged_model_gives_way_to_the_shipped_one(caplog: pytest.LogCaptureFixture) -> None:
    shipped = model.load_shipped()
    TrainedForecast.objects.create(arrays=shipped.arrays()[:-1], facts=shipped.described(), is_in_use=True)
    assert scoring.model_in_use().arrays() == shipped.arrays()
    assert "cannot be used" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_forecast_a_paper() -> None:
    papers = [listed() for _ in range(20)]
    at_once(*[lambda: scoring.forecast_papers(forecasts.papers_without_forecast(MONDAY))] * 2)
    assert Sighting.objects.count() == len(papers)


def test_no_process_holds_numpy_before_it_makes_a_forecast() -> None:
    run(
        "import newsletter.urls, newsletter.wsgi, newsletter.celery, newsletter.tasks, newsletter.papers.tasks\n"
        "import newsletter.issues.tasks, subscribers.tasks, digests.tasks\n"
        "assert not {'numpy', 'scipy', 'sklearn', 'joblib'} & sys.modules.keys()"
    )


def test_making_forecasts_imports_no_scikit_learn() -> None:
    run(
        "import newsletter.papers.forecast.scoring, newsletter.papers.forecast.train_nightly\n"
        "assert 'numpy' in sys.modules\n"
        "assert not {'scipy', 'sklearn', 'joblib'} & sys.modules.keys()"
    )
