"""One paper from several sources: whose word counts for which field. Pure.

arXiv's own text and categories win over everybody's; otherwise what came first stays and gaps are filled. The listing
day is the earliest that any source gives. docs/decisions.md, “Whose title wins”.
"""

from datetime import date
from typing import Any

from newsletter.papers import identity
from newsletter.papers.findings import Finding
from newsletter.papers.models import Source

FROM_ARXIV = {Source.Kind.ARXIV, Source.Kind.ARXIV_API}
TEXT = ("title", "abstract", "authors", "categories", "primary_category")
GAPS = ("code_url", "project_url", "proposed_by")
# What their columns hold; what is longer would cost the whole answer.
MAX_ADDRESS = 500
MAX_CATEGORY = 30


def first_fields(finding: Finding, today: date) -> dict[str, Any]:
    """Return the columns of a paper that is seen for the first time."""
    return {
        "title": finding.title,
        "abstract": finding.abstract,
        "authors": list(finding.authors),
        "categories": [category for category in finding.categories if len(category) <= MAX_CATEGORY],
        "primary_category": finding.primary_category if len(finding.primary_category) <= MAX_CATEGORY else "",
        "version": finding.version,
        "url": fitting(finding.url) or fitting(identity.abs_url(finding.key)),
        "code_url": fitting(finding.code_url),
        "project_url": fitting(finding.project_url),
        "proposed_by": finding.proposed_by[:100],
        # A feed's date can be wrong: nothing was listed in the future.
        "listed_on": min(finding.listed_on or today, today),
    }


def fitting(address: str) -> str:
    return address if len(address) <= MAX_ADDRESS else ""


def changed_fields(known: dict[str, Any], finding: Finding, kind: str, today: date) -> dict[str, Any]:
    """Return the columns of `known` that `finding` of a source of `kind` changes, with their new values."""
    offered = first_fields(finding, today)
    wanted: dict[str, Any] = {}
    if kind in FROM_ARXIV and finding.version >= known["version"]:
        wanted = {name: offered[name] for name in (*TEXT, "version") if offered[name]}
    for name in (*TEXT, *GAPS):
        if not known[name] and offered[name]:
            wanted.setdefault(name, offered[name])
    if not finding.announce.startswith("replace"):
        wanted["listed_on"] = min(known["listed_on"], offered["listed_on"])
    return {name: value for name, value in wanted.items() if value != known[name]}
