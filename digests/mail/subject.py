from collections.abc import Sequence

from digests.selection.entry_index import WEAK, Item
from newsletter.excerpt import cut_at_word
from newsletter.issues.models import Issue
from newsletter.mail.header_line import clean_line

FOREMOST = 3  # papers that may give the subject; a reader looks for it at the top of the mail
LONGEST_TITLE = 70  # characters of a title in a subject


def subject_for(issue: Issue, items: Sequence[Item]) -> str:
    """Return the subject of what was chosen: the best-fitting of its first papers, and a free item where none is."""
    papers = [item for item in items if not item.entry.is_free]
    if papers:
        return subject_of(issue, best_fitting(papers[:FOREMOST]).entry.title, len(papers))
    return subject_of(issue, items[0].entry.title, 1)


def best_fitting(items: Sequence[Item]) -> Item:
    """Return the item that fits its reader best; an older one, or one that fits weakly, only where all are so."""
    return max(items, key=lambda item: (item.fit >= WEAK, not item.is_older, item.fit))


def subject_of(issue: Issue, title: str, count: int) -> str:
    """Return the subject: the editor's, or the start of one paper's title and how many more papers there are."""
    if issue.subject:
        return clean_line(issue.subject)
    title = cut_at_word(clean_line(title), LONGEST_TITLE)
    return title if count == 1 else f"{title}, and {count - 1} more {'paper' if count == 2 else 'papers'}"
