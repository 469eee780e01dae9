import random
import signal
import subprocess
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers import bulk_rows
from newsletter.papers.forecast import examples, scoring, train_nightly
from newsletter.papers.forecast.figures import Figures
from newsletter.papers.forecast.model import ForecastModel, load_shipped
from newsletter.papers.forecast.train_nightly import is_good_enough, store, train_forecast
from newsletter.papers.models import Paper, Sighting, Source, TrainedForecast
from tests.factories import MORNING, SourceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

GOOD = Figures(0.84, 0.10, 75.0, 0.02, 5_000, 100, 17)
WORDS = [f"word{number}" for number in range(300)]
DAYS = 60
VOTED_AFTER = [timedelta(hours=1), timedelta(days=1), timedelta(days=2)]


def model_with(figures: Figures = GOOD) -> ForecastModel:
    found = load_shipped()
    return replace(found, facts=replace(found.facts, figures=figures))


def make_papers(count: int) -> None:
    """Store papers of random words, listed over DAYS days; those about agents got votes, mostly a day later."""
    draw = random.Random(1)
    arxiv, daily = SourceFactory(kind=Source.Kind.ARXIV), SourceFactory(kind=Source.Kind.HF_DAILY)
    papers = [paper_numbered(number, count, draw) for number in range(count)]
    bulk_rows.insert(papers)
    shown = [Sighting(paper=paper, source=arxiv, seen_at=paper.first_seen_at) for paper in papers]
    voted = [
        Sighting(paper=paper, source=daily, seen_at=paper.first_seen_at + draw.choice(VOTED_AFTER), votes=9)
        for paper in papers
        if paper.abstract.endswith("agents") and draw.random() < 0.7
    ]
    bulk_rows.insert(shown + voted)


def paper_numbered(number: int, count: int, draw: random.Random) -> Paper:
    seen_at = MORNING - timedelta(days=DAYS - number * DAYS // count)
    about = ["agents"] if draw.random() < 0.2 else []
    return Paper(
        key=f"arxiv:2605.{number:05}",
        title=" ".join(draw.choices(WORDS, k=5)),
        abstract=" ".join(draw.choices(WORDS, k=40) + about),
        authors=["Ada Example"],
        categories=["cs.AI"],
        origins={name: [3, 1] for name in ("title", "abstract", "categories")},
        url=f"https://arxiv.org/abs/2605.{number:05}",
        first_seen_at=seen_at,
        listed_on=seen_at.date(),
    )


def test_a_night_trains_a_model_on_the_installations_own_papers_and_uses_it() -> None:
    make_papers(3_600)
    row = train_forecast()
    assert row is not None
    assert row.is_in_use
    assert row.facts["papers"] == 3_600
    assert row.facts["figures"]["auc"] > 0.9
    likely, unlikely = (Paper(title="word1", abstract=f"word2 {word}") for word in ("agents", "word3"))
    chances = scoring.model_in_use().score(map(scoring.text_of, (likely, unlikely)))
    assert chances[0] > 5 * chances[1]


def test_with_too_few_papers_the_shipped_model_stays(caplog: pytest.LogCaptureFixture) -> None:
    make_papers(50)
    with caplog.at_level("INFO"):
        assert train_forecast() is None
    assert "50 papers" in caplog.text
    assert scoring.model_in_use().arrays() == load_shipped().arrays()


def test_nothing_is_trained_while_the_forecast_is_off(settings: LazySettings) -> None:
    settings.TRENDING_FORECAST_WEIGHT = 0
    make_papers(50)
    assert train_forecast() is None
    assert not TrainedForecast.objects.exists()


def test_one_worker_at_a_time_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with advisory_locks.held(Lock.FORECAST_TRAINING):
            ready.set()
            done.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    ready.wait(30)
    monkeypatch.setattr(examples, "example_lines", lambda today: pytest.fail("it was begun twice"))
    assert train_forecast() is None
    done.set()
    other.join()


def test_training_that_is_killed_leaves_the_former_model_in_use(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    former = store(model_with())
    began = subprocess.Popen

    def begin_and_kill(*args: Any, **kwargs: Any) -> Any:
        process = began(*args, **kwargs)
        process.send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(subprocess, "Popen", begin_and_kill)
    assert train_forecast() is None
    assert "status -9" in caplog.text
    former.refresh_from_db()
    assert TrainedForecast.objects.get() == former
    assert former.is_in_use


def test_training_that_takes_too_long_is_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(train_nightly, "TIMEOUT_SECONDS", 0.001)
    assert train_forecast() is None
    assert "was stopped" in caplog.text


def test_the_process_gets_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    (tmp_path / "papers.jsonl").touch()
    seen: dict[str, Any] = {}
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: seen.update(kwargs))
    train_nightly.run_process(tmp_path / "papers.jsonl", tmp_path / "model")
    assert "SECRET_KEY" not in seen["env"]
    assert "DATABASE_URL" not in seen["env"]


def test_a_model_that_is_worse_is_kept_and_not_used() -> None:
    former = store(model_with())
    worse = store(model_with(GOOD._replace(auc=0.70)))
    assert (former.is_in_use, worse.is_in_use) == (True, False)
    assert TrainedForecast.objects.get(is_in_use=True) == former


def test_a_model_that_is_no_worse_takes_the_place_of_the_former() -> None:
    store(model_with())
    other = store(model_with(GOOD._replace(auc=0.835)))
    assert TrainedForecast.objects.get(is_in_use=True) == other


def test_a_first_model_has_to_be_well_above_chance_only() -> None:
    assert is_good_enough(GOOD._replace(auc=0.65, first40=0.03), None)
    assert not is_good_enough(GOOD._replace(auc=0.55), None)


def test_a_model_that_this_version_cannot_use_gives_way_to_a_first_one() -> None:
    former = store(model_with())
    TrainedForecast.objects.filter(pk=former.pk).update(facts=former.facts | {"version": 0})
    assert store(model_with(GOOD._replace(auc=0.70))).is_in_use


def test_models_that_are_not_used_are_forgotten_after_a_month() -> None:
    used = store(model_with())
    store(model_with(GOOD._replace(auc=0.70)))
    with clock.at(MORNING + train_nightly.KEPT + timedelta(days=1)):
        newest = store(model_with(GOOD._replace(auc=0.70)))
    assert set(TrainedForecast.objects.values_list("pk", flat=True)) == {used.pk, newest.pk}
