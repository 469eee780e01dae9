"""The forecasts that papers have, as sightings of a source of our own. Without NumPy: every process may ask."""

from collections.abc import Collection
from datetime import date

from django.conf import settings
from django.db import connection
from django.db.models import Exists, Max, OuterRef

from newsletter.papers.ingest.field_priority import AUTHORITY
from newsletter.papers.models import Paper, PaperQuerySet, Sighting, Source

URL = "forecast:"
# Of the forecasts of a listing day. A place on the front is open to the wider share; the reason “expected to get
# votes” says more, so it stands only where the forecast is of the narrower one.
BEST_TENTH = 0.1
BEST_TWENTIETH = 0.05
ARXIV = AUTHORITY[Source.Kind.ARXIV]

# The share of its listing day's papers that have the same forecast or a better one. Ties share the worse value.
SHARES = """
    SELECT seen.paper_id, cume_dist() OVER (PARTITION BY paper.listed_on ORDER BY max(seen.forecast) DESC) AS share
    FROM papers_sighting seen JOIN papers_paper paper ON paper.id = seen.paper_id
    WHERE seen.source_id = (SELECT id FROM papers_source WHERE url = 'forecast:') AND seen.forecast IS NOT NULL
      AND paper.withdrawn_at IS NULL AND paper.merged_into_id IS NULL AND paper.listed_on IN ({days})
    GROUP BY seen.paper_id, paper.listed_on
"""
BEST = f"""
SELECT paper_id FROM ({SHARES.format(days="SELECT unnest(%(days)s::date[])")}) shares WHERE share <= %(share)s
"""


def is_on() -> bool:
    return bool(settings.TRENDING_FORECAST_WEIGHT > 0)


def forecast_source() -> Source:
    """Return the source that forecasts are sightings of."""
    defaults = {"name": "Forecast", "kind": Source.Kind.FORECAST}
    return Source.objects.get_or_create(url=URL, defaults=defaults)[0]


def forecasts_of(paper_ids: Collection[int]) -> dict[int, int]:
    """Return the probability in parts per million that each paper gets votes; papers without a forecast are absent."""
    seen = Sighting.objects.filter(paper__in=paper_ids, source__url=URL, forecast__isnull=False)
    return dict(seen.values_list("paper").annotate(Max("forecast")))


def best_tenth_of_days(days: Collection[date]) -> set[int]:
    """Return the ids of the papers whose forecast is among the best tenth of their listing day, for these days.

    Empty while the forecast is turned off. Withdrawn and merged papers do not count.
    """
    if not is_on():
        return set()
    with connection.cursor() as cursor:
        cursor.execute(BEST, {"days": list(days), "share": BEST_TENTH})
        return {paper_id for (paper_id,) in cursor.fetchall()}


def papers_without_forecast(since: date) -> PaperQuerySet:
    """Return the present papers listed since a day that have arXiv's text and no forecast yet."""
    seen = Sighting.objects.filter(paper=OuterRef("pk"), source__url=URL)
    return only_arxiv_text(Paper.objects.present().filter(listed_on__gte=since)).exclude(Exists(seen))


def only_arxiv_text(papers: PaperQuerySet) -> PaperQuerySet:
    """Keep papers whose title, abstract and categories are arXiv's, or an editor's correction of them.

    Hugging Face's text would tell the forecast where a paper comes from, and so that it has votes.
    """
    return papers.filter(
        origins__title__0__gte=ARXIV, origins__abstract__0__gte=ARXIV, origins__categories__0__gte=ARXIV
    )
