"""Find a paper by words, or by a link to it."""

from django.db.models import Q

from newsletter.papers import identity
from newsletter.papers.models import Paper


class NotFound(Exception):
    """No paper is known by the link; the message says so to people."""


def search(text: str, limit: int = 20) -> list[Paper]:
    """Return papers whose title holds all the words, the best first."""
    words = Q()
    for word in text.split():
        words &= Q(title__icontains=word)
    return list(Paper.objects.present().filter(words).rising()[:limit]) if words else []


def paper_of(link: str) -> Paper:
    """Return the paper that a link, an id or a DOI leads to. Raise NotFound."""
    key = identity.key_of(link)
    if key is None:
        raise NotFound(f"“{link}” leads to no paper: paste a link to arXiv, an id such as 2605.00658, or a DOI.")
    paper = Paper.objects.filter(Q(key=key) | Q(aliases__key=key)).first()
    if paper is None:
        raise NotFound(f"No paper is known as {key}.")
    return paper
