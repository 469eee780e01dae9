from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from newsletter.papers.community import votes as voting
from newsletter.papers.community.votes import VoteResult
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Paper, Sighting, Source, Vote
from newsletter.papers.trending import formula, ranking
from tests.factories import MONDAY, MORNING, PaperFactory, SightingFactory, SourceFactory
from tests.queries import query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def counts(paper: Paper) -> list[int | None]:
    return list(Sighting.objects.filter(paper=paper).order_by("seen_at").values_list("votes", flat=True))


def test_a_reader_votes_once_for_a_paper_however_often_the_button_is_pressed() -> None:
    paper = PaperFactory()
    assert [voting.vote(paper, "ada") for _ in range(3)] == [VoteResult.COUNTED, VoteResult.KNOWN, VoteResult.KNOWN]
    assert Vote.objects.count() == 1


def test_a_vote_for_a_merged_paper_counts_for_the_one_that_is_left() -> None:
    paper, left = PaperFactory(), PaperFactory()
    voting.vote(paper, "ada")
    duplicates.merge(paper, left)
    paper.refresh_from_db()
    assert voting.vote(left, "ada") == voting.vote(paper, "ada") == VoteResult.KNOWN
    assert voting.vote(paper, "bo") == VoteResult.COUNTED
    voting.write_counts()
    assert counts(left) == [2]
    assert voting.take_back(left, "ada")
    assert not voting.has_voted(paper, "ada")


def test_a_split_gives_each_paper_its_own_votes_back(set_clock: SetClock) -> None:
    paper, left = PaperFactory(), PaperFactory()
    voting.vote(paper, "ada")
    voting.write_counts()
    duplicates.merge(paper, left)
    voting.vote(left, "bo")
    set_clock(MORNING + timedelta(minutes=5))
    voting.write_counts()
    assert counts(left) == [1, 2]
    duplicates.split(paper)
    set_clock(MORNING + timedelta(minutes=10))
    voting.write_counts()
    assert (counts(paper)[-1], counts(left)[-1]) == (1, 1)


def test_who_has_voted_enough_for_a_day_votes_again_the_next(settings: LazySettings, set_clock: SetClock) -> None:
    settings.VOTES_PER_DAY = 2
    papers = PaperFactory.create_batch(3)
    outcomes = [voting.vote(paper, "ada") for paper in papers]
    assert outcomes == [VoteResult.COUNTED, VoteResult.COUNTED, VoteResult.TOO_MANY]
    assert voting.vote(papers[2], "bo") == VoteResult.COUNTED
    set_clock(MORNING + timedelta(hours=25))
    assert voting.vote(papers[2], "ada") == VoteResult.COUNTED


def test_counts_are_written_only_where_they_changed(set_clock: SetClock) -> None:
    papers = PaperFactory.create_batch(3)
    for reader in ("ada", "bo"):
        voting.vote(papers[0], reader)
    voting.vote(papers[1], "ada")
    assert (voting.write_counts(), voting.write_counts()) == (2, 0)
    set_clock(MORNING + timedelta(minutes=5))
    voting.take_back(papers[1], "ada")
    assert voting.write_counts() == 1
    assert [counts(paper) for paper in papers] == [[2], [1, 0], []]


def test_votes_of_who_was_erased_still_count() -> None:
    paper = PaperFactory()
    for reader in ("ada", "bo", "cy"):
        voting.vote(paper, reader)
    for reader in ("ada", "bo"):
        voting.anonymise(reader)
    voting.write_counts()
    assert counts(paper) == [3]


def test_counting_takes_as_many_queries_for_many_papers_as_for_one() -> None:
    voting.readers_source()

    voting.vote(PaperFactory(), "ada")
    few = query_count(voting.write_counts)
    for paper in PaperFactory.create_batch(10):
        voting.vote(paper, "ada")
    assert query_count(voting.write_counts) == few


def test_a_readers_vote_counts_as_two_of_hugging_face_and_is_no_mention() -> None:
    listing = SourceFactory(kind=Source.Kind.HF_DAILY)
    ago = MORNING - timedelta(days=2)
    voted, seen = (PaperFactory(listed_on=MONDAY - timedelta(days=2), first_seen_at=ago) for _ in range(2))
    for paper, votes in ((voted, 10), (seen, 12)):
        SightingFactory(paper=paper, source=listing, seen_at=MORNING - timedelta(hours=1), votes=votes)
    voting.vote(voted, "ada")
    voting.write_counts()
    ranking.score_papers()
    voted.refresh_from_db()
    seen.refresh_from_db()
    assert voted.score == seen.score > 0
    assert voted.votes == 11
    assert "11 votes" in ranking.why_now(voted.pk)


def test_the_weight_is_the_sources_and_an_operator_changes_it() -> None:
    paper = PaperFactory(listed_on=MONDAY - timedelta(days=1), first_seen_at=MORNING - timedelta(days=1))
    voting.vote(paper, "ada")
    voting.write_counts()

    def heard() -> float:
        return ranking.select_order(ranking.OF_PAPERS, ranking.score_values(MORNING) | {"papers": [paper.pk]})[
            0
        ].inputs.heard_votes

    assert heard() == 2.0
    Source.objects.update(weight=0.5)
    assert heard() == 0.5


def test_a_vote_that_is_taken_back_leaves_no_trace_in_the_score(set_clock: SetClock) -> None:
    paper = PaperFactory()
    voting.vote(paper, "ada")
    voting.write_counts()
    set_clock(MORNING + timedelta(minutes=5))
    voting.take_back(paper, "ada")
    voting.write_counts()
    ranking.score_papers()
    paper.refresh_from_db()
    assert (paper.score, paper.votes) == (0.0, 0)


def test_a_published_day_with_votes_is_recomputed_byte_for_byte() -> None:
    paper = PaperFactory()
    voting.vote(paper, "ada")
    voting.write_counts()
    ranking.record_day(MONDAY, MORNING)
    stored = ranking.stored_order(MONDAY)
    assert stored == ranking.recompute_order(MONDAY)
    parameters = ranking.current_parameters()
    assert stored[0].score == formula.score(stored[0].inputs, parameters) > 0
