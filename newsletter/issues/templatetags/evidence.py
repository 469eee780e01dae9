"""Filters that show what speaks for a paper: the evidence of its topics, and who proposed or shared it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from newsletter.papers.community.proposals import BY_A_READER
from newsletter.papers.topics.evidence import describe_evidence

register = template.Library()


@register.filter
def evidence_line(evidence: Iterable[str]) -> str:
    """Return all evidence in one line.

    >>> evidence_line(["cs.AR", "phrase: systolic array"])
    'arXiv cs.AR, systolic array'
    """
    return ", ".join(map(describe_evidence, evidence))


@register.filter
def credit(card: Mapping[str, Any]) -> str:
    """Say who proposed or shared the paper of a snapshot.

    >>> credit({"proposed_by": "Dana", "shared_on": "Hugging Face"})
    'Shared on Hugging Face by Dana'
    """
    if card["proposed_by"] == BY_A_READER:
        return "Proposed by a reader"
    place = f" on {card['shared_on']}" if card.get("shared_on") else ""
    return f"Shared{place} by {card['proposed_by']}"
