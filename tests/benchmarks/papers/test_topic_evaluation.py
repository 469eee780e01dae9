import pytest

from tests.benchmarks.papers.topic_evaluation import Judged, TopicScore, f1_by_topic, is_held_out, micro_score

TRUTH = {"language": {"cs.CL"}, "audio": {"cs.SD", "eess.AS"}}


def test_any_category_makes_a_paper_of_the_topic() -> None:
    scores = f1_by_topic([Judged(["cs.LG", "eess.AS"], ["audio"])], TRUTH)

    assert scores == {"language": TopicScore(0, 0, 0), "audio": TopicScore(1, 1, 1)}


def test_precision_and_recall_count_wrong_and_missed_papers() -> None:
    papers = [
        Judged(["cs.CL"], ["language"]),
        Judged(["cs.CL"], []),
        Judged(["cs.CV"], ["language"]),
        Judged(["cs.CL"], ["language"]),
        Judged(["cs.CV"], ["vision"]),
    ]

    score = f1_by_topic(papers, TRUTH)["language"]

    assert (score.precision, score.recall, score.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_a_topic_nobody_has_scores_nothing() -> None:
    score = TopicScore(0, 0, 0)

    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)


def test_fewer_than_thirty_papers_are_too_few() -> None:
    assert TopicScore(29, 29, 29).has_too_few
    assert not TopicScore(30, 0, 0).has_too_few


def test_the_micro_score_adds_the_counts() -> None:
    assert micro_score({"a": TopicScore(10, 8, 6), "b": TopicScore(2, 4, 0)}) == TopicScore(12, 12, 6)


def test_the_halves_are_even_and_lasting() -> None:
    held_out = [is_held_out(f"2603.{number:05}") for number in range(2000)]

    assert 900 < sum(held_out) < 1100
    assert [number for number in range(1, 13) if held_out[number]] == [2, 4, 5, 6, 7, 9, 10]
