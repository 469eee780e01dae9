"""Find a paper by what an editor or a reader typed."""

from newsletter.papers import identity
from newsletter.papers.models import Alias, Paper


class NotFound(Exception):
    """There is no such paper; in words for people."""


def paper_of(link: str) -> Paper:
    """Return the paper that `link` names, of merged ones the one that is left. Raise NotFound."""
    key = identity.key_of(link)
    paper = Paper.objects.filter(key=key).first()
    if paper is None and (alias := Alias.objects.filter(key=key).select_related("paper").first()):
        paper = alias.paper
    if paper is None:
        raise NotFound("No paper of that link is known here.")
    return paper.line()[-1]
