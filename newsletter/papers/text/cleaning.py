"""Clean the texts of sources before they are stored: one line of plain Unicode, no TeX, tags or control characters."""

import html
import re
import sys
import unicodedata
from collections.abc import Iterable
from html.entities import html5
from itertools import groupby

from newsletter.papers.text.tex_math import subscript, superscript
from newsletter.papers.text.tex_text import to_unicode

MAX_LENGTH = 20_000  # characters; longer texts are cut before cleaning
MAX_NAME_LENGTH = 200
MAX_CREATOR_LENGTH = 200_000  # characters of a whole list of authors
MAX_PASSES = 4


def clean(text: str) -> str:
    """Return `text` as one line of plain Unicode. Idempotent.

    TeX, entities and tags are converted, invisible characters removed, whitespace collapsed. What cannot be
    converted stays readable. The templates escape the result for HTML or a provider's merge syntax.
    """
    for _ in range(MAX_PASSES):
        before, text = text, _clean_once(text)
        if text == before:
            return text
    if text == _clean_once(text):
        return text
    # Only hostile text gets here: remove every character that could still have a meaning.
    return _clean_once(_clean_once(text.translate(_MARKS))[:MAX_LENGTH])


def clean_name(text: str) -> str:
    """Clean an author's name, and remove braces, a bracketed affiliation and stray commas."""
    name = clean(_TIE.sub(" ", text[: MAX_NAME_LENGTH * 10]).replace("--", "-"))
    name = _strip_affiliation(name.translate(_BRACES).strip())
    return clean(_TRAILING_OTHERS.sub("", name).strip(" ,;:")[:MAX_NAME_LENGTH])


def split_authors(creator: str) -> list[str]:
    """Split arXiv's `dc:creator` into names: it has commas between names and inside affiliations.

    >>> split_authors(r"Paulo Andr\\'e (ITA, Brazil), Ana Silva")
    ['Paulo André', 'Ana Silva']
    """
    creator = _strip_markup(creator[:MAX_CREATOR_LENGTH])
    parts = _split_outside_brackets(creator)
    names: list[str] = []
    for name in clean_names(parts):
        if names and _SUFFIX.fullmatch(name):
            names[-1] = f"{names[-1]} {name}"
        else:
            names.append(name)
    return names


def clean_names(names: Iterable[str]) -> list[str]:
    """Return the cleaned names of people, without “et al.” and without a group before a colon (Kimi Team: Yi Bai).

    Groups are returned only where no person is named.
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


def _strip_affiliation(name: str) -> str:
    """Remove brackets at the end of `name`; brackets inside it hold a nickname and stay."""
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
    if depth:  # an unclosed bracket does not decide about the commas after it
        return re.split(r"[,;]|\sand\s", creator)
    return [*parts, creator[start:]]


def _clean_once(text: str) -> str:
    text = _strip_markup(text[:MAX_LENGTH])
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_PLAIN))
    elif _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    if _MAYBE_TEX.search(text):
        text = unicodedata.normalize("NFC", to_unicode(text))
    return " ".join(text.split())


def _strip_markup(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_decode_entity, text)
    if "<" in text:
        text = _COMMENT.sub(" ", _SCRIPT.sub(" ", text))
        text = _RAISED.sub(lambda match: superscript(match[1]), text)
        text = _LOWERED.sub(lambda match: subscript(match[1]), text)
        text = _BREAK.sub(" ", text)
        text = _strip_tags(text)
    return text


def _strip_tags(text: str) -> str:
    """Remove layout tags. A tag without attributes and without its other half is text: Learning <a> tags."""
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


def _decode_entity(match: re.Match[str]) -> str:
    return html.unescape(match[0]) if match[0][1] == "#" or match[0][1:] in html5 else match[0]


# Layout tags. Other tags, such as <think>, are part of the text.
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


# Invisible characters: control, format (bidi, zero width, tags), private use and surrogate ones, fillers.
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85"


def _invisible_pattern() -> re.Pattern[str]:
    """Return the pattern of characters in the categories C, except spaces and unassigned ones."""
    gone = (
        code for code in range(sys.maxunicode + 1)
        if (unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Co"} and chr(code) not in _SPACES)
        or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xE0000 <= code <= 0xE0FFF
    )  # fmt: skip
    runs = (list(run) for _, run in groupby(enumerate(gone), key=lambda pair: pair[1] - pair[0]))
    ranges = (f"{re.escape(chr(run[0][1]))}-{re.escape(chr(run[-1][1]))}" for run in runs)
    return re.compile(f"[{''.join(ranges)}{_FILLERS}]")


_INVISIBLE = _invisible_pattern()
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_MAYBE_TEX = re.compile(r"[\\$^~`{]|--|''|_\{")
# Ligatures and styled letters of mathematics, which fonts, search and screen readers do not support.
_PLAIN = {
    code: unicodedata.normalize("NFKC", chr(code)) for code in [*range(0xFB00, 0xFB07), *range(0x1D400, 0x1D800)]
}
