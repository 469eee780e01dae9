"""Leave out of a text what is no word of its authors: marks of markup, lost names, loose brackets and addresses."""

import re

_STRONG = re.compile(r"\*\*(?=\S)([^*]{1,80}?)(?<=\S)\*\*")
_EMPHASISED = re.compile(r"(?<![\w*])\*(?=[^\W\d_])([^*]{2,60}?)(?<=\w)\*(?![\w*])")
_CODE = re.compile(r"(?<!`)`([^`']{1,60})`(?!`)")
# A brace that TeX's groups left behind; sets such as {0, 1} stay.
_GROUP = re.compile(r"\{([^\W\d_]{2,}[^{},0-9=|]*)\}")
# A name was set in a macro that the source does not know: "We propose ours, a tool", "built on , a map".
_MAKING = (
    r"(?:propos|introduc|present|develop|design|build|construct|creat|releas|contribut|call|nam)(?:e|es|ed|ing|s)?"
)
_OURS = re.compile(rf"\b({_MAKING}) ours,? (?=an?\b|the\b)")
_OURS_IN_BRACKETS = re.compile(r" \(ours\)")
_LOST_NAME = re.compile(
    rf"\b({_MAKING}|built|on|upon|by|with|via|using|of|from|in|into|called|named|is|are) , (?=an?\b|the\b|one\b)"
)
_NAME = re.compile(r"(?=.{0,30}[A-Z])[^\W\d_][\w-]{1,30}")
_MIXED = re.compile(r".*[a-z].*[A-Z]|[A-Z]{2}.*[a-z]")  # "bookmarks" may not be what BOOKMARKS or Bookmarks names
_UNNAMED = re.compile(rf"\b(?:{_MAKING}|called|named) (method|methodname|ourmethod|modelname|name)(?=,| \()")
_SPACED_MARK = re.compile(r"(?<=\w) (?=[,;] )")
_EMPTY_BRACKETS = re.compile(r" (?:\( ?[,;]* ?\)|\[ ?\])")
_NO_SPACE = re.compile(r"(?<=[a-z]{2}\.)(?=(?:[A-Z][a-z]+|We|A|An) [a-z])")
_ADDRESS = re.compile(r" ?\(https?://[^\s()]+\)|(?<! at)(?<! on)(?<! see) https?://\S+(?=, )|(?<=[.!?]) https?://\S+$")
_BRACE = re.compile(r"[{}]")


def repair(text: str) -> str:
    """Return `text` (one line) without marks that no reader should see.

    >>> repair("We propose ours, a tool **A**tlas built on , a map (https://example.org/map) of {EVA}}.")
    'We propose a tool Atlas built on a map of EVA.'
    """
    for pattern, kept in _KEPT_PARTS:
        text = pattern.sub(kept, text)
    return _without_loose_braces(text) if _BRACE.search(text) else text


def with_name(text: str, title: str) -> str:
    """Return `text` with the work's name as the title writes it, where a macro left it in small letters or unnamed.

    >>> with_name("We introduce pyrag, a tool.", "PyRAG: Maps"), with_name("We propose method, a tool.", "EVA: Maps")
    ('We introduce PyRAG, a tool.', 'We propose EVA, a tool.')
    """
    name, colon, _ = title.partition(": ")
    if not colon or not _NAME.fullmatch(name):
        return _UNNAMED.sub(lambda found: found[0].replace(f" {found[1]}", " a method"), text)
    if _MIXED.match(name):
        text = re.sub(rf"(?<![\w./-]){re.escape(name.lower())}(?![\w./-])", lambda _: name, text)
    return _UNNAMED.sub(lambda found: found[0].replace(found[1], name), text)


def _without_loose_braces(text: str) -> str:
    """Return `text` without the braces that have no partner."""
    open_at, loose = list[int](), list[int]()
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_at.append(brace.start())
        elif open_at:
            open_at.pop()
        else:
            loose.append(brace.start())
    dropped = {*open_at, *loose}
    return "".join(letter for at, letter in enumerate(text) if at not in dropped) if dropped else text


_KEPT_PARTS = (
    (_ADDRESS, ""),
    (_STRONG, r"\1"),
    (_EMPHASISED, r"\1"),
    (_CODE, r"\1"),
    (_GROUP, r"\1"),
    (_OURS_IN_BRACKETS, ""),
    (_OURS, r"\1 "),
    (_LOST_NAME, r"\1 "),
    (_SPACED_MARK, ""),
    (_EMPTY_BRACKETS, ""),
    (_NO_SPACE, " "),
)
