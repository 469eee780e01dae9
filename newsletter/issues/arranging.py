"""The step in which an editor's moves become the order of a front."""

from collections.abc import Iterable, Mapping

from newsletter.issues.models import Issue, IssueEntry


def arrange(issue: Issue, moves: Mapping[int, int]) -> None:
    """Number the front of `issue` 1, 2, 3 and so on; safe to repeat without moves.

    `moves` says of an entry (by its id) how many places down it was moved, less than 0 for up.
    """
    entries = in_order(issue.entries.front(), moves)
    for place, entry in enumerate(entries, start=1):
        entry.position = place
    IssueEntry.objects.bulk_update(entries, ["position"], batch_size=500)


def in_order(entries: Iterable[IssueEntry], moves: Mapping[int, int]) -> list[IssueEntry]:
    """Sort by position; where two ask for one place, the moved one gets it and the other makes room."""
    return sorted(entries, key=lambda entry: (entry.position, direction(moves.get(entry.pk, 0)), entry.pk))


def direction(by: int) -> int:
    """Return -1 for a move up, 1 for one down, 0 for none."""
    return (by > 0) - (by < 0)
