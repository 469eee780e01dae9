"""Convert a TeX formula, accent or symbol to plain Unicode with pylatexenc."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, SpecialsTextSpec
from pylatexenc.latex2text import get_default_latex_context_db as texts_of_macros
from pylatexenc.latexwalker import LatexWalker, LatexWalkerError
from pylatexenc.latexwalker import get_default_latex_context_db as arguments_of_macros
from pylatexenc.macrospec import LatexContextDb, MacroSpec, MacroStandardArgsParser, SpecialsSpec

MAX_NESTING = 12  # braces within braces
MAX_COMMANDS = 120  # backslashes in one formula

# Private-use characters around a word in a formula; they become a space where the word would touch another.
_OPEN, _CLOSE = "\ue0fe", "\ue0ff"

_RAISED = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθιφχ∘°*′'⊤†‡",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᶥᵠᵡ°°*′′ᵀ†‡",
)
_LOWERED = str.maketrans(
    "0123456789+-−=()aehijklmnoprstuvxβγρφχ",
    "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
)

_DOUBLE_STRUCK = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")
_SYMBOLS: Final = {
    "backslash": "∖", "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "|": "‖",
    "bullet": "•", "cdot": "·", "ast": "*", "star": "⋆", "neg": "¬", "lnot": "¬", "degree": "°",
    "celsius": "°C", "ne": "≠", "bot": "⊥", "perp": "⊥", "implies": "⇒", "impliedby": "⇐", "iff": "⇔",
    "vDash": "⊨", "models": "⊨", "textless": "<", "textgreater": ">", "colon": ":", "bigstar": "★",
    "checkmark": "✓", "cmark": "✓", "xmark": "✗", "top": "⊤", "square": "□", "blacksquare": "■",
    "triangleq": "≜", "coloneqq": "≔", "eqqcolon": "≕", "geqslant": "≥", "leqslant": "≤", "land": "∧",
    "lor": "∨", "gets": "←", "epsilon": "ε", "phi": "φ", "hslash": "ℏ", "dotsc": "…", "cdots": "⋯", "S": "§",
    "P": "¶", "slash": "/", "space": " ", "textquotesingle": "'", "euro": "€", "texteuro": "€",
    "LaTeX": "LaTeX", "TeX": "TeX", "eg": "e.g.", "ie": "i.e.", "etal": "et al.", "iid": "i.i.d.",
    "vs": "vs.", "newline": " ", "lbrace": "{", "rbrace": "}", "hfill": " ", "quad": " ", "qquad": " ",
    "textrightarrow": "→", "-": "", "/": "", "!": "", "@": "", "textquotedblleft": "“",
    "textquotedblright": "”", "and": "and", "smallsetminus": "∖", "thinspace": " ", "notin": "∉", "Vert": "‖",
    "lVert": "‖", "rVert": "‖", "item": " • ", "textcompwordmark": "", "varepsilon": "ε", "varphi": "φ",
    "prime": "′", "tm": "™", "bmod": "mod", "phantomsection": "", "displaylimits": "", "cdotp": "·",
}  # fmt: skip
_WORD_OPERATORS = (
    "arg", "argmax", "argmin", "deg", "det", "dim", "gcd", "hom", "ker", "lg", "mod", "Pr", "sec",
    "csc", "cot", "softmax", "sgn", "tr",
)  # fmt: skip
SWITCHES = (
    "bf", "bfseries", "boldmath", "centering", "cal", "displaystyle", "em", "footnotesize", "huge", "it",
    "itshape", "large", "Large", "limits", "mathstrut", "noindent", "nonumber", "nolimits", "normalfont",
    "normalsize", "par", "rm", "rmfamily", "sc", "scriptscriptstyle", "scriptsize", "scriptstyle",
    "scshape", "sf", "sffamily", "sl", "small", "smallskip", "textstyle", "tiny", "tt", "ttfamily",
    "unboldmath", "vfill", "xspace", "medskip", "bigskip", "clearpage", "newpage", "protect",
    "ignorespaces", "footnotemark", "maketitle",
)  # fmt: skip
WRAPPERS = (
    "textbf", "textit", "texttt", "textsc", "textsf", "textrm", "textmd", "textsl", "textup", "textnormal",
    "text", "mbox", "hbox", "fbox", "emph", "mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal",
    "mathscr", "mathfrak", "mathnormal", "boldsymbol", "bm", "pmb", "underline", "uline", "overline",
    "widehat", "widetilde", "operatorname", "ensuremath", "smash", "mathop", "mathbin", "mathrel",
    "mathord", "bold", "overrightarrow", "overbrace", "underbrace",
)  # fmt: skip


def formula_to_unicode(formula: str) -> str | None:
    """Convert a formula without its dollars; return None where it is nested too deeply or malformed."""
    if formula.count("\\") > MAX_COMMANDS or _depth(formula) > MAX_NESTING:
        return None
    formula = _NAME_END.sub(r"\1 ", _SIZES.sub("", formula.replace("~", " ")))
    formula = _SCRIPT_COMMAND.sub(r"\1{\2}", formula)
    converted = fragment_to_unicode(f"${formula}$")
    return None if converted is None else _tidy_relations(converted)


@lru_cache(maxsize=4096)
def fragment_to_unicode(fragment: str) -> str | None:
    """Convert `fragment` with pylatexenc; return None where it cannot parse it."""
    try:
        nodes, _, _ = LatexWalker(fragment, latex_context=_ARGUMENTS, tolerant_parsing=False).get_latex_nodes()
        return str(_CONVERTER.nodelist_to_text(nodes))
    except (LatexWalkerError, RecursionError, ValueError, TypeError, IndexError, AttributeError):
        return None


def symbol(name: str) -> str | None:
    """Return the text of the macro `name` where it takes no argument and is known, else None."""
    if name in _WORD_OPERATORS:
        return name
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    spec = _TEXTS.get_macro_spec(name)
    text = spec.simplify_repl if spec else None
    is_text = isinstance(text, str) and (text == "%" or "%" not in text) and not re.fullmatch(r"<\w+>|", text)
    return text if is_text else None


def link_text(address: str, label: str) -> str:
    """Return the text of a link: its label, or its address where the label is empty."""
    return address if not label or re.fullmatch(r"this https? URL", label) else label


def character(code: str) -> str:
    r"""Return the character of a \unicode{x1F600}, or `code` itself where it names none."""
    number = int(code[1:], 16) if re.fullmatch(r"x[0-9A-Fa-f]{1,5}", code) else 0
    return chr(number) if number > 0x9F else code


def dingbat(code: str) -> str:
    r"""Return the mark of a \ding{51}, a bullet where it is not one of the usual."""
    return _DINGBATS.get(code, "•")


def fraction(above: str, below: str) -> str:
    return f"{bracket(above)}/{bracket(below)}"


def bracket(text: str) -> str:
    """Return `text` in brackets, unless it is one term."""
    return text if re.fullmatch(r"[\w.∂√²³]*", text) else f"({text})"


_DINGBATS = {"51": "✓", "52": "✔", "53": "✕", "54": "✖", "55": "✗", "56": "✘", "72": "★"}


def superscript(text: str) -> str:
    """Write `text` as superscript: n² where Unicode has every character, else n^x, n^(x+y/2) or n^(2q)."""
    return _script(text, _RAISED, "^")


def subscript(text: str) -> str:
    """Write `text` as subscript: xᵢ where Unicode has every character, else x_C or x_(i,j)."""
    return _script(text, _LOWERED, "_")


def _script(text: str, table: dict[int, int], mark: str) -> str:
    text = text.strip()
    if all(ord(char) in table for char in text):
        return text.translate(table)
    if text.isalnum():
        text = _INNER_SCRIPT.sub(_flatten_script, text)
    is_factor = mark == "^" and text[:1].isdigit() and not text.isdigit()
    is_term = len(text) == 1 or (text.isalnum() and not is_factor and not _INNER_SCRIPT.search(text))
    return f"{mark}{text}" if is_term else f"{mark}({text})"


_PLAIN_RAISED, _PLAIN_LOWERED = (
    {chr(char): chr(key) for key, char in reversed(table.items()) if key not in map(ord, "∘°*′'†‡")}
    for table in (_RAISED, _LOWERED)
)
_INNER_SCRIPT = re.compile(rf"[{''.join(_PLAIN_RAISED)}]+|[{''.join(_PLAIN_LOWERED)}]+")


def _flatten_script(match: re.Match[str]) -> str:
    """Write the letters of a nested script as plain letters after their mark: q^m. Digits stay."""
    mark, table = ("^", _PLAIN_RAISED) if match[0][0] in _PLAIN_RAISED else ("_", _PLAIN_LOWERED)
    plain = "".join(map(table.__getitem__, match[0]))
    if not any(map(str.isalpha, plain)):
        return match[0]
    return f"{mark}{plain}" if len(plain) == 1 else f"{mark}({plain})"


_SIZES = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?|\\(?:displaystyle|limits)\b|&")
# Names in TeX consist of ASCII letters: in \hatγ the name is \hat.
_NAME_END = re.compile(r"(\\[A-Za-z]+)(?=(?![A-Za-z])[^\W\d_])")
_SCRIPT_COMMAND = re.compile(r"([\^_])\s*(\\[A-Za-z]+\s*\{(?:[^{}]|\{[^{}]*\})*\})")


def _tidy_relations(converted: str) -> str:
    """Make the spaces around relations even: on both sides or on neither."""
    converted = " ".join(_separate_words(converted).split())
    return _RELATION.sub(_space_evenly, converted)


def _separate_words(converted: str) -> str:
    """Put spaces around words such as log where they would touch other characters."""
    return _BEFORE_WORD.sub(" ", _BEHIND_WORD.sub(r"\1 ", converted)).translate(_NO_MARKS)


_NO_MARKS = {ord(_OPEN): None, ord(_CLOSE): None}
_BEFORE_WORD = re.compile(rf"(?<=[\w\u0300-\u036f)\]}}′⟩⌉⌋]){_CLOSE}?{_OPEN}")
# The scripts of a word belong to it: log₂ n.
_SCRIPTS = "".join(chr(char) for table in (_RAISED, _LOWERED) for key, char in table.items() if key != char)
# A script of a relation belongs to it too: A →ⁿ B.
_RELATION = re.compile(rf"\s*((?:[=<>≤≥≈≠∈∉⊂⊆→←⇒⇔↦∼≪≫±×≡≃∝]|:=)[{_SCRIPTS}]*)(?![\^_])\s*")
_BEHIND_WORD = re.compile(rf"{_CLOSE}([{_SCRIPTS}]*)(?=(?![{_SCRIPTS}_])\w)")


def _space_evenly(match: re.Match[str]) -> str:
    before, after = match[0][0].isspace(), match[0][-1].isspace()
    if match.start() == 0 or match.end() == len(match.string):
        return match[0]
    return f" {match[1]} " if before or after else match[1]


def _depth(formula: str) -> int:
    """Return how deeply the braces of `formula` nest; above MAX_NESTING where they do not match."""
    depth = deepest = 0
    for char in _BRACE.findall(formula):
        depth += 1 if char == "{" else -1
        deepest = max(deepest, depth)
        if depth < 0:
            return MAX_NESTING + 1
    return MAX_NESTING + 1 if depth else deepest


_BRACE = re.compile(r"[{}]")


class _Converter(LatexNodes2Text):  # type: ignore[misc]
    """pylatexenc's converter, which here keeps the names of unknown macros."""

    def macro_node_to_text(self, node: Any) -> str:
        spec = self.latex_context.get_macro_spec(node.macroname)
        known = spec is not None and spec.macroname
        text = super().macro_node_to_text(node) if known else node.macroname
        is_word = len(text) > 1 and text[0].isalpha() and text[-1].isalpha()
        if not is_word or (node.nodeargd and node.nodeargd.argnlist):
            return str(text)
        return f"{_OPEN}{text}{_CLOSE}{node.macro_post_space}"


def _argument(node: Any, index: int, converter: LatexNodes2Text) -> str:
    arguments = node.nodeargd.argnlist if node.nodeargd else []
    given = arguments[index] if index < len(arguments) else None
    return "" if given is None else _separate_words(str(converter.nodelist_to_text([given])))


def _with_arguments(name: str, arguments: str, text: Callable[..., str]) -> tuple[MacroSpec, MacroTextSpec]:
    """Define a macro whose text is `text(*arguments)`, options included."""

    def converted(node: Any, l2tobj: LatexNodes2Text) -> str:
        return text(*(_argument(node, index, l2tobj).strip() for index in range(len(arguments))))

    return MacroSpec(name, arguments), MacroTextSpec(name, simplify_repl=converted)


def _of_words(name: str) -> tuple[MacroSpec, MacroTextSpec]:
    """Define a macro that shows its argument unchanged, including spaces at its ends."""
    return MacroSpec(name, "{"), MacroTextSpec(name, simplify_repl=lambda node, l2tobj: _argument(node, 0, l2tobj))


def _accent_single_letter(combining: str) -> Callable[[str], str]:
    """Return a function that puts an accent on a single letter; longer expressions get none, to stay readable."""
    return lambda text: unicodedata.normalize("NFC", text + combining) if len(text) == 1 else text


def _blackboard(text: str) -> str:
    return text.translate(_DOUBLE_STRUCK)


def _root(index: str, text: str) -> str:
    sign = {"": "√", "3": "∛", "4": "∜"}.get(index)
    return f"{sign}{bracket(text)}" if sign else f"{superscript(index)}√{bracket(text)}"


def _over(mark: str, base: str) -> str:
    return f"{base}{superscript(mark)}"


def _arrow(_: str, above: str) -> str:
    return f" →{superscript(above)} " if above else " → "


_MATH_MACROS = [
    *(_of_words(name) for name in WRAPPERS if name != "operatorname"),
    *(_with_arguments(name, "{{", fraction) for name in ("frac", "tfrac", "dfrac", "cfrac", "nicefrac")),
    *(_with_arguments(name, "{", _accent_single_letter(mark)) for name, mark in {
        "bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303",
        "widetilde": "\u0303", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "check": "\u030c",
        "breve": "\u0306", "acute": "\u0301", "grave": "\u0300", "not": "\u0338", "mathring": "\u030a",
    }.items()),
    *(_with_arguments(name, "{", _blackboard) for name in ("mathbb", "mathbbm", "mathds", "Bbb")),
    *(_with_arguments(name, "{{", _over) for name in ("overset", "stackrel")),
    *(_with_arguments(name, "[{", _arrow) for name in ("xrightarrow", "xlongrightarrow")),
    _with_arguments("underset", "{{", lambda mark, base: f"{base}{subscript(mark)}"),
    _with_arguments("operatorname", "*{", lambda _, name: f"{_OPEN}{name} "),
    _with_arguments("sqrt", "[{", _root),
    _with_arguments("binom", "{{", lambda above, below: f"C({above}, {below})"),
    _with_arguments("pmod", "{", lambda modulus: f" (mod {modulus})"),
    _with_arguments("textcolor", "[{{", lambda _, __, text: text),
    _with_arguments("color", "[{", lambda *_: ""),
    _with_arguments("href", "{{", link_text),
    _with_arguments("rule", "[{{", lambda *_: "–"),
    _with_arguments("textsuperscript", "{", superscript),
    _with_arguments("textsubscript", "{", subscript),
    _with_arguments("label", "{", lambda _: ""),
    _with_arguments("unicode", "{", lambda code: character(code)),
    _with_arguments("ding", "{", lambda code: dingbat(code)),
]  # fmt: skip
_MATH_SYMBOLS = [
    *(MacroTextSpec(name, simplify_repl=symbol) for name, symbol in _SYMBOLS.items()),
    *(MacroTextSpec(name, simplify_repl=name) for name in _WORD_OPERATORS),
    *(MacroTextSpec(name, discard=True) for name in SWITCHES),
]


def _contexts() -> tuple[LatexContextDb, LatexContextDb]:
    """Return pylatexenc's tables of macro arguments and macro texts, with ours before them."""
    arguments = arguments_of_macros().filter_context(keep_categories=["latex-base"])
    texts = texts_of_macros().filter_context(
        keep_categories=["latex-base", "latex-approximations", "latex-placeholders", "advanced-symbols"]
    )
    scripts = [SpecialsSpec(mark, args_parser=MacroStandardArgsParser("{")) for mark in "^_"]
    arguments.add_context_category("ours", macros=[spec for spec, _ in _MATH_MACROS], specials=scripts, prepend=True)
    texts.add_context_category(
        "ours",
        macros=[*(text for _, text in _MATH_MACROS), *_MATH_SYMBOLS],
        specials=[
            SpecialsTextSpec("^", simplify_repl=_superscript_node),
            SpecialsTextSpec("_", simplify_repl=_subscript_node),
        ],
        prepend=True,
    )
    return arguments, texts


def _superscript_node(node: Any, l2tobj: LatexNodes2Text) -> str:
    return superscript(_argument(node, 0, l2tobj))


def _subscript_node(node: Any, l2tobj: LatexNodes2Text) -> str:
    return subscript(_argument(node, 0, l2tobj))


_ARGUMENTS, _TEXTS = _contexts()
_CONVERTER = _Converter(_TEXTS, strict_latex_spaces=True)
