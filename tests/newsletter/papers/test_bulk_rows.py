from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers import bulk_rows
from newsletter.papers.models import Paper, PaperTopic, Sighting
from tests.factories import MORNING, PaperFactory, SightingFactory, SourceFactory, TopicFactory

# What PostgreSQL can hold and JSON can carry: no NUL, no half of a pair.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@pytest.mark.django_db
def test_rows_are_stored_as_the_orm_would_and_learn_their_ids() -> None:
    papers = [
        PaperFactory.build(categories=["cs.CL", 'a "b", {c}'], withdrawn_at=None),
        PaperFactory.build(authors=[]),
    ]

    assert bulk_rows.insert(papers) == 2
    for paper in papers:
        stored = Paper.objects.get(pk=paper.pk)
        assert [getattr(stored, f.attname) for f in Paper._meta.concrete_fields] == [
            getattr(paper, f.attname) for f in Paper._meta.concrete_fields
        ]


@pytest.mark.django_db
def test_a_row_that_is_there_is_an_error_or_passed_over() -> None:
    paper_topic = PaperTopic(paper=PaperFactory(), topic=TopicFactory(), evidence=["cs.CL"])
    other = PaperTopic(paper=paper_topic.paper, topic=TopicFactory(), evidence=[])
    bulk_rows.insert([paper_topic])

    assert bulk_rows.insert([paper_topic, other], ignore_conflicts=True) == 1
    assert PaperTopic.objects.count() == 2
    with pytest.raises(IntegrityError):
        bulk_rows.insert([paper_topic])


@pytest.mark.django_db
def test_an_update_writes_the_named_columns_of_the_given_rows_only() -> None:
    changed, other = PaperFactory.create_batch(2)
    withdrawn_at = datetime(2026, 5, 5, 6, 7, 8, 901, tzinfo=UTC)
    changed.title, changed.authors, changed.withdrawn_at = "New", ["A", "B"], withdrawn_at
    changed.listed_on, changed.url = date(2026, 5, 1), "https://example.org/unsaved"

    assert bulk_rows.update([changed], ("title", "authors", "withdrawn_at", "listed_on")) == 1
    stored = Paper.objects.get(pk=changed.pk)
    assert (stored.title, stored.authors, stored.withdrawn_at, stored.listed_on) == (
        "New", ["A", "B"], withdrawn_at, date(2026, 5, 1),
    )  # fmt: skip
    assert stored.url != changed.url
    assert Paper.objects.get(pk=other.pk).title == other.title


@pytest.mark.django_db
def test_nothing_is_no_statement(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with django_assert_num_queries(0):
        assert bulk_rows.insert([]) == bulk_rows.update([], ("title",)) == 0


@pytest.mark.django_db
def test_a_missing_figure_stays_missing() -> None:
    sighting = SightingFactory.build(paper=PaperFactory(), source=SourceFactory(), votes=None, comments=0)
    bulk_rows.insert([sighting])

    assert list(Sighting.objects.values_list("seen_at", "votes", "comments")) == [(MORNING, None, 0)]


@pytest.mark.django_db
@given(st.lists(TEXTS, max_size=4), TEXTS)
def test_any_text_comes_back_as_it_was(authors: list[str], abstract: str) -> None:
    paper = PaperFactory.build(authors=authors, abstract=abstract)
    bulk_rows.insert([paper])

    stored = Paper.objects.get(pk=paper.pk)
    assert (stored.authors, stored.abstract) == (authors, abstract)
