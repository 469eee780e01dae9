"""Rank papers by what sources showed of them, and store the order of each published day with its reasons."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from newsletter import clock
from newsletter.papers import papers_lock
from newsletter.papers.forecast import forecasts
from newsletter.papers.forecast.weighing import HALVING_VOTES
from newsletter.papers.models import DayRank, RankedDay, Source
from newsletter.papers.trending import formula as trending
from newsletter.papers.trending.formula import Inputs, Parameters

SCORED_SPAN = timedelta(days=14)
GROWTH_SPAN = timedelta(hours=24)
# Votes first seen this soon after the paper itself count as old as its listing, so that a first run, which fetches
# several days at once, takes none of them for a rise.
TOGETHER = timedelta(hours=6)
# Listing days of a ranked day are searched for this far back.
LISTING_LOOKBACK = timedelta(days=30)
PLACES_SHOWN = 200
BY_FIT, BY_KEY = "fit", "key"  # how equal scores of one listing day are ordered
FRONT_DAYS = 7  # an issue's front is chosen from papers of this many listing days

BEST_FIT = """
    coalesce((SELECT max(topic.fit) FROM papers_papertopic topic WHERE topic.paper_id = papers_paper.id), 0) AS fit
"""
# Scores alone do not need the fit, which only breaks ties.
RECENT = """
    SELECT id, key, first_seen_at, listed_on, 0::float8 AS fit FROM papers_paper
    WHERE listed_on >= %(since)s AND merged_into_id IS NULL
"""
OF_LAST_LISTINGS = f"""
    SELECT id, key, first_seen_at, listed_on, {BEST_FIT} FROM papers_paper
    WHERE withdrawn_at IS NULL AND merged_into_id IS NULL AND listed_on IN (
        SELECT DISTINCT listed_on FROM papers_paper WHERE listed_on BETWEEN %(since)s AND %(day)s
        ORDER BY listed_on DESC LIMIT %(listings)s)
"""
OF_RANKED_DAY = """
    SELECT paper.id, paper.key, paper.first_seen_at, %(today)s::date - ranked.listed_days AS listed_on, ranked.fit
    FROM papers_dayrank ranked JOIN papers_paper paper ON paper.id = ranked.paper_id WHERE ranked.day_id = %(day)s
"""

OF_PAPERS = f"""
    SELECT id, key, first_seen_at, listed_on, {BEST_FIT} FROM papers_paper WHERE id = ANY (%(papers)s)
"""

# A query of only some papers of a listing day still compares them with all forecasts of the day.
LIKELY_AMONG_THESE = """
    SELECT paper_id FROM (
        SELECT paper_id, cume_dist() OVER (PARTITION BY listed_days ORDER BY forecast DESC) AS share
        FROM aged WHERE forecast > 0
    ) shares WHERE share <= %(likely)s
"""
LIKELY_OF_THEIR_DAYS = f"""
    SELECT paper_id FROM ({forecasts.SHARES.format(days="SELECT listed_on FROM candidate")}) shares
    WHERE share <= %(likely)s
"""

# The formula of formula.py over {papers}. Sums are exact (numeric), so that the order of adding changes nothing.
# Each figure is the last one known at `now`. Votes that were not counted a day before are new if they began since.
WITH_SCORES = """
WITH candidate AS MATERIALIZED ({papers}
), source AS MATERIALIZED (
    SELECT id AS source_id, kind = 'editors' AS is_editors, kind IN ('arxiv', 'arxiv_api') AS is_arxiv,
           kind IN ('editors', 'readers', 'forecast') AS is_our_own,
           CASE WHEN kind = 'editors' THEN 0
                ELSE round(1000 * coalesce((%(weights)s::jsonb ->> id::text)::float8, weight))::bigint END AS weight
    FROM papers_source
), seen AS (
    SELECT paper_id, source_id, min(seen_at) FILTER (WHERE votes IS NOT NULL) AS voted_at,
           (array_agg(votes ORDER BY seen_at) FILTER (WHERE votes IS NOT NULL))[count(votes)] AS votes,
           (array_agg(votes ORDER BY seen_at) FILTER (WHERE votes IS NOT NULL))
               [count(votes) FILTER (WHERE seen_at <= %(before)s)] AS votes_before,
           (array_agg(comments ORDER BY seen_at) FILTER (WHERE comments IS NOT NULL))[count(comments)] AS comments,
           (array_agg(stars ORDER BY seen_at) FILTER (WHERE stars IS NOT NULL))[count(stars)]
               - (array_agg(stars ORDER BY seen_at) FILTER (WHERE stars IS NOT NULL))[1] AS stars_gained,
           max(forecast) AS forecast
    FROM papers_sighting
    WHERE seen_at <= %(now)s AND paper_id IN (SELECT id FROM candidate)
    GROUP BY paper_id, source_id
), begun AS (
    SELECT seen.*, CASE WHEN voted_at > first_seen_at + %(together)s
                        THEN greatest(listed_on, (voted_at AT TIME ZONE 'UTC')::date)
                        WHEN voted_at IS NOT NULL THEN listed_on END AS voted_on
    FROM seen JOIN candidate ON candidate.id = seen.paper_id
), figure AS MATERIALIZED (
    SELECT paper_id, weight, is_arxiv, is_our_own, stars_gained, forecast,
           CASE WHEN NOT is_editors THEN voted_on END AS voted_on,
           CASE WHEN is_editors THEN coalesce(votes, 1) ELSE 0 END AS picks,
           CASE WHEN is_editors THEN 0 ELSE coalesce(votes, 0) END AS votes,
           CASE WHEN is_editors THEN 0 ELSE coalesce(comments, 0) END AS comments,
           CASE WHEN is_editors OR votes_before IS NULL AND voted_on < %(before_day)s THEN 0
                ELSE greatest(0, votes - coalesce(votes_before, 0)) END AS new_votes
    FROM begun JOIN source USING (source_id)
), summed AS (
    SELECT paper_id, sum(votes)::integer AS votes, sum(coalesce(new_votes, 0))::integer AS new_votes,
           sum(comments)::integer AS comments, sum(picks)::integer AS picks,
           greatest(0, max(stars_gained)) AS stars_gained, min(voted_on) AS voted_on,
           CASE WHEN %(forecast)s > 0 THEN coalesce(max(forecast), 0) ELSE 0 END AS forecast,
           (count(*) FILTER (WHERE NOT is_arxiv AND NOT is_our_own) + bool_or(is_arxiv)::integer)::integer AS sources,
           sum(weight * votes) / 1000.0::float8 AS heard_votes,
           sum(weight * coalesce(new_votes, 0)) / 1000.0::float8 AS heard_new_votes,
           sum(weight * comments) / 1000.0::float8 AS heard_comments,
           (coalesce(sum(weight) FILTER (WHERE NOT is_arxiv AND NOT is_our_own), 0)
               + coalesce(max(weight) FILTER (WHERE is_arxiv), 0)) / 1000.0::float8 AS heard_sources
    FROM figure GROUP BY paper_id
), aged AS MATERIALIZED (
    SELECT summed.*, key, listed_on, fit, greatest(0, %(today)s::date - listed_on) AS listed_days,
           greatest(0, 24 * (%(today)s::date - coalesce(voted_on, listed_on)) + %(hour)s) AS age_hours
    FROM summed JOIN candidate ON candidate.id = summed.paper_id
), likely AS MATERIALIZED ({likely}
), inputs AS MATERIALIZED (
    SELECT aged.*, forecast > 0 AND paper_id IN (SELECT paper_id FROM likely) AS is_likely FROM aged
), scored AS MATERIALIZED (
    SELECT inputs.*, round(1e6::float8
        * (power(least(1, (age_hours / %(step)s + 1) * %(step)s / %(ripe_hours)s::float8), 3)
               * (heard_votes + %(growth)s * heard_new_votes + %(comment)s * heard_comments
                  + %(mention)s * heard_sources + %(star)s * ln(1 + stars_gained::float8))
           + %(pick)s * picks)
        * power(0.5::float8, greatest(0, age_hours / 24 - 1) / %(half_life_days)s::float8)
        + %(forecast)s * forecast * power(0.5::float8, listed_days) / (1 + votes / %(halving_votes)s::float8)
        ) / 1e6::float8 AS score
    FROM inputs
)
"""
UPDATE_SCORES = """
UPDATE papers_paper paper SET votes = scored.votes, comments = scored.comments, score = scored.score
FROM scored
WHERE paper.id = scored.paper_id
  AND (paper.votes, paper.comments, paper.score) IS DISTINCT FROM (scored.votes, scored.comments, scored.score)
"""
COLUMNS = ", ".join(Inputs._fields)
# Ties are broken by a hash, because keys favour low paper numbers. Days ranked by an older rule use the key itself.
IN_ORDER = f"""
SELECT row_number() OVER (
           ORDER BY score DESC, listed_on DESC,
                    CASE %(ties)s WHEN '{BY_FIT}' THEN fit END DESC,
                    CASE %(ties)s WHEN '{BY_FIT}' THEN md5(key) END, key
       ) AS place, paper_id, score, {COLUMNS}
FROM scored ORDER BY place
"""
INSERT_DAY_RANKS = f"""
INSERT INTO papers_dayrank (day_id, place, paper_id, score, {COLUMNS})
SELECT %(day)s, in_order.* FROM ({IN_ORDER}) in_order
"""
UPDATE_FROM_DAY = """
UPDATE papers_paper paper SET votes = kept.votes, comments = kept.comments, score = kept.score
FROM papers_dayrank kept
WHERE kept.day_id = %(day)s AND paper.id = kept.paper_id
  AND (paper.votes, paper.comments, paper.score) IS DISTINCT FROM (kept.votes, kept.comments, kept.score)
"""


class RankedPaper(NamedTuple):
    """One paper's place in a day's order, with its score and the inputs of the formula."""

    place: int
    paper_id: int
    score: float
    inputs: Inputs


def score_papers() -> int:
    """Score the papers of the last days again; return how many scores changed. Safe to repeat.

    Papers without a forecast get theirs first.
    """
    forecast_papers()
    return update_scores()


def forecast_papers() -> None:
    if not forecasts.is_on():
        return
    papers = forecasts.papers_without_forecast((clock.now() - SCORED_SPAN).date())
    if papers.exists():
        # Imported here, so that only processes that make forecasts load NumPy.
        from newsletter.papers.forecast import scoring

        scoring.forecast_papers(papers)


@transaction.atomic
def update_scores() -> int:
    now = clock.now()
    # Transactions that update many papers take turns, because two of them could deadlock.
    papers_lock.wait_for_papers_lock()
    with connection.cursor() as cursor:
        cursor.execute(scores_sql(RECENT) + UPDATE_SCORES, score_values(now) | {"since": (now - SCORED_SPAN).date()})
        return int(cursor.rowcount)


@transaction.atomic
def record_day(day: date, at: datetime) -> bool:
    """Store the order of the last listing days' papers as it is `at` a moment, and update their scores to match.

    Return False if the order of `day` is stored already; a published order never changes.
    """
    used = current_parameters()._asdict() | {"weights": source_weights(), "ties": BY_FIT}
    _, is_new = RankedDay.objects.get_or_create(day=day, defaults={"ranked_at": at, "parameters": used})
    if is_new:
        values = score_values(at) | last_listings_values(day)
        # A source's answer that is being stored now may hold sightings from before `at`: wait for it.
        papers_lock.wait_for_papers_lock()
        with connection.cursor() as cursor:
            cursor.execute(scores_sql(OF_LAST_LISTINGS) + INSERT_DAY_RANKS, values)
            cursor.execute(UPDATE_FROM_DAY, values)
    return is_new


def order_at(day: date, at: datetime) -> tuple[list[RankedPaper], bool]:
    """Return the order that `record_day` would store for `day` at a moment, and whether it would be new."""
    if RankedDay.objects.filter(day=day).exists():
        return stored_order(day), False
    return select_order(OF_LAST_LISTINGS, score_values(at) | last_listings_values(day)), True


def last_listings_values(day: date) -> dict[str, Any]:
    return {"day": day, "since": day - LISTING_LOOKBACK, "listings": FRONT_DAYS}


def stored_order(day: date) -> list[RankedPaper]:
    """Return the published order of `day`, best first; empty if it has none."""
    rows = DayRank.objects.filter(day_id=day).order_by("place")
    return [to_ranked_paper(row) for row in rows.values_list("place", "paper_id", "score", *Inputs._fields)]


def recompute_order(day: date) -> list[RankedPaper]:
    """Rank the papers of a published day again, from their sightings and the parameters of the time.

    The result equals `stored_order` byte for byte, unless a merge moved sightings or they were deleted with their
    source. Raise RankedDay.DoesNotExist.
    """
    published = RankedDay.objects.get(day=day)
    formula = {name: value for name, value in published.parameters.items() if name in Parameters._fields}
    at_the_time = score_values(published.ranked_at, Parameters(**formula), published.parameters["weights"])
    return select_order(OF_RANKED_DAY, at_the_time | {"day": day, "ties": published.parameters.get("ties", BY_KEY)})


def why_now(paper_id: int) -> str:
    """Return in words what ranks one paper now; empty if no source has shown it."""
    return words_now([paper_id]).get(paper_id, "")


def words_now(paper_ids: Sequence[int]) -> dict[int, str]:
    """Return in words what ranks each paper now, by its id; papers that no source has shown are absent."""
    rows = select_order(OF_PAPERS, score_values(clock.now()) | {"papers": list(paper_ids)})
    return {row.paper_id: trending.words(row.inputs) for row in rows}


def words_of_day(day: date) -> dict[int, str]:
    """Return in words why each paper of a published day has its place, by the paper's id."""
    return words_by_paper(stored_order(day))


def words_by_paper(order: Iterable[RankedPaper]) -> dict[int, str]:
    return {row.paper_id: trending.words(row.inputs) for row in order}


def day_document(published: RankedDay) -> dict[str, Any]:
    """Return a published day's order as plain JSON values: the first PLACES_SHOWN papers with inputs and words."""
    fields = ("paper__key", "paper__title", "paper__url", "place", "paper_id", "score", *Inputs._fields)
    rows = DayRank.objects.filter(day=published).order_by("place").values_list(*fields)
    return {
        "day": published.day.isoformat(),
        "ranked_at": published.ranked_at.isoformat(),
        "formula": published.parameters,
        "paper_count": rows.count(),
        "papers": [
            paper_document(key, title, url, to_ranked_paper(row)) for key, title, url, *row in rows[:PLACES_SHOWN]
        ],
    }


def paper_document(key: str, title: str, url: str, row: RankedPaper) -> dict[str, Any]:
    paper = {"place": row.place, "key": key, "title": title, "url": url, "score": row.score}
    return paper | {"why": trending.words(row.inputs), "inputs": row.inputs._asdict()}


def select_order(papers: str, values: Mapping[str, Any]) -> list[RankedPaper]:
    with connection.cursor() as cursor:
        cursor.execute(scores_sql(papers) + IN_ORDER, values)
        return [to_ranked_paper(row) for row in cursor.fetchall()]


def scores_sql(papers: str) -> str:
    likely = LIKELY_OF_THEIR_DAYS if papers == OF_PAPERS else LIKELY_AMONG_THESE
    return WITH_SCORES.format(papers=papers, likely=likely)


def to_ranked_paper(row: Sequence[Any]) -> RankedPaper:
    place, paper_id, score, *inputs = row
    return RankedPaper(place, paper_id, score, Inputs(*inputs))


def score_values(
    now: datetime, formula: Parameters | None = None, past_weights: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the values of WITH_SCORES at `now`; sources missing from `past_weights` keep their present weight."""
    before = now - GROWTH_SPAN
    return (formula or current_parameters())._asdict() | {
        "now": now,
        "today": now.astimezone(UTC).date(),
        "hour": now.astimezone(UTC).hour,
        "before": before,
        "before_day": before.astimezone(UTC).date(),
        "together": TOGETHER,
        "step": trending.STEP_HOURS,
        "halving_votes": HALVING_VOTES,
        "likely": forecasts.BEST_TWENTIETH,
        "weights": json.dumps(past_weights or {}),
        "ties": BY_FIT,
    }


def current_parameters() -> Parameters:
    return Parameters(
        growth=settings.TRENDING_GROWTH,
        comment=settings.TRENDING_COMMENT,
        mention=settings.TRENDING_MENTION,
        star=settings.TRENDING_STAR,
        pick=settings.TRENDING_PICK,
        ripe_hours=settings.TRENDING_RIPE_HOURS,
        half_life_days=settings.TRENDING_HALF_LIFE_DAYS,
        forecast=settings.TRENDING_FORECAST_WEIGHT,
    )


def source_weights() -> dict[str, float]:
    return {str(pk): weight for pk, weight in Source.objects.order_by("pk").values_list("pk", "weight")}
