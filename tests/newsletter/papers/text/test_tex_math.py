import pytest

from newsletter.papers.text.tex_math import formula_to_unicode, lowered, raised, symbol


@pytest.mark.parametrize(
    ("formula", "plain"),
    [
        (r"\hat{x}_t", "x̂ₜ"),
        (r"x\in\mathbb{Z}", "x∈ℤ"),
        (r"a \not\in B", "a ∉ B"),
        (r"\log \log n", "log log n"),
        (r"\left( \frac12 \right)", "( 1/2 )"),
        (r"\mathrm{GF}(2^s)", "GF(2ˢ)"),
        (r"90^\circ", "90°"),
        (r"\operatorname{rank}(A)", "rank (A)"),
        (r"\unknown x", "unknown x"),
    ],
)
def test_formulas_become_unicode(formula: str, plain: str) -> None:
    assert formula_to_unicode(formula) == plain


@pytest.mark.parametrize("formula", ["{" * 30 + "}" * 30, "}{", r"\hat " * 200, r"\frac{"])
def test_a_formula_too_deep_or_broken_is_left_alone(formula: str) -> None:
    assert formula_to_unicode(formula) is None


def test_scripts_without_unicode_keep_their_mark() -> None:
    assert (raised("2"), raised("x/y"), raised("Q")) == ("²", "^(x/y)", "^Q")
    assert (lowered("12"), lowered("i,j"), lowered("C")) == ("₁₂", "_(i,j)", "_C")


def test_a_macro_with_arguments_is_no_symbol() -> None:
    assert (symbol("alpha"), symbol("footnote"), symbol("method")) == ("α", None, None)
