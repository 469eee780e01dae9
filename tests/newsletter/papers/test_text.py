import gzip
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.papers.text import MAX_LENGTH, clean, clean_name, split_authors

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")

COMMAND = re.compile(r"\\[A-Za-z(\[]|\\\W")
FORMULA = re.compile(r"\$[^$]+\$")
ENTITY = re.compile(r"&(#\d+|#x[0-9a-fA-F]+|[A-Za-z]+);")

TEX_PIECES = r"""
    $ $$ \ { } \\ & &lt; &amp;amp; < > <b> </b> <sub> <!-- --> ^ _ ~ ` `` ' '' " - -- --- % # \alpha
    \textbf{ \emph{ \frac{ \' \"{ \c{ \begin{equation} \end{equation} \( \) \[ \] \footnote{ \href{
    \method \verb| {\em a 1 x ( ) , \unicode{x200b} \char"0986 \textasciitilde \textbackslash \backslash
    \{ \} \$ \sqrt[ ] é ﬁ 𝛼
"""
pieces = st.sampled_from([*re.split(r"\s+", TEX_PIECES.strip()), " ", "\n", "\u202e", "\u200b", "\ue000"])
awkward = st.lists(pieces, max_size=60).map("".join) | st.text(max_size=200)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (r"$\alpha$-divergence", "α-divergence"),
        (r"5.18$\times$ faster", "5.18× faster"),
        (r"$O(n^2)$", "O(n²)"),
        (r"\textit{x} and \textbf{a \emph{b}}", "x and a b"),
        ("Fig.~1 -- ``quoted'' --- `so'", "Fig. 1 – “quoted” — ‘so’"),
        (r"50\% of R\&D, a\_b", "50% of R&D, a_b"),
        (r"1{,}500 and $12{,}510$", "1,500 and 12,510"),
        ("a &lt; b &amp;amp; c &#945;", "a < b & c α"),
        ("H<sub>2</sub>O is <i>wet</i><br/>now", "H₂O is wet now"),
        (r"$x_{i,j}^{n+1}$, $x_C$", "x_(i,j)ⁿ⁺¹, x_C"),
        (r"$\mathcal{L}_\mathrm{flow} \in \mathbb{R}^{d\times k}$", "L_flow ∈ ℝ^(d×k)"),
        (r"$\frac{a+b}{2} \leq \sqrt{x}$", "(a+b)/2 ≤ √x"),
        (r"\(n\) and \[m\]", "n and m"),
        (r"we present \method, by \ours{}", "we present method, by ours"),
        (r"as shown \cite{a,b}.", "as shown."),
        (r"at \href{https://a.org/b}{this https URL}", "at https://a.org/b"),
        (r"{\em Fast} \textcolor{red}{x}", "Fast x"),
        (r"\r{ho} = 1, \k{appa}, \b{eta}", "ρ = 1, κ, β"),
        (r"(p < 10^{-6})", "(p < 10⁻⁶)"),
        ("a\u202eb\u200bc\x00d\ufeff\n  e", "abcd e"),
        ("ﬁne 𝐛𝐨𝐥𝐝", "fine bold"),
        (r"GS\textasciicircum2, 60\textdegree", "GS^2, 60°"),
        (r"$\underline{d}og$ 5~10 a~b", "dog 5~10 a b"),
    ],
)
def test_tex_tags_and_entities_become_unicode(raw: str, plain: str) -> None:
    assert clean(raw) == plain


@pytest.mark.parametrize(
    "text",
    [
        "Let's <think> about",
        "$1 Million",
        "<1 GB",
        "x_1 < y",
        "C#",
        "{0,1}",
        "from $5 to $10, or $2.5/month",
        "$5-$20 and $3M to $300M+",
        "jane.doe@example.org",
        "<question, SQL>",
        "Qwen3-{1.7B, 4B, 8B}",
        "Humanoid Policy ~ Human Policy",
        "~5x at --1",
        r"C:\Users\data",
        "AT&T; R&D",
        "https://example.org/~user/?a=1&copy=2",
        "`AIGENIE` function",
        "0",
    ],
)
def test_what_is_no_tex_survives(text: str) -> None:
    assert clean(text) == text.replace("--1", "–1")


@given(awkward)
@settings(max_examples=400, deadline=None)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(awkward)
@settings(deadline=None)
def test_clean_text_is_one_line_of_visible_characters(text: str) -> None:
    cleaned = clean(text)

    assert cleaned == " ".join(cleaned.split())
    assert not {unicodedata.category(char) for char in cleaned} & {"Cc", "Cf", "Cs", "Co"}


@pytest.mark.parametrize(
    "unit",
    ["$", "{", "\\", "&lt;!--", "&amp;", "(", "\\textbf{", "\\footnote{a", "$a$ ", "$\\hat ", "``a", "\\(", "<a b= ",
     "\\cite[", "\\verb!", "^{", "\\'{", "a\u0301", "$5 ", "{\\bf ", "\\frac{", "&amp;#38;"],
)  # fmt: skip
@pytest.mark.parametrize("function", [clean, clean_name, split_authors])
def test_no_input_takes_more_than_its_length_does(unit: str, function: Callable[[str], object]) -> None:
    hostile = (unit * MAX_LENGTH)[:MAX_LENGTH]
    quarter = hostile[: MAX_LENGTH // 4]
    for text in (hostile, quarter):
        function(text)  # patterns and tables are made at first use

    # Four times the length takes four times as long, and sixteen times where each mark looks at all others.
    assert seconds_for(function, hostile) < 10 * seconds_for(function, quarter)


def seconds_for(function: Callable[[str], object], text: str) -> float:
    """Return the least processor time of five runs: other work on the machine does not count."""
    return min(timed(function, text) for _ in range(5))


def timed(function: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    function(text)
    return time.process_time() - began


def test_long_text_is_cut() -> None:
    assert len(clean("word " * MAX_LENGTH)) <= MAX_LENGTH
    assert clean(clean("ﬃ" * MAX_LENGTH)) == clean("ﬃ" * MAX_LENGTH)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (r"Paulo Andr\'e Lima", "Paulo André Lima"),
        (r"Kurt G\"{o}del", "Kurt Gödel"),
        (r"Paul Erd\H{o}s", "Paul Erdős"),
        (r"{\O}yvind B{\o}", "Øyvind Bø"),
        (r"Maria Sk\l odowska", "Maria Skłodowska"),
        (r"Fran\c{c}ois \c{S}en", "François Şen"),
        (r"{\L}ukasz Garc{\'\i}a", "Łukasz García"),
        (r"Ho\v{r}a~Nov\'ak", "Hořa Novák"),
        ("Jane Doe (MIT, Cambridge)", "Jane Doe"),
        ("Zhang (Jack) Wei", "Zhang (Jack) Wei"),
        ("  Deepti ,", "Deepti"),
        ("Po--Jui Lu", "Po-Jui Lu"),
        (":", ""),
        ("Evil\r\nBcc: x@example.org", "Evil Bcc: x@example.org"),
    ],
)
def test_names_become_unicode(raw: str, plain: str) -> None:
    assert clean_name(raw) == plain


@pytest.mark.parametrize(
    ("creator", "names"),
    [
        ("Chunhua Liu, Kabir Shrestha", ["Chunhua Liu", "Kabir Shrestha"]),
        (r"Andr\'e X (ITA, Brazil), Ana (A (B, C)), Bo", ["André X", "Ana", "Bo"]),
        ('<a href="https://arxiv.org/a">Chris Dilks</a> (STAR Collaboration), Bo', ["Chris Dilks", "Bo"]),
        ("Ana (1), Bo (2) ((1) MIT, (2) ETH, Zurich)", ["Ana", "Bo"]),
        ("Robert Smith, Jr., Ana and Bo", ["Robert Smith Jr.", "Ana", "Bo"]),
        ("Ana,  Deepti, , Bo", ["Ana", "Deepti", "Bo"]),
        ("Ana (MIT, Bo", ["Ana", "Bo"]),
        ("", []),
    ],
)
def test_commas_part_authors_but_not_affiliations(creator: str, names: list[str]) -> None:
    assert split_authors(creator) == names


@given(awkward)
@settings(deadline=None)
def test_no_list_of_authors_raises(creator: str) -> None:
    assert all(name == clean(name) and name for name in split_authors(creator))


@needs_recordings
def test_hardly_any_tex_is_left_in_recorded_texts() -> None:
    texts = set(recorded_texts())
    cleaned = [clean(text) for text in texts]

    # What rests: two prices in a text, which only look like a formula; a lone dollar of a broken
    # formula; and authors' own commands glued to a word, with nothing that tells them from a path.
    assert len(texts) > 50_000
    assert sum(map(bool, map(COMMAND.search, cleaned))) <= 5
    assert sum(map(bool, map(FORMULA.search, cleaned))) <= 25
    assert sum(map(bool, map(ENTITY.search, cleaned))) == 0
    assert all(clean(text) == text for text in cleaned)


@needs_recordings
def test_hard_abstracts_are_converted() -> None:
    rows = (RECORDINGS / "tex" / "arxiv_abstracts_hard_tex.jsonl").read_text().splitlines()
    cleaned = [clean(json.loads(row)["summary"]) for row in rows]

    rest = [text for text in cleaned if any(mark.search(text) for mark in (COMMAND, FORMULA, ENTITY))]
    assert len(rest) <= 5


def recorded_texts() -> Iterator[str]:
    for path in (RECORDINGS / "tex").glob("*.jsonl"):
        for row in path.read_text().splitlines():
            yield from texts_in(json.loads(row))
    for path in (RECORDINGS / "hf_daily").glob("**/*.json"):
        yield from texts_in(json.loads(path.read_text()))
    with gzip.open(RECORDINGS / "arxiv" / "listings.jsonl.gz", "rt") as listings:
        for row in listings:
            yield from texts_in(json.loads(row))


def texts_in(value: object) -> Iterator[str]:
    """Yield every title and abstract, however deep it lies."""
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and re.search(r"title|summary|abstract|input", name):
                yield item
            elif not isinstance(item, str):
                yield from texts_in(item)
