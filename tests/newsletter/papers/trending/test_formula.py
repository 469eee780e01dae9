from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.trending.formula import Inputs, Parameters, score, words

SHIPPED = Parameters(growth=1, comment=0.5, mention=2, star=2, pick=30, ripe_hours=24, half_life_days=2)
COUNTS = st.integers(0, 100_000)


def seen(votes: int = 0, new_votes: int = 0, comments: int = 0, **others: int) -> Inputs:
    """Return the inputs of a paper of one source of weight 1, listed yesterday unless it says otherwise."""
    given_ones = {"stars_gained": 0, "sources": 1, "picks": 0, "listed_days": 1, "age_hours": 29} | others
    counts = {"votes": votes, "new_votes": new_votes, "comments": comments}
    heard = {f"heard_{name}": float(value) for name, value in counts.items()}
    return Inputs(**counts, **heard, **given_ones, heard_sources=float(given_ones["sources"]))  # type: ignore[arg-type]


def of_today(inputs: Inputs, hours: int) -> Inputs:
    return inputs._replace(listed_days=0, age_hours=hours)


def test_votes_of_an_hour_old_listing_do_not_drown_yesterdays() -> None:
    assert score(of_today(seen(250, 250), hours=1), SHIPPED) < score(seen(3, 3), SHIPPED)


def test_in_the_morning_only_a_sensation_of_today_comes_before_yesterdays_middle() -> None:
    middle = score(seen(6, 6), SHIPPED)
    assert score(of_today(seen(100, 100), hours=5), SHIPPED) < middle
    assert score(of_today(seen(1000, 1000), hours=5), SHIPPED) > middle


def test_a_paper_that_rises_on_its_second_day_leads_one_that_has_stopped() -> None:
    rising = seen(60, 45, listed_days=2, age_hours=53)
    assert score(rising, SHIPPED) > score(seen(30, 30), SHIPPED)
    assert score(rising, SHIPPED) > score(seen(60, 5, listed_days=2, age_hours=53), SHIPPED)


def test_the_first_full_day_costs_nothing_and_from_then_on_age_halves() -> None:
    by_days = [score(seen(10, 0, age_hours=24 * days), SHIPPED) for days in (1, 2, 3, 5)]
    assert by_days == [12.0, 8.485281, 6.0, 3.0]


def test_an_editors_pick_counts_at_once() -> None:
    assert score(of_today(seen(0, picks=1, sources=0), hours=0), SHIPPED) == 30.0


def test_stars_count_by_what_was_gained_and_less_the_more_there_are() -> None:
    gains = [score(seen(0, stars_gained=gained), SHIPPED) for gained in (0, 10, 1000)]
    assert gains == [2.0, 6.795791, 15.81751]


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 400))
def test_more_of_anything_never_ranks_lower(votes: int, new_votes: int, comments: int, age_hours: int) -> None:
    before = score(seen(votes, new_votes, comments, age_hours=age_hours), SHIPPED)
    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        counts = (votes + more[0], new_votes + more[1], comments + more[2])
        assert score(seen(*counts, age_hours=age_hours), SHIPPED) >= before


def test_only_a_likely_paper_without_votes_is_expected_to_get_some() -> None:
    likely = seen()._replace(forecast=300_000, is_likely=True)
    assert words(likely) == "no votes yet; expected to get votes; listed yesterday"
    assert words(likely._replace(is_likely=False)) == "no votes yet; listed yesterday"
    assert words(seen(3)._replace(forecast=300_000, is_likely=True)) == "3 votes; listed yesterday"


@given(st.integers(0, 1_000_000), COUNTS, st.integers(0, 14))
def test_a_parameter_that_an_older_day_does_not_know_counts_nothing(chance: int, votes: int, days: int) -> None:
    without = seen(votes, listed_days=days)
    assert score(without._replace(forecast=chance), SHIPPED) == score(without, SHIPPED)


@given(st.integers(1, 1_000_000), COUNTS, st.integers(0, 14))
def test_a_forecast_counts_at_most_its_weight_times_its_probability(chance: int, votes: int, days: int) -> None:
    without = seen(votes, listed_days=days)
    more = score(without._replace(forecast=chance), SHIPPED._replace(forecast=40.0)) - score(without, SHIPPED)
    assert -1e-9 <= more <= 40 * chance / 1e6 + 1e-6


def test_what_is_certain_to_get_votes_counts_the_whole_weight_on_its_first_day_and_half_on_each_after() -> None:
    parameters = SHIPPED._replace(forecast=40.0, mention=0)
    certain = [seen(listed_days=days)._replace(forecast=1_000_000) for days in (0, 1, 2)]
    assert [score(inputs, parameters) for inputs in certain] == [40.0, 20.0, 10.0]
    assert score(seen(2, listed_days=0)._replace(forecast=1_000_000), parameters) == 2 + 40 / 2


def test_words_say_what_counts() -> None:
    said = words(seen(41, 23, sources=2, listed_days=2, age_hours=53))
    assert said == "41 votes, 23 of them since yesterday; 2 sources; listed 2 days ago"


def test_words_are_right_where_there_is_one_of_a_thing() -> None:
    said = words(seen(1, 1, 1, stars_gained=1, picks=1))
    assert said == "1 vote since yesterday; 1 comment; 1 new star; picked by the editors; listed yesterday"


def test_words_say_why_votes_of_today_count_little() -> None:
    assert words(of_today(seen(1200, 1200), hours=5)) == "1,200 votes; listed today, so it counts little yet"


def test_words_tell_a_late_rise_from_a_listing() -> None:
    late = seen(30, 30, listed_days=6, age_hours=29)
    assert words(late) == "30 votes since yesterday; listed 6 days ago, first voted on yesterday"
    assert words(late._replace(age_hours=53)).endswith("listed 6 days ago, first voted on 2 days ago")
    fresh = late._replace(age_hours=5)
    assert words(fresh).endswith("listed 6 days ago and first voted on today, so it counts little yet")


def test_words_do_not_call_old_votes_new() -> None:
    assert words(seen(60, 0, listed_days=3, age_hours=77)) == "60 votes; listed 3 days ago"
    assert words(seen(listed_days=3, age_hours=77)) == "no votes yet; listed 3 days ago"


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 14), st.integers(0, 24 * 14))
def test_words_are_one_plain_line(votes: int, new_votes: int, comments: int, listed: int, hours: int) -> None:
    said = words(seen(votes, min(votes, new_votes), comments, listed_days=listed, age_hours=hours))
    assert said
    assert said.isprintable()
    assert "  " not in said
