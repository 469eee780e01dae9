from digests.selection.entry_index import Choice, build_index
from digests.selection.objected_topics import index_without, older_without
from digests.selection.rules import OlderIssue, select
from tests.digests.selection.test_rules import entry

BOTH = Choice(frozenset({"vision", "robotics"}))
VISION = Choice(frozenset({"vision"}))


def papers(index: object, choice: Choice) -> list[tuple[int, str]]:
    return [(item.entry.paper_id, item.reason) for item in select(index, choice)]  # type: ignore[arg-type]


def test_a_paper_does_not_come_for_a_topic_that_is_objected_to() -> None:
    index = build_index([entry(1, "vision"), entry(2, "vision")])
    wrong = {(index.entries[0].paper_id, "vision")}
    found = [paper_id for paper_id, _ in papers(index_without(index, wrong, VISION), VISION)]
    assert found == [index.entries[1].paper_id]


def test_it_still_comes_for_another_topic_and_names_that() -> None:
    index = build_index([entry(1, "vision", "robotics")])
    wrong = {(index.entries[0].paper_id, "vision")}
    ((_, reason),) = papers(index_without(index, wrong, BOTH), BOTH)
    assert reason.startswith(index.entries[0].topics["robotics"])


def test_an_index_without_the_papers_is_left_as_it_is() -> None:
    index = build_index([entry(1, "vision")])
    assert index_without(index, {(999, "vision")}, VISION) is index


def test_older_issues_keep_what_is_closed() -> None:
    index = build_index([entry(1, "vision"), entry(2, "vision")])
    (older,) = older_without([OlderIssue(index, 2)], {(index.entries[0].paper_id, "vision")}, VISION)
    assert older.closed == 2
    assert older.index.entries[0].topics == {}
    assert older.index.entries[1] is index.entries[1]
