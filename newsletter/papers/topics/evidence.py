"""Evidence for a topic, as readers see it."""

from collections.abc import Iterable

PHRASE = "phrase: "


def describe_evidence(evidence: str) -> str:
    """Return what a piece of evidence found in the paper.

    >>> describe_evidence("phrase: gaussian splatting"), describe_evidence("cs.CL")
    ('gaussian splatting', 'arXiv cs.CL')
    """
    return evidence.removeprefix(PHRASE) if evidence.startswith(PHRASE) else f"arXiv {evidence}"


def strongest_words(evidence: Iterable[str]) -> str:
    """Return the strongest phrase, or the strongest category where there is no phrase; "" without evidence.

    >>> strongest_words(["cs.AR", "phrase: systolic array"])
    'systolic array'
    """
    ranked = sorted(evidence, key=lambda piece: not piece.startswith(PHRASE))
    return describe_evidence(ranked[0]) if ranked else ""
