import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import md5

import pytest
from django.conf import LazySettings

from newsletter.papers.forecast import forecasts
from newsletter.papers.models import DayRank, Paper, PaperTopic, RankedDay, Sighting, Source
from newsletter.papers.trending import formula, ranking
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory, SourceFactory, TopicFactory
from tests.queries import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SetClock = Callable[[datetime], None]


def listed(days_ago: int, **fields: object) -> Paper:
    """Store a paper listed, and first seen at five, so many days ago."""
    ago = timedelta(days=days_ago)
    return PaperFactory(**{"listed_on": MONDAY - ago, "first_seen_at": MORNING - ago} | fields)


def see(paper: Paper, source: Source, seen_at: datetime, **figures: int | None) -> Sighting:
    return SightingFactory(paper=paper, source=source, seen_at=seen_at, **{"votes": None} | figures)


def foresee(paper: Paper, chance: float, seen_at: datetime = MORNING) -> Sighting:
    return see(paper, forecasts.forecast_source(), seen_at, forecast=round(chance * 1_000_000))


def inputs_of(paper: Paper) -> formula.Inputs:
    return ranking.select_order(ranking.OF_PAPERS, ranking.score_values(MORNING) | {"papers": [paper.pk]})[0].inputs


def a_busy_day(daily: Source) -> list[Paper]:
    """Store ten papers of five days with sightings of five sources, ties among them."""
    others = [SourceFactory(kind=kind, weight=weight) for kind, weight in
              [("arxiv", 1.0), ("arxiv", 0.3), ("feed", 2.5), ("editors", 1.0)]]  # fmt: skip
    papers = [listed(number % 5, first_seen_at=MORNING - 31 * HOUR) for number in range(10)]
    for number, paper in enumerate(papers):
        for step in range(4):
            seen_at = MORNING - step * timedelta(hours=11 + number)
            votes = (7 * number * (5 - step)) % 40
            see(paper, daily, seen_at, votes=votes, comments=number % 3, stars=1000 + 10 * number * (4 - step))
        for source in others[: number % 5]:
            see(paper, source, MORNING - timedelta(hours=30), votes=number if source.kind == "feed" else None)
    return papers


def test_a_figure_is_the_last_one_a_source_showed(daily: Source) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - 20 * HOUR, votes=5, comments=1)
    see(paper, daily, MORNING - 2 * HOUR, votes=30, comments=None)
    see(paper, daily, MORNING + HOUR, votes=99)
    ranking.score_papers()
    paper.refresh_from_db()
    assert (paper.votes, paper.comments) == (30, 1)


def test_growth_is_counted_from_what_was_seen_a_day_before(daily: Source) -> None:
    paper = listed(2)
    see(paper, daily, MORNING - 40 * HOUR, votes=10)
    see(paper, daily, MORNING - 25 * HOUR, votes=18)
    see(paper, daily, MORNING - HOUR, votes=41)
    assert inputs_of(paper)[:2] == (41, 23)


def test_votes_that_were_taken_back_are_no_growth(daily: Source) -> None:
    paper = listed(2)
    see(paper, daily, MORNING - 25 * HOUR, votes=18)
    see(paper, daily, MORNING - HOUR, votes=11)
    assert inputs_of(paper)[:2] == (11, 0)


def test_a_first_look_at_an_older_listing_takes_no_vote_for_new(daily: Source) -> None:
    yesterday, before = (listed(days, first_seen_at=MORNING) for days in (1, 2))
    for paper in (yesterday, before):
        see(paper, daily, MORNING, votes=60)
    assert inputs_of(yesterday)[:2] == (60, 60)
    assert inputs_of(before)[:2] == (60, 0)
    assert inputs_of(before).age_hours == 53


def test_a_paper_that_is_voted_on_late_begins_its_rise_then(daily: Source) -> None:
    paper = listed(5)
    see(paper, SourceFactory(), MORNING - 5 * DAY)
    see(paper, daily, MORNING - 22 * HOUR, votes=50)
    found = inputs_of(paper)
    assert (found.new_votes, found.listed_days, found.age_hours) == (50, 5, 29)


def test_all_of_arxivs_listings_are_one_source_of_the_greatest_weight() -> None:
    paper = listed(1)
    for kind, weight in [("arxiv", 1.0), ("arxiv", 0.5), ("arxiv_api", 0.5), ("feed", 3.0)]:
        see(paper, SourceFactory(kind=kind, weight=weight), MORNING - 20 * HOUR)
    found = inputs_of(paper)
    assert (found.sources, found.heard_sources) == (2, 4.0)


def test_votes_score_by_their_sources_weight_and_are_shown_unweighted(daily: Source) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - HOUR, votes=10)
    see(paper, SourceFactory(kind="feed", weight=0.2), MORNING - HOUR, votes=100)
    found = inputs_of(paper)
    assert (found.votes, found.heard_votes) == (110, 30.0)


def test_stars_are_counted_from_the_first_ones_seen(daily: Source) -> None:
    paper = listed(1)
    for hours, stars in [(20, None), (15, 40_000), (10, None), (2, 40_250)]:
        see(paper, daily, MORNING - hours * HOUR, stars=stars)
    assert inputs_of(paper).stars_gained == 250


def test_an_editors_pick_is_neither_a_vote_nor_a_source(daily: Source) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - HOUR, votes=3)
    see(paper, SourceFactory(kind="editors"), MORNING - HOUR, votes=None)
    found = inputs_of(paper)
    assert (found.votes, found.sources, found.picks) == (3, 1, 1)


def test_the_statement_and_the_formula_agree(daily: Source) -> None:
    for number, paper in enumerate(a_busy_day(daily)):
        foresee(paper, number / 17)
    ranking.record_day(MONDAY, MORNING)
    rows = ranking.stored_order(MONDAY)
    assert len({row.score for row in rows}) > 5
    for row in rows:
        assert row.score == pytest.approx(formula.score(row.inputs, ranking.current_parameters()), abs=2e-6)


def test_scoring_is_one_statement_and_changes_nothing_twice(daily: Source) -> None:
    a_busy_day(daily)
    scored = []
    asked = statements(lambda: scored.append(ranking.score_papers()))
    assert scored == [10]
    assert sum("WITH candidate" in sql for sql in asked) == 1
    assert ranking.score_papers() == 0


def test_the_parameters_are_settings(daily: Source, settings: LazySettings) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - 20 * HOUR, votes=10)
    settings.TRENDING_GROWTH, settings.TRENDING_MENTION = 0.5, 7.0
    ranking.score_papers()
    paper.refresh_from_db()
    assert paper.score == 10 + 5 + 7


def order_of_equals(daily: Source) -> tuple[list[Paper], list[Paper]]:
    """Store a day with a paper of more votes and nine equal ones, three of each fit; return the order, and by number.

    The order is by votes, then by fit, then by the hash of the key.
    """
    topic = TopicFactory()
    best = listed(1, key="arxiv:2605.00999")
    equals = [listed(1, key=f"arxiv:2605.{number:05}", topics=[topic]) for number in range(9)]
    for paper, votes in [(best, 9), *((paper, 4) for paper in equals)]:
        see(paper, daily, MORNING - HOUR, votes=votes)
    fits = {paper.pk: (paper.pk % 3 + 1) / 4 for paper in equals}
    for pk, fit in fits.items():
        PaperTopic.objects.filter(paper=pk).update(fit=fit)
    by_fit = sorted(equals, key=lambda paper: (-fits[paper.pk], md5(paper.key.encode()).hexdigest()))
    return [best, *by_fit], [best, *equals]


def test_a_day_is_ranked_by_score_then_fit_then_a_hash_that_favours_no_number(daily: Source) -> None:
    order, by_number = order_of_equals(daily)
    ranking.record_day(MONDAY, MORNING)
    assert [row.paper_id for row in ranking.stored_order(MONDAY)] == [paper.pk for paper in order]
    assert order != by_number
    assert list(Paper.objects.rising()) == order


def test_an_order_is_computed_again_by_the_fits_of_its_day(daily: Source) -> None:
    order_of_equals(daily)
    ranking.record_day(MONDAY, MORNING)
    PaperTopic.objects.update(fit=0.1)
    PaperTopic.objects.filter(paper=Paper.objects.earliest("key")).delete()
    assert ranking.recompute_order(MONDAY) == ranking.stored_order(MONDAY)


def test_a_day_from_before_fits_broke_ties_is_computed_again_by_the_keys(daily: Source) -> None:
    _, by_number = order_of_equals(daily)
    ranking.record_day(MONDAY, MORNING)
    published = RankedDay.objects.get()
    del published.parameters["ties"]
    published.save()
    DayRank.objects.update(fit=0.0)
    assert [row.paper_id for row in ranking.recompute_order(MONDAY)] == [paper.pk for paper in by_number]


def test_a_published_order_is_computed_again_byte_for_byte(
    daily: Source, set_clock: SetClock, settings: LazySettings
) -> None:
    papers = a_busy_day(daily)
    for number, paper in enumerate(papers):
        foresee(paper, (number + 1) / 13)
    ranking.record_day(MONDAY, MORNING)
    stored = json.dumps(ranking.stored_order(MONDAY))

    # What comes later belongs to other days.
    set_clock(MORNING + 2 * DAY)
    for paper in papers:
        see(paper, daily, MORNING + HOUR, votes=500 - paper.pk % 100)
    Source.objects.update(weight=9.0)
    Paper.objects.filter(pk=papers[3].pk).update(listed_on=date(2026, 4, 1), withdrawn_at=MORNING + HOUR)
    settings.TRENDING_COMMENT = 100.0
    ranking.score_papers()

    assert len(json.loads(stored)) == 10
    assert json.dumps(ranking.recompute_order(MONDAY)) == stored == json.dumps(ranking.stored_order(MONDAY))


def test_a_forecast_is_no_vote_no_mention_and_does_not_ripen(daily: Source, settings: LazySettings) -> None:
    settings.TRENDING_MENTION = 0
    paper = listed(0)
    see(paper, daily, MORNING - HOUR)
    foresee(paper, 0.1)
    ranking.score_papers()
    paper.refresh_from_db()
    found = inputs_of(paper)
    assert (found.votes, found.new_votes, found.sources, found.picks) == (0, 0, 1, 0)
    assert (found.age_hours, paper.score) == (5, 4.0)


def test_a_forecast_counts_less_as_votes_come(daily: Source) -> None:
    paper, plain = listed(1), listed(1)
    foresee(paper, 0.1)
    for votes, more in [(0, 2.0), (2, 1.0), (8, 0.4)]:
        for one in (paper, plain):
            Sighting.objects.filter(paper=one, source=daily).delete()
            see(one, daily, MORNING - HOUR, votes=votes)
        ranking.score_papers()
        paper.refresh_from_db()
        plain.refresh_from_db()
        assert paper.score - plain.score == pytest.approx(more)


def test_only_the_best_twentieth_of_a_day_without_votes_is_expected_to_get_some(daily: Source) -> None:
    papers = [listed(days) for days in (0, 1) for _ in range(20)]
    for number, paper in enumerate(papers):
        see(paper, daily, MORNING - HOUR)
        # The first day's best is below all of the second.
        foresee(paper, (number + 1) / 1000)
    ranking.record_day(MONDAY, MORNING)
    stored = {row.paper_id: row.inputs for row in ranking.stored_order(MONDAY)}
    best = [papers[19].pk, papers[39].pk]
    assert [paper.pk for paper in papers if stored[paper.pk].is_likely] == best
    now = ranking.words_now([paper.pk for paper in papers[15:]])
    assert sorted(pk for pk, said in now.items() if "expected to get votes" in said) == best
    see(papers[19], daily, MORNING, votes=1)
    assert "expected" not in ranking.why_now(papers[19].pk)


def test_forecasts_are_off_at_weight_0(daily: Source, settings: LazySettings) -> None:
    settings.TRENDING_FORECAST_WEIGHT = 0
    papers = [listed(1) for _ in range(20)]
    for number, paper in enumerate(papers):
        see(paper, daily, MORNING - HOUR)
        foresee(paper, (number + 1) / 1000)
    ranking.score_papers()
    assert len(set(Paper.objects.values_list("score", flat=True))) == 1
    assert not any("expected" in said for said in ranking.words_now([paper.pk for paper in papers]).values())
    assert inputs_of(papers[19]).forecast == 0


def test_a_day_that_was_recorded_before_there_was_a_forecast_is_computed_again_byte_for_byte(
    daily: Source, settings: LazySettings
) -> None:
    papers = a_busy_day(daily)
    settings.TRENDING_FORECAST_WEIGHT = 0
    ranking.record_day(MONDAY, MORNING)
    published = RankedDay.objects.get()
    del published.parameters["forecast"]
    published.save()
    stored = json.dumps(ranking.stored_order(MONDAY))
    settings.TRENDING_FORECAST_WEIGHT = 40.0
    for number, paper in enumerate(papers):
        foresee(paper, (number + 1) / 100, MORNING - HOUR)
    assert json.dumps(ranking.recompute_order(MONDAY)) == stored


def test_new_papers_are_scored_with_their_forecast(daily: Source) -> None:
    paper = listed(0, categories=["cs.CL"], origins={name: [3, 1] for name in ("title", "abstract", "categories")})
    see(paper, daily, MORNING - HOUR)
    ranking.score_papers()
    [seen] = paper.sightings.filter(source__kind=Source.Kind.FORECAST)
    assert inputs_of(paper).forecast == seen.forecast


def test_a_day_is_recorded_once(daily: Source) -> None:
    see(listed(1), daily, MORNING - HOUR, votes=1)
    assert ranking.record_day(MONDAY, MORNING)
    see(listed(1), daily, MORNING - HOUR, votes=2)
    assert not ranking.record_day(MONDAY, MORNING + HOUR)
    assert DayRank.objects.count() == 1
    assert RankedDay.objects.get().ranked_at == MORNING


def test_a_day_holds_the_present_papers_of_the_last_listing_days(
    daily: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "FRONT_DAYS", 2)
    kept = {listed(days).pk for days in (0, 3)}
    listed(4)
    listed(-1)
    listed(0, withdrawn_at=MORNING)
    listed(0, merged_into_id=min(kept))
    for paper in Paper.objects.all():
        see(paper, daily, MORNING, votes=1)
    ranking.record_day(MONDAY, MORNING)
    assert {row.paper_id for row in ranking.stored_order(MONDAY)} == kept


def test_recording_brings_the_papers_own_figures_up_to_the_moment(daily: Source) -> None:
    paper = listed(1)
    see(paper, daily, MORNING - HOUR, votes=10)
    ranking.record_day(MONDAY, MORNING)
    paper.refresh_from_db()
    assert (paper.votes, paper.score) == (10, ranking.stored_order(MONDAY)[0].score)


def test_a_paper_says_why_it_stands_where_it_does_now(daily: Source) -> None:
    paper = listed(1)
    assert ranking.why_now(paper.pk) == ""
    see(paper, daily, MORNING - 20 * HOUR, votes=10)
    assert ranking.why_now(paper.pk) == "10 votes since yesterday; listed yesterday"
