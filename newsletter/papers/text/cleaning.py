"""Clean what sources serve before it is stored: one line of plain Unicode, without TeX, tags or controls."""

import html
import re
import sys
import unicodedata
from collections.abc import Iterable
from html.entities import html5
from itertools import groupby

from newsletter.papers.text.tex_math import lowered, raised
from newsletter.papers.text.tex_text import to_unicode

MAX_LENGTH = 20_000  # characters of a text; what is longer is cut first
MAX_NAME_LENGTH = 200
MAX_CREATOR_LENGTH = 200_000  # characters of a whole list of authors
MAX_PASSES = 4


def clean(text: str) -> str:
    """Return `text` as one line of plain Unicode; cleaning it once more changes nothing.

    TeX, entities and tags are resolved, invisible characters removed, whitespace folded. What cannot be
    converted stays readable. Escaping for HTML or a provider's merge syntax is the output's business.
    """
    for _ in range(MAX_PASSES):
        before, text = text, _cleaned_once(text)
        if text == before:
            return text
    if text == _cleaned_once(text):
        return text
    # Only text made to be awkward comes here: take every mark that could still mean something.
    return _cleaned_once(_cleaned_once(text.translate(_MARKS))[:MAX_LENGTH])


def clean_name(text: str) -> str:
    """Return an author's name as `clean` does, without braces, a bracketed affiliation and stray commas."""
    name = clean(_TIE.sub(" ", text[: MAX_NAME_LENGTH * 10]).replace("--", "-"))
    name = _without_affiliation(name.translate(_BRACES).strip())
    return clean(_TRAILING_OTHERS.sub("", name).strip(" ,;:")[:MAX_NAME_LENGTH])


def split_authors(creator: str) -> list[str]:
    """Return the names in arXiv's `dc:creator`: one string, commas between names and inside affiliations.

    >>> split_authors(r"Paulo Andr\\'e (ITA, Brazil), Ana Silva")
    ['Paulo André', 'Ana Silva']
    """
    creator = _without_markup(creator[:MAX_CREATOR_LENGTH])
    parts = _split_outside_brackets(creator)
    names: list[str] = []
    for name in clean_names(parts):
        if names and _SUFFIX.fullmatch(name):
            names[-1] = f"{names[-1]} {name}"
        else:
            names.append(name)
    return names


def clean_names(names: Iterable[str]) -> list[str]:
    """Return the names of people: no “et al.”, and no group that a colon tells from its members (Kimi Team: Yi Bai).

    A group that stands alone is all there is, and stays.
    """
    people, groups = list[str](), list[str]()
    for name in names:
        *announced, last = map(clean_name, _COLON.split(name))
        if announced and not announced[0] and people:
            groups.append(people.pop())
        groups += filter(None, announced)
        if last and not _OTHERS.fullmatch(last):
            people.append(last)
    return people or groups


_MARKS = dict.fromkeys(map(ord, "\\${}&<>^_~`'\""), " ")
_BRACES = dict.fromkeys(map(ord, "{}"), "")
_TIE = re.compile(r"(?<!\\)~")  # \~ is an accent
_COLON = re.compile(r":(?!//)")
_OTHERS = re.compile(r"(?:and )?(?:et\.? ?al\.?|others)|…|\.\.\.", re.IGNORECASE)
_TRAILING_OTHERS = re.compile(r"[\s,]+et\.? ?al\.?$", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_SEPARATOR = re.compile(r"[(),;]|\sand\s")


def _without_affiliation(name: str) -> str:
    """Cut the brackets at the end of `name`; those in its middle hold a nickname."""
    while name.endswith(")"):
        depth = 0
        for at in range(len(name) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(name[at], 0)
            if depth == 0:
                break
        if depth:
            return name.rstrip(")")
        name = name[:at].rstrip()
    return name.partition("(")[0] if name.count("(") > name.count(")") else name


def _split_outside_brackets(creator: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for found in _SEPARATOR.finditer(creator):
        if found[0] in "()":
            depth = max(0, depth + (1 if found[0] == "(" else -1))
        elif depth == 0:
            parts.append(creator[start : found.start()])
            start = found.end()
    if depth:  # a bracket that never closes says nothing about the commas behind it
        return re.split(r"[,;]|\sand\s", creator)
    return [*parts, creator[start:]]


def _cleaned_once(text: str) -> str:
    text = _without_markup(text[:MAX_LENGTH])
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_PLAIN))
    elif _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    if _MAYBE_TEX.search(text):
        text = unicodedata.normalize("NFC", to_unicode(text))
    return " ".join(text.split())


def _without_markup(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "<" in text:
        text = _COMMENT.sub(" ", _SCRIPT.sub(" ", text))
        text = _RAISED.sub(lambda match: raised(match[1]), text)
        text = _LOWERED.sub(lambda match: lowered(match[1]), text)
        text = _BREAK.sub(" ", text)
        text = _without_tags(text)
    return text


def _without_tags(text: str) -> str:
    """Take out the tags that lay text out. One without attributes and its other half is a word: Learning <a> tags."""
    tags = list(_TAG.finditer(text))
    pieces, start = [], 0
    for tag, is_markup in zip(tags, _which_are_markup(tags), strict=True):
        if is_markup:
            pieces += [text[start : tag.start()], " " if _BLOCK.fullmatch(tag["name"]) else ""]
            start = tag.end()
    return "".join([*pieces, text[start:]])


def _which_are_markup(tags: list[re.Match[str]]) -> list[bool]:
    is_markup = [bool(tag["attributes"].strip()) for tag in tags]
    opened: dict[str, list[int]] = {}
    for at, tag in enumerate(tags):
        name = tag["name"].lower()
        if not tag["end"]:
            opened.setdefault(name, []).append(at)
        elif opened.get(name):
            is_markup[at] = is_markup[opened[name].pop()] = True
    return is_markup


def _character(match: re.Match[str]) -> str:
    return html.unescape(match[0]) if match[0][1] == "#" or match[0][1:] in html5 else match[0]


# Tags that lay text out. Others, such as <think>, are what the text is about.
_ATTRIBUTES = r"""(?:\s+[A-Za-z:-]+\s*=\s*[^<>]*|\s*)/?>"""
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_COMMENT = re.compile(r"<!--[^<]*?-->")
_SCRIPT = re.compile(r"<(script|style)\b[^<>]*>[^<]*</\1\s*>", re.IGNORECASE)
_RAISED = re.compile(r"<sup" + _ATTRIBUTES + r"([^<>]{1,40})</sup>", re.IGNORECASE)
_LOWERED = re.compile(r"<sub" + _ATTRIBUTES + r"([^<>]{1,40})</sub>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:br|p|li|hr)" + _ATTRIBUTES, re.IGNORECASE)
_BLOCK = re.compile(r"div|ul|ol|h[1-6]|center|jats:(?:p|title|sec|list|list-item)", re.IGNORECASE)
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>div|ul|ol|h[1-6]|center|a|abbr|b|big|em|font|i|img|small|span|strong|su[bp]|tt|u|script"
    r"|style|(?:jats|mml):[a-z-]+)(?P<attributes>\s+[A-Za-z:-]+\s*=\s*[^<>]*|\s*/?)>",
    re.IGNORECASE,
)


# Characters nobody sees: controls, formats (bidi, zero width, tags), private and unpaired ones, fillers.
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85"


def _invisible() -> re.Pattern[str]:
    """Return what removes characters of the categories C, but for spaces and those not yet assigned."""
    gone = (
        code for code in range(sys.maxunicode + 1)
        if (unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Co"} and chr(code) not in _SPACES)
        or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xE0000 <= code <= 0xE0FFF
    )  # fmt: skip
    runs = (list(run) for _, run in groupby(enumerate(gone), key=lambda pair: pair[1] - pair[0]))
    ranges = (f"{re.escape(chr(run[0][1]))}-{re.escape(chr(run[-1][1]))}" for run in runs)
    return re.compile(f"[{''.join(ranges)}{_FILLERS}]")


_INVISIBLE = _invisible()
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_MAYBE_TEX = re.compile(r"[\\$^~`{]|--|''|_\{")
# Ligatures of typesetters and the styled letters of mathematics: fonts, search and screen readers miss them.
_PLAIN = {
    code: unicodedata.normalize("NFKC", chr(code)) for code in [*range(0xFB00, 0xFB07), *range(0x1D400, 0x1D800)]
}
