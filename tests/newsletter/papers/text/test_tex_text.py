import pytest

from newsletter.papers.text.tex_text import to_unicode


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (r"available\footnote{See b.org}.", "available (See b.org)."),
        (r"cut\footnote{See", "cut (See)"),
        (r"4\textsuperscript{th}", "4ᵗʰ"),
        (r"\verb|a_b$c|", "a_b$c"),
        (r"the \role{author}", "the author"),
        (r"\begin{itemize}\item a", "  •  a"),
        (r"(\eg a, \ie b)", "(e.g. a, i.e. b)"),
        (r"a \& b \\ c", "a & b  c"),
        (r"\texorpdfstring{$x$}{y}", "y"),
        (r"\ours{} and \textbf{}x", "ours and x"),
        (r"20\textdegree{C}, \log{x}", "20°C, log x"),
        (r"Table~\ref{main}", "Table main"),
        (r"at \href{https://a.org/b}{our page}", "at our page"),
        (r"at \href{https://a.org/b}{}", "at https://a.org/b"),
        (r"{W}-space and {H}_t", "W-space and H_t"),
    ],
)
def test_commands_of_running_text_are_unwrapped(raw: str, plain: str) -> None:
    assert to_unicode(raw) == plain


@pytest.mark.parametrize("text", ["$5 and $10", "$9.99/month, $2", "US$ and A$", r"a\b", r"\d+ \n"])
def test_prices_and_paths_are_no_tex(text: str) -> None:
    assert to_unicode(text) == text


def test_a_price_before_a_formula_stays_a_price() -> None:
    assert to_unicode(r"$5 for $\beta$") == "$5 for β"
