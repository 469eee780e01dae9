import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers import spelling
from subscribers.addresses import AddressError, canonical_address

ATOMS = st.text("aZ09.!#'+-_=@ ", max_size=12)
LABELS = st.text("aZ09-.x", max_size=12)
near_addresses = st.builds(
    "{}@{}.{}".format, ATOMS, LABELS, st.sampled_from(["org", "ORG", "test", "c0m", "1", "рф", ""])
)


def spelled(canonical: object, text: str) -> str | None:
    try:
        return canonical(text)  # type: ignore[operator, no-any-return]
    except AddressError:
        return None


@given(near_addresses | st.emails() | st.text())
@example("ada@xn--bcher-kva.example.de")
@example("a" * 243 + "@example.org")
@example("a" * 242 + "@example.org")
@example(f"a@{'b' * 64}.org")
@example(f"a@{'b.' * 124}org")
@example(f"a@{'b.' * 125}org")
@example("ada@example.org\n")
@example("ada@-example.org")
@example("ada@ex--ample.org")
@example("ada@ab--cd.org")
@example("İ@example.org")
def test_the_quick_spelling_of_any_text_is_the_careful_one(text: str) -> None:
    assert spelled(spelling.canonical, text) == spelled(canonical_address, text)


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ada@example.org", "a…@example.org"), ("nobody", "…"), ("@example.org", "…"), ("", "…")],
)
def test_a_masked_address_shows_its_first_letter_and_its_domain(address: str, masked: str) -> None:
    assert spelling.masked(address) == masked
