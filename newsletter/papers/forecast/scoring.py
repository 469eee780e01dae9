"""The step that gives new papers their forecast, once each. Imports NumPy."""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import transaction

from newsletter import clock
from newsletter.papers import bulk_rows, papers_lock
from newsletter.papers.forecast import features, forecasts, model
from newsletter.papers.forecast.features import PaperText
from newsletter.papers.forecast.model import ForecastModel, InvalidModel
from newsletter.papers.models import Paper, PaperQuerySet, Sighting, TrainedForecast

AT_ONCE = 2_000  # papers in memory together, about 5 MB
MILLION = 1_000_000

logger = logging.getLogger(__name__)


def forecast_papers(papers: PaperQuerySet) -> int:
    """Write the forecast of each of `papers` that has none; return how many were written. Safe to repeat."""
    current = model_in_use()
    count = sum(write(some, current) for some in batch_papers(papers.order_by("pk").iterator(AT_ONCE)))
    # The words are of no use until the next listing, and take 8 MB.
    features.hash_of.cache_clear()
    return count


def batch_papers(papers: Iterator[Paper]) -> Iterator[list[Paper]]:
    while some := list(islice(papers, AT_ONCE)):
        yield some


def write(papers: list[Paper], current: ForecastModel) -> int:
    chances = current.score(map(text_of, papers))
    # Whoever keeps a day's order meanwhile has all sightings from before it.
    with transaction.atomic():
        papers_lock.wait_for_papers_lock()
        return bulk_rows.insert(list(sightings(papers, chances)))


def sightings(papers: list[Paper], chances: Iterable[float]) -> Iterator[Sighting]:
    """Yield the forecasts of those papers that nobody else has written one of."""
    source, now = forecasts.forecast_source(), clock.now()
    known = forecasts.forecasts_of([paper.pk for paper in papers])
    for paper, chance in zip(papers, chances, strict=True):
        if paper.pk not in known:
            # 0 would be no forecast.
            parts = max(1, round(chance * MILLION))
            yield Sighting(paper_id=paper.pk, source=source, seen_at=now, forecast=parts)


def text_of(paper: Paper) -> PaperText:
    return PaperText(paper.title, paper.abstract, tuple(paper.categories), len(paper.authors))


def model_in_use() -> ForecastModel:
    """Return this installation's own model, or the one that ships with the product where there is none of use."""
    row = TrainedForecast.objects.filter(is_in_use=True).first()
    if row is None:
        return model.load_shipped()
    try:
        return model.load(bytes(row.arrays), row.facts)
    except InvalidModel as exc:
        logger.warning("Trained forecast %s cannot be used, the shipped one stands in: %s", row.pk, exc)
        return model.load_shipped()
