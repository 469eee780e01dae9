"""A filter that shows what speaks for a paper's topic."""

from collections.abc import Iterable

from django import template

from newsletter.papers.topics.evidence import describe_evidence

register = template.Library()


@register.filter
def evidence_line(evidence: Iterable[str]) -> str:
    """Return all evidence in one line.

    >>> evidence_line(["cs.AR", "phrase: systolic array"])
    'arXiv cs.AR, systolic array'
    """
    return ", ".join(map(describe_evidence, evidence))
