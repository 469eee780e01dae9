"""Convert TeX in titles, abstracts and names to plain Unicode.

Formulas, accents and symbols go to pylatexenc, fragment by fragment; the commands of running text, where
it would swallow what it does not know, are unwrapped here. Characters meant literally travel as private
ones, so that no later step takes them for TeX.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from newsletter.papers.text.tex_math import (
    MAX_NESTING,
    SWITCHES,
    WRAPPERS,
    bracket,
    character,
    dingbat,
    formula_to_unicode,
    fraction,
    fragment_to_unicode,
    link_text,
    subscript,
    superscript,
    symbol,
)

MAX_FORMULA = 1_000  # characters; longer ones stay as they are

# Special characters of TeX, and the private-use characters that replace them where they are literal.
_LITERALS = "\\{}$%&#_^~`'-"
_HIDE = {ord(char): 0xE000 + index for index, char in enumerate(_LITERALS)}
_SHOW = {private: ord(char) for char, private in zip(_LITERALS, _HIDE.values(), strict=True)}


def to_unicode(text: str) -> str:
    """Convert the TeX in `text`; what cannot be converted stays as it is, or loses its backslash.

    Private use characters of `text` are taken for literals: the caller has removed them.
    """
    text = _ESCAPED.sub(lambda match: match[1].translate(_HIDE), text)
    if "$" in text or "\\(" in text or "\\[" in text or "\\begin" in text:
        text = _convert_formulas(text)
    if "\\" in text:
        text = _convert_commands(text)
    return _convert_typewriter_marks(text).translate(_SHOW)


# Formulas

_ESCAPED = re.compile(r"(?<!\\)\\([{}$%&#_])")
_ENVIRONMENTS = r"(?:equation|align|gather|math|displaymath|eqnarray)\*?"
_FORMULA = re.compile(
    r"\$\$([^$]{1,LENGTH})\$\$|\$([^$]{1,LENGTH})\$|\\\(([^$]{1,LENGTH}?)\\\)|\\\[([^$]{1,LENGTH}?)\\\]"
    r"|\\begin\{ENV\}([^$]{1,LENGTH}?)\\end\{ENV\}".replace("ENV", _ENVIRONMENTS).replace("LENGTH", str(MAX_FORMULA))
)
_STRONG_MATH = re.compile(r"[\\^_{}=]")
_PRICE = re.compile(r"\d[\d.,]*+\s?[A-Za-z]*(?:[\s/,;).-]|–)")
_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,} [A-Za-z]{2,}")


def _convert_formulas(text: str) -> str:
    pieces, start = [], 0
    while found := _FORMULA.search(text, start):
        converted = _convert_formula(found)
        end = found.start() + 1 if converted is None else found.end()
        pieces += [text[start : found.start()], text[found.start() : end] if converted is None else converted]
        start = end
    return "".join([*pieces, text[start:]])


def _convert_formula(found: re.Match[str]) -> str | None:
    """Return the text of a formula, None where it is not a formula or cannot be parsed."""
    formula = next(group for group in found.groups() if group is not None)
    follower = found.string[found.end() : found.end() + 1]
    if found[1] is None and found[2] is not None and not _is_formula(formula, follower):
        return None
    converted = formula_to_unicode(formula.translate(_HIDE_COMMENTS))
    return None if converted is None else converted.translate(_HIDE)


def _is_formula(formula: str, follower: str) -> bool:
    """Return whether `formula` is one, and not the text between two prices ("$5 and $10") or two stray dollars."""
    loose = formula[0].isspace() or formula[-1].isspace() or follower.isdigit()
    if _PROSE.search(formula) and (loose or "\\" not in formula):
        return False
    if _STRONG_MATH.search(formula):
        return not (loose and _PRICE.match(formula) and "\\" not in formula)
    if loose:
        return not formula.strip() or (not _PRICE.match(formula.strip()) and len(formula.split()) == 1)
    return formula[-1] not in ":/,;" and not (_PRICE.match(formula) and formula[-1] == "-")


_HIDE_COMMENTS = {ord(char): _HIDE[ord(char)] for char in "%#"}


# Commands in running text

_MARKS = "\u0300-\u036f"
_ACCENT = re.compile(
    r"""\\(?P<mark>["'`^~=.]|[cHkbdruv](?![A-Za-z]))\s*"""
    rf"(?:\{{\s*(?P<inner>\\[ij]|(?:\w[{_MARKS}]*)?)\s*\}}"
    rf"|(?P<bare>\\[ij](?![A-Za-z])|(?:(?<=\W)|(?<=[cHkruv]\s))[^\W\d_][{_MARKS}]*))"
)
_ACCENTED_GREEK = {r"\r{ho}": "ρ", r"\k{appa}": "κ", r"\b{eta}": "β"}
_LETTER = re.compile(r"\\(aa|AA|ae|AE|oe|OE|ss|SS|dh|DH|dj|DJ|th|TH|ng|NG|[loijLO])(?![A-Za-z])(?:\{\}|\s+(?=[a-z])|)")
# The end of a cut text closes what is open.
_ONE_ARGUMENT = r"\s*\{([^{}]*)(?:\}|\Z)"
_TWO_ARGUMENTS = r"\s*\{([^{}]*)\}\s*\{([^{}]*)\}"
_OPTION = r"(?:\s*\[[^\[\]{}]*\])?"


def _convert_commands(text: str) -> str:
    text = _SCRIPT_OF_GROUP.sub(r"}\1{\2}", text)
    for source, letter in _ACCENTED_GREEK.items():
        text = text.replace(source, letter)
    text = _VERBATIM.sub(lambda match: match[2].translate(_HIDE), text)
    text = _CODE_POINT.sub(lambda match: chr(int(match[1], 16)), text)
    text = _repeat_until_stable(_convert_accents, text)
    text = _LETTER.sub(lambda match: symbol(match[1]) or match[0], text)
    text = _repeat_until_stable(_convert_commands_with_arguments, text)
    text = _DECLARATION.sub("", text)
    text = _JOINING.sub(r"\\\1{}", text)
    text = _ENDED.sub(_convert_empty_command, text)
    text = _BARE.sub(_convert_bare_command, text)
    text = re.sub(r"\\\\\s?", " ", text)
    return re.sub(r"\\([ ,;:])", " ", text)


def _repeat_until_stable(step: Callable[[str], str], text: str) -> str:
    """Repeat `step`, which converts the innermost braces, until nothing changes or MAX_NESTING is reached."""
    for _ in range(MAX_NESTING):
        before, text = text, step(text)
        if text == before:
            break
    return text


def _convert_accents(text: str) -> str:
    text = _LONE_ACCENT.sub(r"\\\1{\2}", text)
    text = _BRACED_ACCENT.sub(r"\1", text)
    return _ACCENT.sub(_convert_accent, text)


_SCRIPT_OF_GROUP = re.compile(r"\}([\^_])([A-Za-z0-9])(?![A-Za-z0-9]|\.\d)")
_CODE_POINT = re.compile(r"\\char\s?\"([0-9A-F]{2,4})(?![0-9A-Fa-f])\s?")
_VERBATIM = re.compile(r"\\verb\*?([^\sA-Za-z*])([^\n]{0,200}?)\1")
_LONE_ACCENT = re.compile(r"""\{\\(["'`^~=.cHkbdruv])\}\s?(\\[ij](?![A-Za-z])|[^\W\d_])""")
_BRACED_ACCENT = re.compile(
    r"""(?<!\\["'`^~=.cHkbdruv])\{(\\["'`^~=.][A-Za-z]|\\["'`^~=.cHkbdruv]\{\\?[A-Za-z]\})\}"""
)


def _convert_accent(match: re.Match[str]) -> str:
    letter = match["inner"] or match["bare"]
    if not letter:
        return match[0] if match["inner"] is None else ""
    plain, marks = (letter, "") if letter[0] == "\\" else (letter[0], letter[1:])
    if not (accented := fragment_to_unicode(f"\\{match['mark']}{{{plain}}}")):
        return match[0]
    accented = unicodedata.normalize("NFD", accented) if marks else accented
    return unicodedata.normalize("NFC", f"{accented[0]}{marks}{accented[1:]}")


def _convert_commands_with_arguments(text: str) -> str:
    text = _DROPPED.sub("", text)
    text = _LAST_OF_TWO.sub(lambda match: match[1] or match[2] or "", text)
    text = _SPECIAL.sub(_convert_special, text)
    text = _BRACED_SWITCH.sub(r"\1", text)
    text = _ENDED.sub(_convert_empty_command, text)
    return _WRAPPER.sub(_unwrap, text)


_DROPPED = re.compile(
    r"[ ~]?\\(?:[cC]ite[a-z]*\*?|nocite|autocite|parencite)" + _OPTION + _OPTION + _ONE_ARGUMENT
    + r"|\s?\\(?:label|hypersetup|includegraphics|vspace|hspace|pagestyle|thispagestyle|vskip|index)\*?"
    + _OPTION + _ONE_ARGUMENT
    + r"|\\rule" + _OPTION + _TWO_ARGUMENTS
    + r"|\\(?:color|pagecolor|fontsize|selectfont)" + _OPTION + _ONE_ARGUMENT
)  # fmt: skip
_OF_TWO = "textcolor|colorbox|scalebox|foreignlanguage|hyperlink|hypertarget|raisebox|resizebox"
_LAST_OF_TWO = re.compile(
    r"\\(?:" + _OF_TWO + ")" + _OPTION + _TWO_ARGUMENTS.replace("(", "(?:", 1)
    + r"|\\hyperref\s*\[[^\[\]]*\]\s*\{([^{}]*)\}"
)  # fmt: skip
_ARGUED = "href|frac|tfrac|dfrac|nicefrac|texorpdfstring|SI|qty|binom"
_SPECIAL = re.compile(
    r"\\(" + _ARGUED + ")" + _OPTION + _TWO_ARGUMENTS
    + r"|\\(textsuperscript|textsubscript|sqrt|enquote|footnote|thanks|unicode|ding|begin|end)"
    + _OPTION + _ONE_ARGUMENT
)  # fmt: skip
_BRACED_SWITCH = re.compile(r"\{\s*\\(?:" + "|".join(SWITCHES) + r")(?![A-Za-z])\s*([^{}]*)\}")
# Other commands with an argument are taken for wrappers that show the argument.
_WRAPPER = re.compile(r"\\(?!(?:" + _OF_TWO + "|" + _ARGUED + r")\b)([A-Za-z]{2,})\*?" + _OPTION + r"\{([^{}]+)\}")
# {} ends the name of a command: what follows is text, even without a space.
_ENDED = re.compile(r"(?<!\\)\\([A-Za-z]+)\{\s*\}")
_DECLARATION = re.compile(r"\\(?:" + "|".join(SWITCHES) + r")(?![A-Za-z])\s*")
# TeX swallows the space after these names; after other names authors mean the space.
_JOINING = re.compile(
    r"\\(text(?:asciicircum|mu|quoteleft|quotedblleft|quotedblright(?=\s+\W)|backslash"
    r"|quoteright(?=\s+(?:[sdtm]|re|ve|ll)\b)|degree(?=\s+[CFK]\b)))\s+(?=\S)"
)
_BARE = re.compile(r"(?<!\\)\\(?:([A-Za-z]+)|([^\sA-Za-z0-9\\]))")
# After a letter, digit or colon a backslash more likely belongs to a path.
_IN_PATH = re.compile(r"(?<=[A-Za-z0-9:])\\")


def _convert_special(match: re.Match[str]) -> str:
    name, first, second = match[1] or match[4], match[2] if match[1] else match[5], match[3] or ""
    return _SPECIAL_TEXTS[name](first.strip(), second.strip())


_SPECIAL_TEXTS: Final[dict[str, Callable[[str, str], str]]] = {
    "href": link_text,
    "frac": fraction, "tfrac": fraction, "dfrac": fraction, "nicefrac": fraction,
    "texorpdfstring": lambda _, plain: plain,
    "SI": lambda number, unit: f"{number} {unit}", "qty": lambda number, unit: f"{number} {unit}",
    "binom": lambda above, below: f"C({above}, {below})",
    "textsuperscript": lambda text, _: superscript(text), "textsubscript": lambda text, _: subscript(text),
    "sqrt": lambda text, _: f"√{bracket(text)}",
    "enquote": lambda text, _: f"“{text}”",
    "footnote": lambda text, _: f" ({text})", "thanks": lambda text, _: f" ({text})",
    "unicode": lambda code, _: character(code),
    "ding": lambda code, _: dingbat(code),
    "begin": lambda *_: " ", "end": lambda *_: " ",
}  # fmt: skip


def _convert_empty_command(match: re.Match[str]) -> str:
    """Return the text of a command such as \\ldots{}: a symbol, the name of an author's own, "" for a wrapper."""
    return "" if match[1] in WRAPPERS or match[1] in SWITCHES else _convert_bare_command(match)


def _unwrap(match: re.Match[str]) -> str:
    """Return the text in the braces of a command, after the symbol where the command is one."""
    text = symbol(match[1]) or ""
    space = " " if text[-1:].isalpha() and len(text) > 1 and match[2][0].isalnum() else ""
    return f"{text.translate(_HIDE)}{space}{match[2]}"


def _convert_bare_command(match: re.Match[str]) -> str:
    """Return the symbol of a command; an unknown command is an author's own and keeps its name."""
    name = match[1] or match[2]
    if (text := symbol(name)) is not None:
        return text.translate(_HIDE)
    is_name = len(name) > 1 and not _IN_PATH.match(match.string, match.start())
    return name if is_name else match[0]


# Quotes, dashes and scripts typed with plain characters

_GROUP = re.compile(
    r"(?<=[\w)])\{(\w+|,\d*|\d{1,3},\d{3}|[\w.]*[=+\-–<>:.×/*][\w.]*)\}|\{([^\w\s{}\"'])\}|\{(\w+)\}(?=[a-z])|(?<=\w)\{(\s*)\}(?=\w)"
)
_BASE = re.compile(r"(?<![\^_\\\w])\{([A-Za-z][A-Za-z0-9]*)\}(?=[\^_](?!\()|-[A-Za-z])")
_SCRIPT = re.compile(r"([\^_])\{([^{}^_$]{1,40})\}")
_LOST_SYMBOL = re.compile(r"\{(times|approx|sim|leq|geq|pm|rightarrow|infty|mu|cdot)\}")
_DOUBLE_QUOTED = re.compile(r"``([^`]{0,600}?)(?:''|(?<=\S)\"(?!\w))|(?:''|(?<!\S)\")(?=\w)([^`'\"]{1,200}?)''(?!\w)")
_SINGLE_QUOTED = re.compile(r"(?<![\w`])`([^`'\"“”]{1,120})'(?![\w'])")
_DASHES = re.compile(r"(?<!-)(---?)(?![->])")
_TIE = re.compile(
    r"(?<=[\w.,;:)\]}’”%])~(?=[\w(\[“$])|(?<=\d)~(?=[%°])|(?<=\+)~(?=[A-Za-z])"
    # around an operator (dB~/~0.79), or before a space
    r"|(?<=[\w)\]}’”%])~(?=[/+±×&<>≤≥≻→↔–—|-][~\s]|=~)|(?<=~[/+±×&<>≤≥≻→↔–—|=-])~(?=\w)|(?<=[^\s~])~(?=\s|$)"
)
_POWER = re.compile(r"(?<=[^\W_]|[)\]∇])\^(?:(-?\d{1,4})(?!\.?\d)|([*∘]))")
# Names in braces, which BibTeX needs to keep their capitals.
_CAPITALS = re.compile(r"(?<![^\s(\[“\"‘'])\{([\w.+-]{1,60}(?: [\w.+-]{1,60}){0,4})\}(?=[\s.,:;)\]!?'’”\"-]|$)")


def _convert_typewriter_marks(text: str) -> str:
    if "^" in text:
        text = _POWER.sub(lambda match: superscript(match[1] or match[2]), text)
    if "{" in text:
        text = _CAPITALS.sub(lambda match: match[1] if _is_name(match[1]) else match[0], text)
        text = _LOST_SYMBOL.sub(lambda match: symbol(match[1]) or match[0], text)
        text = _BASE.sub(r"\1", text)
        text = _SCRIPT.sub(_convert_bare_script, text)
        text = _GROUP.sub(lambda match: match[1] or match[2] or match[3] or "", text)
    if "`" in text or "''" in text:
        text = _DOUBLE_QUOTED.sub(lambda match: f"“{match[1] if match[1] is not None else match[2]}”", text)
        text = _SINGLE_QUOTED.sub(r"‘\1’", text)
    if "--" in text:
        text = _DASHES.sub(lambda match: "–" if len(match[1]) == 2 else "—", text)
    return _TIE.sub(_untie, text)


def _is_name(text: str) -> bool:
    return len(text) > 1 and all(word.lower() != word for word in text.split(" "))


def _convert_bare_script(match: re.Match[str]) -> str:
    return superscript(match[2]) if match[1] == "^" else subscript(match[2])


def _untie(match: re.Match[str]) -> str:
    """Replace TeX's unbreakable space by a space, except in a range such as 5~10."""
    before, after = match.string[match.start() - 1], match.string[match.end() :][:1]
    return "~" if before.isdigit() and after.isdigit() else " "
