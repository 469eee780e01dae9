"""Whether times tell things apart: Friedman's test, which asks only which of one round took longer than which."""

from collections.abc import Mapping, Sequence


def unlikeness(rounds: Sequence[Mapping[str, float]]) -> float:
    """Return how much the places differ that each name takes in its rounds by length.

    Where times say nothing of the name it is distributed as chi-square, with as many degrees of freedom as there are
    other names, however busy the machine is and whatever grows from round to round.
    """
    sums: dict[str, int] = {}
    for times in rounds:
        for place, name in enumerate(sorted(times, key=times.__getitem__), 1):
            sums[name] = sums.get(name, 0) + place
    size, count = len(sums), len(rounds)
    mean = count * (size + 1) / 2
    return 12 * sum((total - mean) ** 2 for total in sums.values()) / (count * size * (size + 1))
