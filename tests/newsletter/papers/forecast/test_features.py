import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.forecast import features
from newsletter.papers.forecast.features import PaperText, features_of, hash_of, hash_pairs, hash_tokens

TEXTS = st.builds(
    PaperText,
    st.text(max_size=100),
    st.text(max_size=300),
    st.lists(st.text(max_size=10), max_size=4).map(tuple),
    st.integers(-1, 10_000),
)


@given(TEXTS)
def test_keys_rise_and_each_occurs_at_least_once(paper: PaperText) -> None:
    found = features_of(paper)
    assert (np.diff(found.keys.astype(np.int64)) > 0).all()
    assert found.keys.dtype == np.uint32
    assert (found.counts >= 1).all()
    assert len(found.keys) == len(found.counts)


@given(TEXTS)
def test_a_paper_has_the_same_features_when_no_word_is_remembered(paper: PaperText) -> None:
    before = features_of(paper)
    hash_of.cache_clear()
    after = features_of(paper)
    assert before.keys.tolist() == after.keys.tolist()
    assert before.counts.tolist() == after.counts.tolist()


def test_features_never_change_within_a_version() -> None:
    found = features_of(PaperText("Tiny models: a study", "We study tiny models.", ("cs.LG",), 3))
    assert features.VERSION == 1
    assert found.keys.tolist() == FIRST_VERSION


def test_another_process_finds_the_same_hashes_whatever_its_hash_seed() -> None:
    code = "from newsletter.papers.forecast.features import hash_of; print(hash_of('diffusion'))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert answers == {f"{hash_of('diffusion')}\n".encode()}


def test_a_pair_is_neither_its_words_nor_the_pair_turned_round() -> None:
    there, back = hash_pairs(hash_tokens(["large", "model"])), hash_pairs(hash_tokens(["model", "large"]))
    assert len({*there.tolist(), *back.tolist(), *hash_tokens(["large", "model"]).tolist()}) == 4


def test_a_word_of_the_title_counts_twice() -> None:
    once, twice = features_of(PaperText("", "Diffusion")), features_of(PaperText("Diffusion", ""))
    assert count_of(once, "diffusion") == 1
    assert count_of(twice, "diffusion") == 2


def test_words_differ_by_letters_not_by_case() -> None:
    assert features_of(PaperText("GPT", "")).keys.tolist() == features_of(PaperText("gpt", "")).keys.tolist()


def test_no_more_of_an_abstract_is_read_than_its_first_words() -> None:
    # Its marks are of the whole abstract, so both are longer than the longest step of length.
    long = "model " * features.MAX_WORDS
    assert features_of(PaperText("", long)).keys.tolist() == features_of(PaperText("", long + "other")).keys.tolist()


def count_of(found: features.Features, word: str) -> float:
    return float(found.counts[found.keys == hash_of(word)][0])


FIRST_VERSION = [
    478111769, 821420117, 1038029820, 1182782123, 1213333380, 1354274761, 1409526432, 1469553538, 2213383982,
    3372692811, 3839242249, 3867121481, 3904355907, 3916215122,
]  # fmt: skip
