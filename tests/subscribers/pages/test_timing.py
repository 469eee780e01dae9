import random

from tests.subscribers.pages.timing import unlikeness

NAMES = "abcdefg"


def test_times_of_one_kind_do_not_differ_however_busy_the_machine_grows() -> None:
    dice = random.Random(1)
    rounds = [{name: n + dice.expovariate(1) for name in NAMES} for n in range(500)]
    assert unlikeness(rounds) < 60


def test_a_difference_of_a_quarter_of_the_noise_is_found() -> None:
    dice = random.Random(1)
    rounds = [{name: dice.expovariate(1) + (name == "c") / 4 for name in NAMES} for _ in range(500)]
    assert unlikeness(rounds) > 60
