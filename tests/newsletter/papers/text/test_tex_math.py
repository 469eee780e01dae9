import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.text.tex_math import character, formula_to_unicode, subscript, superscript, symbol


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
        (r"\mathcal{O}(n\log n)", "O(n log n)"),
        (r"x\sin y", "x sin y"),
        (r"n\text{ and }m", "n and m"),
        (r"n\log^2 n\log_2n\log_q n", "n log² n log₂ n log_q n"),
        (r"2^n\log(n)\max_x f", "2ⁿ log(n) maxₓ f"),
        (r"a\bmod b", "a mod b"),
        (r"\hatγ + \sqrtπ", "γ̂ + √π"),
        (r"A\unknown B_{\max}", "A unknown Bₘₐₓ"),
        (r"\text{S}^2\text{Net}", "S²Net"),
        (r"\sqrt{\log n}/m\operatorname{rank}A", "√(log n)/m rank A"),
        (r"\mathbb{F}_{q^m}", "F_(q^m)"),
        (r"2^{n_k} + 2^{2^{10n}} + x^{2q}", "2^(n_k) + 2^(2^(10n)) + x^(2q)"),
        (r"x_{n^2} + x_{i_1} + e^{-x^2}", "x_(n²) + x_(i₁) + e^(-x²)"),
        (r"x_{ij}, AP_{3D}, x_C", "xᵢⱼ, AP_3D, x_C"),
        (r"n\ln n + a\lg b", "n ln n + a lg b"),
        (r"A\xrightarrow{n}B \xrightarrow{}C", "A →ⁿ B → C"),
        (r"a \overset{!}{=} b \overset{n}{=}c", "a =^! b =ⁿ c"),
        (r"a= b", "a = b"),
        (r"a =b", "a = b"),
        (r"a=b", "a=b"),
        (r"=b", "=b"),
        (r"= b", "= b"),
        (r"a =", "a ="),
    ],
)
def test_formulas_become_unicode(formula: str, plain: str) -> None:
    assert formula_to_unicode(formula) == plain


@pytest.mark.parametrize("formula", ["{" * 30 + "}" * 30, "}{", r"\hat " * 200, r"\frac{"])
def test_a_formula_too_deep_or_broken_is_left_alone(formula: str) -> None:
    assert formula_to_unicode(formula) is None


@pytest.mark.parametrize("formula", ["{" * 12 + "x" + "}" * 12, r"\log" * 120])
def test_twelve_braces_within_each_other_and_a_hundred_and_twenty_commands_are_the_most(formula: str) -> None:
    assert formula_to_unicode(formula) is not None
    assert formula_to_unicode(rf"\log{{{formula}}}") is None


@pytest.mark.parametrize(
    ("code", "plain"),
    [("x1F600", "😀"), ("xe9", "é"), ("xA0", "\xa0"), ("x9F", "x9F"), ("x41", "x41"), ("x", "x"), ("960", "960"),
     ("x1F6000", "x1F6000")],
)  # fmt: skip
def test_a_code_point_is_its_character_unless_it_is_ascii_or_a_control_character(code: str, plain: str) -> None:
    assert character(code) == plain


def test_scripts_without_unicode_keep_their_mark() -> None:
    assert (superscript("2"), superscript("x/y"), superscript("Q")) == ("²", "^(x/y)", "^Q")
    assert (subscript("12"), subscript("i,j"), subscript("C")) == ("₁₂", "_(i,j)", "_C")


LETTERS = st.text(string.ascii_letters, min_size=1, max_size=3)
NAMES = st.sampled_from(["log", "sin", "max", "ker", "softmax", "unknown"])


@given(LETTERS, st.lists(NAMES, min_size=1, max_size=3), LETTERS)
def test_no_word_of_a_formula_touches_another(before: str, names: list[str], after: str) -> None:
    words = "".join(rf"\{name}" for name in names)
    assert formula_to_unicode(f"{before}{words} {after}") == " ".join([before, *names, after])


@given(LETTERS, LETTERS, st.sampled_from("^_"), st.sampled_from("^_"))
def test_a_script_of_a_script_differs_from_two_scripts(base: str, script: str, outer: str, inner: str) -> None:
    nested = formula_to_unicode(rf"{base}{outer}{{{script}{inner}{{n}}}}")
    assert nested == f"{base}{outer}({script}{inner}n)"


def test_a_macro_with_arguments_is_no_symbol() -> None:
    assert (symbol("alpha"), symbol("footnote"), symbol("method")) == ("α", None, None)


def test_the_symbol_of_an_operator_is_its_name() -> None:
    assert (symbol("argmax"), symbol("softmax"), symbol("Pr")) == ("argmax", "softmax", "Pr")
