"""What a forecast counts beside votes, in votes. Pure."""

WEIGHT = 40.0  # votes, the default of TRENDING_FORECAST_WEIGHT
HALVING_VOTES = 2.0  # so many real votes halve what a forecast counts


def forecast_votes(chance: float, votes: int, listed_days: int, weight: float = WEIGHT) -> float:
    """Return `weight` × `chance`, halved each day since the listing, and falling as `votes` come.

    It stands beside the votes, outside of ripening and of the age's half-life. A weight of 0 counts nothing.

    >>> forecast_votes(0.1, votes=0, listed_days=0), forecast_votes(0.1, votes=0, listed_days=1)
    (4.0, 2.0)
    >>> forecast_votes(0.1, votes=2, listed_days=1), round(forecast_votes(0.1, votes=40, listed_days=1), 3)
    (1.0, 0.095)
    """
    return float(weight * chance * 0.5**listed_days / (1 + votes / HALVING_VOTES))
