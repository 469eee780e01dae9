"""How near the two lines shown of a paper come to a summary that was written for it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from newsletter.papers.summary import summarize
from newsletter.papers.summary.sentences import split_sentences
from tests.benchmarks.learned import summary_weights
from tests.benchmarks.learned.recorded_summaries import Recorded, read_recorded, rouge1_f
from tests.benchmarks.recordings import HF_DAILY
from tests.benchmarks.registry import Figure, bench

BEGINNING = 145  # characters
TIMES_THE_BEGINNING = 1.55


@bench("summary_rouge", unit="ROUGE-1 F", target=0.345, needs_recordings=True)
def summary_rouge(scale: float) -> Figure:
    """Judge each half of the papers by weights made from the other half."""
    papers = read_recorded(HF_DAILY)
    halves = [[paper for paper in papers if is_in_second_half(paper) is second] for second in (False, True)]
    held_out = [held_out_figures(judged, learnt) for judged, learnt in (halves, halves[::-1])]
    value = sum(map(sum, held_out)) / len(papers)
    beginning = mean_figure(papers, lambda abstract, _: abstract[:BEGINNING])
    best = mean_figure_of_best(papers)
    note = (
        f"{len(papers):,} papers in two halves ({', '.join(f'{sum(half) / len(half):.4f}' for half in held_out)}); "
        f"{value / beginning:.2f} times the first {BEGINNING} characters ({beginning:.4f}); "
        f"best single sentence {best:.4f}"
    )
    short = f"{TIMES_THE_BEGINNING} times the first {BEGINNING} characters"
    return Figure(value, note, missed=() if value >= TIMES_THE_BEGINNING * beginning else (short,))


def is_in_second_half(paper: Recorded) -> bool:
    return hashlib.sha256(paper.id.encode()).digest()[-1] % 2 == 1


def mean_figure(papers: Sequence[Recorded], shorten: Callable[[str, str], str]) -> float:
    """Return the mean ROUGE-1 F of what `shorten` makes of an abstract and a title."""
    figures = [rouge1_f(shorten(paper.abstract, paper.title), paper.reference) for paper in papers]
    return sum(figures) / len(figures)


def held_out_figures(judged: Sequence[Recorded], learnt: Sequence[Recorded]) -> list[float]:
    weights = summary_weights.weights_of(learnt)
    return [rouge1_f(summary_by(weights, paper), paper.reference) for paper in judged]


def summary_by(weights: Mapping[str, float], paper: Recorded) -> str:
    return summarize.summarize_by(weights, paper.abstract, paper.title)


def mean_figure_of_best(papers: Sequence[Recorded]) -> float:
    """Return the mean over papers of the best that any whole sentence of the abstract does, however long."""
    best = [
        max(rouge1_f(sentence, paper.reference) for sentence in split_sentences(paper.abstract)) for paper in papers
    ]
    return sum(best) / len(best)
