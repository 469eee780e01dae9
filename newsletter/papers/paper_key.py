"""Derive one key for a paper from any form of its id or address."""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from newsletter.papers.code_links import safe_url

MAX_ADDRESS = 2_000  # characters; longer texts are not tried

# The archives whose names are part of ids before April 2007.
_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs"
    "|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol"
    "|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_OF_YEAR = r"(?:0[1-9]|1[0-2])"  # the months
_MONTH = rf"[0-9]{{2}}{_OF_YEAR}"
# Four digits from April 2007 until the end of 2014, five since.
_FOUR_DIGITS = rf"(?:07(?:0[4-9]|1[0-2])|(?:0[89]|1[0-4]){_OF_YEAR})\.[0-9]{{4}}"
_FIVE_DIGITS = rf"(?:1[5-9]|[2-9][0-9]){_OF_YEAR}\.[0-9]{{5}}"
_NEW_ID = rf"(?P<new>{_FOUR_DIGITS}|{_FIVE_DIGITS})"
_OLD_ID = rf"(?P<archive>{_ARCHIVES})(?:\.[A-Za-z-]{{2,12}})?/(?P<number>{_MONTH}[0-9]{{3}})"
_VERSION = r"(?:v(?P<version>[1-9][0-9]{0,2}))?"
_ARXIV_ID = re.compile(rf"(?:{_NEW_ID}|{_OLD_ID}){_VERSION}", re.ASCII | re.IGNORECASE)
_ARXIV_PREFIX = re.compile(r"(?:oai:)?arxiv(?:\.org)?:\s*", re.IGNORECASE)
_DOI = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/[^\s\"<>\\^`{|}\x00-\x20\x7f]{1,300}", re.ASCII | re.IGNORECASE)
_DOI_PREFIX = re.compile(r"(?:doi|info:doi/?)\s*:?\s*(?=10\.)", re.IGNORECASE)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.", re.IGNORECASE)

_ARXIV_PAGE = re.compile(
    r"/(?:abs|pdf|html|format|ps|src|e-print|tb|a11y|overview)/(?P<id>.+?)(?:\.pdf|\.html)?/?", re.I
)
_MIRROR_PAGE = re.compile(
    r"/(?:[a-z]{2}/)?(?:abs|html|papers?|pdf|overview|labs|resources|arxiv)/(?P<id>.+?)(?:\.pdf|\.html|\.md)?/?",
    re.IGNORECASE,
)
# arXiv's own hosts and its mirrors, most of which are named by a country: cn.arxiv.org.
_ARXIV_HOST = re.compile(r"(?:(?:export|rss|browse|lanl|aps|[a-z]{2})\.)?arxiv\.org|xxx\.lanl\.gov")
_MIRROR_HOSTS = frozenset({
    "ar5iv.org", "ar5iv.labs.arxiv.org", "alphaxiv.org", "huggingface.co", "hf.co", "papers.cool",
    "scholar.archive.org",
})  # fmt: skip
_DOI_HOSTS = frozenset({"doi.org", "dx.doi.org"})
_ACL_PAGE = re.compile(r"/(?P<id>[A-Za-z0-9.-]{4,60}?)(?:\.pdf|\.bib)?/?")
_TRACKING = re.compile(
    r"utm_.*|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|yclid|ref|ref_src|ref_url|_hs.*", re.IGNORECASE
)


def key_of(text: str) -> str | None:
    """Return the key of the paper that `text` names as a whole: an address, an arXiv id, an oai guid or a DOI.

    >>> key_of("https://arxiv.org/pdf/2605.00658v2")
    'arxiv:2605.00658'
    >>> key_of("doi:10.1000/XYZ")
    'doi:10.1000/xyz'

    None where it names no paper.
    """
    text = text.strip().rstrip(".,;") if len(text) <= MAX_ADDRESS else ""
    if re.match(r"https?://", text, re.IGNORECASE):
        return _key_of_address(text)
    return _arxiv_key(text) or _doi_key(_DOI_PREFIX.sub("", text, count=1)) or _bare_address_key(text)


def version_of(text: str) -> int:
    """Return the version in an arXiv id, guid or address, 0 where it names none."""
    text = text.strip() if len(text) <= MAX_ADDRESS else ""
    address = _parts(text if "://" in text[:10] else f"https://{text}")
    found = _arxiv_match(text) or (_arxiv_match_of_address(*address[:2]) if address else None)
    return int(found["version"] or 0) if found else 0


def url_key(address: str) -> str | None:
    """Return the key made from the address of a page, None where it is not a web address."""
    parts = _parts(address.strip()) if len(address) <= MAX_ADDRESS else None
    if parts is None:
        return None
    host, path, query = parts
    kept = [(name, value) for name, value in _pairs(query) if not _TRACKING.fullmatch(name)]
    path = quote(unquote(path), safe="/:@!$&'()*+,;=~-._").rstrip("/")
    return f"url:https://{host}{path}" + (f"?{urlencode(kept)}" if kept else "")


def arxiv_id(key: str) -> str | None:
    """Return the arXiv id, without version, of a key; None where the paper is not on arXiv."""
    scheme, _, name = key.partition(":")
    return name if scheme == "arxiv" and name else None


def abs_url(key: str) -> str:
    """Return the address of the paper's page; "" where `key` is not a key."""
    scheme, _, name = key.partition(":")
    if scheme == "arxiv" and name:
        return f"https://arxiv.org/abs/{name}"
    if scheme == "doi" and name:
        return f"https://doi.org/{quote(name, safe='/:;()._-')}"
    return name if scheme == "url" else ""


def pdf_url(key: str) -> str:
    """Return the address of the paper's PDF, "" where the key does not give it."""
    if name := arxiv_id(key):
        return f"https://arxiv.org/pdf/{name}"
    if key.startswith("url:https://openreview.net/forum?id="):
        return key.removeprefix("url:").replace("/forum?", "/pdf?", 1)
    if key.startswith("url:https://aclanthology.org/"):
        return key.removeprefix("url:") + ".pdf"
    return ""


def _key_of_address(address: str) -> str | None:
    parts = _parts(address)
    if parts is None:
        return None
    host, path, query = parts
    if found := _arxiv_match_of_address(host, path):
        return _key(found)
    if host in _DOI_HOSTS:
        return _doi_key(unquote(path).lstrip("/"))
    if host == "openreview.net" and path.rstrip("/") in {"/forum", "/pdf"}:
        return _openreview_key(dict(_pairs(query)).get("id", ""))
    if host == "aclanthology.org" and (page := _ACL_PAGE.fullmatch(path)) and any(map(str.isdigit, page["id"])):
        return f"url:https://aclanthology.org/{page['id']}"
    return None


def _bare_address_key(text: str) -> str | None:
    """Return the key of an address without a scheme, such as arxiv.org/abs/2605.00658."""
    return _key_of_address(f"https://{text}") if "/" in text and "://" not in text else None


def _openreview_key(forum: str) -> str | None:
    return f"url:https://openreview.net/forum?id={forum}" if re.fullmatch(r"[\w-]{5,40}", forum, re.ASCII) else None


def _arxiv_match_of_address(host: str, path: str) -> re.Match[str] | None:
    page = None
    if _ARXIV_HOST.fullmatch(host):
        page = _ARXIV_PAGE.fullmatch(path)
    elif host in _MIRROR_HOSTS:
        page = _MIRROR_PAGE.fullmatch(path)
    return _arxiv_match(unquote(page["id"])) if page else None


def _arxiv_match(text: str) -> re.Match[str] | None:
    text = _ARXIV_PREFIX.sub("", _ARXIV_DOI.sub("", _DOI_PREFIX.sub("", text, count=1), count=1), count=1)
    text = re.sub(r"\s*\[[A-Za-z.-]{2,20}\]$", "", text).removesuffix(".pdf")
    return _ARXIV_ID.fullmatch(text)


def _arxiv_key(text: str) -> str | None:
    found = _arxiv_match(text)
    return _key(found) if found else None


def _key(found: re.Match[str]) -> str:
    if found["new"]:
        return f"arxiv:{found['new']}"
    return f"arxiv:{found['archive'].lower()}/{found['number']}"


def _doi_key(text: str) -> str | None:
    if _ARXIV_DOI.match(text):
        return _arxiv_key(text)
    doi = text.rstrip(".,;")
    return f"doi:{doi.lower()}" if _DOI.fullmatch(doi) else None


def _parts(address: str) -> tuple[str, str, str] | None:
    """Return host (without www.), path and query of a web address, None where it is not one."""
    address = safe_url(address)
    if not address:
        return None
    parts = urlsplit(address)
    return parts.netloc.removeprefix("www."), parts.path, parts.query


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return []
