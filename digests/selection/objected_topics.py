"""Remove the topics that a reader said papers do not belong to. Pure: no database, clock or settings."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from digests.selection.entry_index import Choice, Entry, IssueIndex, build_index
from digests.selection.rules import OlderIssue

Pair = tuple[int, str]  # a paper's id and a topic's slug


def index_without(index: IssueIndex, pairs: Collection[Pair], choice: Choice) -> IssueIndex:
    """Return an index for `choice` of the same entries without the topics that `pairs` name.

    Return `index` itself if it holds none of the papers.
    """
    if not any(paper_id in index.by_paper for paper_id, _ in pairs):
        return index
    entries = [entry_without(entry, pairs) for entry in index.entries]
    return build_index(entries, [choice], shelf_per_topic=index.shelf_per_topic)


def entry_without(entry: Entry, pairs: Collection[Pair]) -> Entry:
    wrong = {slug for slug in entry.topics if (entry.paper_id, slug) in pairs}
    return replace(entry, topics={s: n for s, n in entry.topics.items() if s not in wrong}) if wrong else entry


def older_without(issues: Iterable[OlderIssue], pairs: Collection[Pair], choice: Choice) -> Iterator[OlderIssue]:
    for issue in issues:
        yield OlderIssue(index_without(issue.index, pairs, choice), issue.closed)
