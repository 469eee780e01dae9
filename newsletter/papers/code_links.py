"""Find the code and the project page of a paper in its abstract and in a source's fields for them."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

MAX_ADDRESS = 2_000  # characters; longer ones are refused
MAX_TEXT = 20_000  # characters of a text that are searched


class Links(NamedTuple):
    """The addresses of a paper's code and project page, each "" where there is none."""

    code: str
    project: str


def find_links(abstract: str, *fields: str) -> Links:
    """Return the links of a paper: those in `fields` come first, in their order, then those in `abstract`.

    A field is an address, an `owner/repo` on GitHub or a text that holds addresses. The abstract may be raw
    or clean; raw is better, since cleaning shortens labelled links to their label.
    """
    given = [address for field in fields for address in _addresses_of_field(field)]
    found = [*given, *addresses(abstract)]
    code = next(filter(_CODE.match, found), "") or next(filter(_MODEL.match, found), "")
    others = [address for address in found if not _CODE.match(address) and not _MODEL.match(address)]
    pages = [
        address
        for address in others
        if not _PAPER.match(address) and (address in given or not _ELSEWHERE.match(address))
    ]
    likely = pages if given else [*filter(_PROJECT_HOST.match, pages), *pages]
    return Links(code, likely[0] if likely else "")


def addresses(text: str) -> list[str]:
    """Return the web addresses in `text`, each once, in order, as https and without trailing punctuation."""
    text = _join_broken_addresses(text[:MAX_TEXT])
    found = (_normalise(match[0]) for match in _ADDRESS.finditer(text))
    return list(dict.fromkeys(filter(None, found)))


def safe_url(text: str) -> str:
    """Return the http(s) address in `text` as ASCII, "" where readers should not follow it.

    Other schemes, credentials, numeric and internal hosts are refused, and spaces, control and bidi characters
    inside the address.
    """
    text = text.strip()
    if len(text) > MAX_ADDRESS or _UNSAFE.search(text):
        return ""
    try:
        parts = urlsplit(text)
        host = _host(parts)
        port = parts.port
    except (ValueError, UnicodeError):
        return ""
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return ""
    netloc = host if port in {None, 80, 443} else f"{host}:{port}"
    path, query, fragment = (quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment))
    return f"{parts.scheme}://{netloc}{path}" + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


_KEPT = "/:@!$&'()*+,;=~-._?%"
# Spaces, controls, formats such as bidi marks, lone surrogates, private characters, and the backslash
# that browsers take for a slash.
_UNSAFE = re.compile(
    r"[\s\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U0010ffff\\]"
)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?P<top>[a-z]{2,24}|xn--[a-z0-9-]{2,59})", re.ASCII)
_INTERNAL = frozenset({
    "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain",
    "localhost", "onion", "private", "test",
})  # fmt: skip


def _host(parts: SplitResult) -> str:
    """Return the host in lower-case ASCII, "" where it is not a public host name."""
    host = (parts.hostname or "").removesuffix(".").encode("idna").decode("ascii").lower()
    found = _HOST.fullmatch(host) if len(host) <= 253 else None
    return host if found and found["top"] not in _INTERNAL else ""


_BREAK = r"[ \t]*\r?\n[ \t]*"
_SPLIT_SCHEME = re.compile(r"\b(https?:)[ \t\r\n]{1,3}(?=//\w)", re.IGNORECASE)
_BROKEN_SCHEME = re.compile(rf"(https?://){_BREAK}(?=\w)", re.IGNORECASE)
_BROKEN_WORD = re.compile(rf"(https?://[!-~]{{4,200}}[-_]){_BREAK}(?=\w)", re.IGNORECASE)
_BROKEN_HOST = re.compile(rf"(https?://[\w.-]{{2,100}}\.){_BREAK}(?=(?:com|io|org|net|ai|dev|edu)\b)", re.IGNORECASE)
_BROKEN_REPO = re.compile(rf"((?:github\.com|gitlab\.com|huggingface\.co)/(?:[\w.-]{{1,100}}/)?){_BREAK}(?=\w)", re.I)
_ESCAPE = re.compile(r"\\([_%#&~$-])(?:\{\})?")
_ADDRESS = re.compile(
    r"https?://(?:(?!https?://)[^\s{}<>\"|\\^`\[\]'\x00-\x20\x7f-\U0010ffff]){4,500}"
    r"|(?<![\w./@-])(?:[\w-]{1,60}\.(?:github|gitlab)\.io\b|(?:www\.)?(?:github|gitlab)\.com/[\w.-]{1,60}/[\w.-]{1,100}"
    r"|huggingface\.co/[\w.-]{1,60})(?:/[\w.~%-]{1,100}){0,9}",
    re.IGNORECASE | re.ASCII,
)
_TRAILING = ".,;:!?*$~'\"-"


def _join_broken_addresses(text: str) -> str:
    """Repair addresses that contain line breaks or TeX escapes."""
    text = _SPLIT_SCHEME.sub(r"\1", text)
    if "\n" in text:
        for broken in (_BROKEN_SCHEME, _BROKEN_WORD, _BROKEN_HOST, _BROKEN_REPO):
            text = broken.sub(r"\1", text)
    return _ESCAPE.sub(r"\1", text).replace("\\textasciitilde{}", "~").replace("\\textasciitilde ", "~")


def _normalise(address: str) -> str:
    address = address.rstrip(_TRAILING)
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(_TRAILING)
    if not re.match("https?://", address, re.IGNORECASE):
        address = f"https://{address}"
    address = safe_url(f"https://{address.partition('://')[2]}")
    return address.rstrip("#").rstrip("/").removesuffix(".git")


def _addresses_of_field(field: str) -> Iterator[str]:
    field = field.strip()
    if _OWNER_AND_REPO.fullmatch(field):
        yield f"https://github.com/{field.removesuffix('.git').rstrip('/')}"
    else:
        yield from addresses(field)


_OWNER_AND_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,38}/[\w.-]{2,100}/?", re.ASCII)

# Kinds of addresses

_CODE = re.compile(
    r"https://(?:www\.)?(?:github\.com/(?!(?:features|topics|sponsors|orgs|about)\b)|gitlab\.[\w.-]+/|gitee\.com/"
    r"|bitbucket\.org/|codeberg\.org/|gist\.github\.com/|git\.[\w.-]+/|sourceforge\.net/projects/"
    r"|(?:anonymous\.)?4open\.science/r/|anonymous\.4open\.science/|code\.[\w.-]+/)[\w.~%-]",
    re.ASCII,
)
_MODEL = re.compile(
    r"https://(?:www\.)?(?:huggingface\.co|hf\.co|modelscope\.cn)/"
    r"(?!(?:papers|blog|docs|learn|posts|join|login|pricing|tasks|organizations)\b)[\w.-]",
    re.ASCII,
)
_PAPER = re.compile(
    r"https://(?:[\w-]+\.)*(?:arxiv\.org|ar5iv\.org|alphaxiv\.org|doi\.org|huggingface\.co/papers|openreview\.net"
    r"|aclanthology\.org|semanticscholar\.org|orcid\.org|creativecommons\.org)(?:/|$)",
    re.ASCII,
)
_ELSEWHERE = re.compile(
    r"https://(?:[\w-]+\.)*(?:huggingface\.co/(?:blog|docs)|scholar\.google\.com/citations|wikipedia\.org|youtube\.com|youtu\.be|vimeo\.com|bilibili\.com|twitter\.com|x\.com"
    r"|linkedin\.com|pypi\.org|zenodo\.org|osf\.io|figshare\.com|kaggle\.com|drive\.google\.com|dropbox\.com)(?:/|$)",
    re.ASCII,
)
_PROJECT_HOST = re.compile(
    r"https://[\w.-]+\.(?:github\.io|gitlab\.io|pages\.dev|vercel\.app|netlify\.app|web\.app|notion\.site"
    r"|readthedocs\.io)(?:/|$)|https://sites\.google\.com/|https://[^/]*/.*project",
    re.ASCII,
)
