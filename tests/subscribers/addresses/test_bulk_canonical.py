import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.addresses import bulk_canonical
from subscribers.addresses.canonical import AddressError, canonical_address

ATOMS = st.text("aZ09.!#'+-_=@ ", max_size=12)
LABELS = st.text("aZ09-.x", max_size=12)
near_addresses = st.builds(
    "{}@{}.{}".format, ATOMS, LABELS, st.sampled_from(["org", "ORG", "test", "c0m", "1", "рф", ""])
)
usual_domains = st.builds(
    "{}{}".format,
    st.from_regex(r"\A([a-zA-Z0-9\-]{0,5}\.){0,3}\Z"),
    st.sampled_from(["org", "museum", "c0m", "co.uk", "x", "-a", "a-", *SPECIAL_USE_DOMAIN_NAMES]),
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
    assert spelled(bulk_canonical.canonical, text) == spelled(canonical_address, text)


@given(usual_domains)
@example(f"{'b' * 63}.org")
@example(f"{'b' * 64}.org")
@example(f"b.{'o' * 63}")
@example(f"b.{'o' * 64}")
@example("xn--bcher-kva.org")
@example("xN--bcher-kva.org")
def test_a_usual_domain_is_one_for_the_quick_spelling_exactly_where_it_is_for_the_careful(domain: str) -> None:
    assert spelled(bulk_canonical.canonical, f"ada@{domain}") == spelled(canonical_address, f"ada@{domain}")


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ada@example.org", "a…@e…"), ("nobody", "…"), ("@example.org", "…"), ("", "…")],
)
def test_a_masked_address_shows_the_first_letters_of_its_parts(address: str, masked: str) -> None:
    assert bulk_canonical.mask_address(address) == masked
