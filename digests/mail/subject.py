from collections.abc import Sequence

from digests.selection.entry_index import Item
from newsletter.excerpt import cut_at_word
from newsletter.issues.models import Issue
from newsletter.mail.header_line import clean_line

LONGEST_TITLE = 70  # characters of a title in a subject


def subject_for(issue: Issue, items: Sequence[Item]) -> str:
    """Return the subject of what was chosen: papers give it, and free items only where there is nothing else."""
    papers = [item for item in items if not item.entry.is_free]
    if papers:
        return subject_of(issue, papers[0].entry.title, len(papers))
    return subject_of(issue, items[0].entry.title, 1)


def subject_of(issue: Issue, first: str, count: int) -> str:
    """Return the subject: the editor's, or the first title and how many papers stand below it."""
    if issue.subject:
        return clean_line(issue.subject)
    title = cut_at_word(clean_line(first), LONGEST_TITLE)
    return title if count == 1 else f"{title}, and {count - 1} more {'paper' if count == 2 else 'papers'}"
