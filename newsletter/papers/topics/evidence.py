"""Evidence for a topic, as readers see it."""

from collections.abc import Iterable

PHRASE = "phrase: "
# Words of shipped phrases that are written with a capital; phrases are matched in any letter case.
PROPER_NAMES = frozenset({"alzheimer's", "bayesian", "gaussian", "nash", "stackelberg"})


def describe_evidence(evidence: str) -> str:
    """Return what a piece of evidence found in the paper.

    >>> describe_evidence("phrase: gaussian splatting"), describe_evidence("cs.CL")
    ('Gaussian splatting', 'arXiv cs.CL')
    """
    if not evidence.startswith(PHRASE):
        return f"arXiv {evidence}"
    words = evidence.removeprefix(PHRASE).split(" ")
    return " ".join(word.capitalize() if word in PROPER_NAMES else word for word in words)


def strongest_words(evidence: Iterable[str]) -> str:
    """Return the strongest phrase, or the strongest category where there is no phrase; "" without evidence.

    >>> strongest_words(["cs.AR", "phrase: systolic array"])
    'systolic array'
    """
    ranked = sorted(evidence, key=lambda piece: not piece.startswith(PHRASE))
    return describe_evidence(ranked[0]) if ranked else ""
