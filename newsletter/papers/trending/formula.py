"""What makes a paper trend, in numbers and in words: docs/decisions, “What trends”. Pure.

    heard = votes + growth × votes of the last day + comment × comments      each by its source's weight
            + mention × weights of the distinct sources + star × ln(1 + stars gained)
    score = (ripe × heard + pick × editors' picks) × ½ ^ (days beyond the first / half-life)
            + forecast × probability of votes × ½ ^ (days since the listing) / (1 + votes / 2)

Votes of this publication's readers are those of a source of weight 2 (voting.WEIGHT; an operator sets another one at
the source): each counts as two of Hugging Face's. What readers or editors do is no mention.

A paper's age is counted from the day it was listed, or from the day it was first voted on where that came later.
In its first day it is `ripe` only by the cube of the share that has passed, in steps of six hours: an hour-old
listing does not drown yesterday's, whose votes had their day to grow. From there on it is worth less each day, unless
it rises. What it is expected to get (newsletter/papers/forecast) stands beside that, because it is most of use on the
listing day.
The same formula stands in ranking.py as SQL; a test holds the two together.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from newsletter.number_text import pluralize
from newsletter.papers.forecast.weighing import forecast_votes

HOURS_A_DAY = 24
# Ripening goes by steps, so that scoring does not write every new paper again each hour.
STEP_HOURS = 6
DIGITS = 6
MILLION = 1_000_000


class Parameters(NamedTuple):
    """What an operator tunes, in votes unless it says otherwise: the settings TRENDING_…, where the reasons stand."""

    growth: float
    comment: float
    mention: float
    star: float
    pick: float
    ripe_hours: float
    half_life_days: float
    # Days that were ranked before there was a forecast do not know it.
    forecast: float = 0.0


class Inputs(NamedTuple):
    """What was known of a paper at one moment: counts as seen, and (`heard_…`) times their sources' weight."""

    votes: int
    new_votes: int  # of these, since the same hour of the day before
    comments: int
    stars_gained: int  # since it was first seen
    sources: int  # all of arXiv's listings are one; readers and editors are none
    picks: int
    heard_votes: float
    heard_new_votes: float
    heard_comments: float
    heard_sources: float
    listed_days: int  # since the day it was listed
    age_hours: int  # since the day it was listed or, where that is later, first voted on
    forecast: int = 0  # the probability that it gets votes, in parts per million; 0 where there is no forecast
    is_likely: bool = False  # the forecast is among the best twentieth of its day: see forecasts.BEST_TWENTIETH
    fit: float = 0.0  # of the topic it fits best, from 0 to 1; orders papers of one day with equal scores


def score(inputs: Inputs, parameters: Parameters) -> float:
    """Return what ranks a paper, in votes, rounded to six digits.

    >>> parameters = Parameters(1, 0.5, 2, 2, 30, ripe_hours=24, half_life_days=2)
    >>> yesterday = Inputs(30, 28, 2, 0, 1, 0, 30.0, 28.0, 2.0, 1.0, listed_days=1, age_hours=29)
    >>> score(yesterday, parameters), score(yesterday._replace(listed_days=0, age_hours=5), parameters)
    (61.0, 0.953125)
    """
    heard = (
        inputs.heard_votes
        + parameters.growth * inputs.heard_new_votes
        + parameters.comment * inputs.heard_comments
        + parameters.mention * inputs.heard_sources
        + parameters.star * math.log(1 + inputs.stars_gained)
    )
    begun_hours = (inputs.age_hours // STEP_HOURS + 1) * STEP_HOURS
    ripe = min(1.0, begun_hours / parameters.ripe_hours) ** 3
    days = max(0, inputs.age_hours // HOURS_A_DAY - 1)
    kept = math.pow(0.5, days / parameters.half_life_days)
    expected = forecast_votes(inputs.forecast / MILLION, inputs.votes, inputs.listed_days, parameters.forecast)
    return round((ripe * heard + parameters.pick * inputs.picks) * kept + expected, DIGITS)


def words(inputs: Inputs) -> str:
    """Say why a paper ranks where it does.

    >>> words(Inputs(41, 23, 1, 0, 2, 1, 41.0, 23.0, 1.0, 2.0, listed_days=2, age_hours=53))
    '41 votes, 23 of them since yesterday; 1 comment; 2 sources; picked by the editors; listed 2 days ago'
    """
    return "; ".join(reasons(inputs))


def reasons(inputs: Inputs) -> Iterator[str]:
    yield vote_words(inputs)
    if inputs.is_likely and not inputs.votes:
        yield "expected to get votes"
    if inputs.comments:
        yield pluralize(inputs.comments, "comment")
    if inputs.stars_gained:
        yield pluralize(inputs.stars_gained, "new star")
    if inputs.sources > 1:
        yield pluralize(inputs.sources, "source")
    if inputs.picks:
        yield "picked by the editors"
    yield age_words(inputs)


def vote_words(inputs: Inputs) -> str:
    if not inputs.votes:
        return "no votes yet"
    votes = pluralize(inputs.votes, "vote")
    if inputs.listed_days == 0 or inputs.new_votes == 0:
        return votes
    if inputs.new_votes >= inputs.votes:
        return f"{votes} since yesterday"
    return f"{votes}, {inputs.new_votes:,} of them since yesterday"


def age_words(inputs: Inputs) -> str:
    if inputs.listed_days == 0:
        return "listed today, so it counts little yet"
    listed = "listed yesterday" if inputs.listed_days == 1 else f"listed {inputs.listed_days} days ago"
    voted_days = inputs.age_hours // HOURS_A_DAY
    if not inputs.votes or voted_days >= inputs.listed_days:
        return listed
    if voted_days == 0:
        return f"{listed} and first voted on today, so it counts little yet"
    return f"{listed}, first voted on {'yesterday' if voted_days == 1 else f'{voted_days} days ago'}"
