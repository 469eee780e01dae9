import html
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.syndication import read_feed

FEED = '<rss version="2.0"><channel><title>&a;</title></channel></rss>'
DECLARED = '<!DOCTYPE feed [\n<!ENTITY a "aaaa">\n]>'


@pytest.mark.parametrize(
    "body",
    [
        f'<?xml version="1.0"?>{DECLARED}{FEED}'.encode(),
        f'<?xml version="1.0"?>\n{DECLARED}{FEED}'.encode("utf-8-sig"),
        f'<?xml version="1.0" encoding="utf-16"?>{DECLARED}{FEED}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="utf-16"?>{DECLARED}{FEED}'.encode("utf-16-be"),
        f'<?xml version="1.0" encoding="utf-32"?>{DECLARED}{FEED}'.encode("utf-32"),
        f'<?xml version="1.0" encoding="cp037"?>{DECLARED}{FEED}'.encode("cp037"),
        f'<?xml version="1.0" encoding="utf-7"?>{DECLARED}{FEED}'.replace("<!D", "+ADwAIQ-D").encode(),
        f"<!-- <a> --><?pi <a>?>{DECLARED}{FEED}".encode(),
        f"{DECLARED.lower()}{FEED}".encode(),
        f"junk {DECLARED}{FEED}".encode(),
        f'<!ENTITY a "aaaa">{FEED}'.encode(),
        f'<!DOCTYPE rss SYSTEM "file:///etc/passwd">{FEED}'.encode(),
    ],
)
def test_a_document_type_is_refused_in_every_disguise(body: bytes) -> None:
    with pytest.raises(SourceError, match=r"DOCTYPE|not a feed"):
        read_feed(body)


def test_words_about_document_types_are_no_declaration() -> None:
    title = '<![CDATA[Why <!DOCTYPE html> and <!ENTITY a "b"> matter]]>'

    feed = read_feed(f'<rss version="2.0"><channel><title>{title}</title></channel></rss>'.encode())

    assert feed.title.startswith("Why <!DOCTYPE html>")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "koi8-r"])
def test_declared_encodings_are_honoured(encoding: str) -> None:
    word = "Дерево" if encoding == "koi8-r" else "Bäume"
    body = f'<?xml version="1.0" encoding="{encoding}"?>{FEED.replace("&a;", word)}'.encode(encoding)

    feed = read_feed(body)

    assert feed.title == word
    assert feed.is_whole


def read_titles(*titles: str) -> list[str]:
    items = "".join(f"<item><title>{title}</title></item>" for title in titles)
    feed = read_feed(f'<rss version="2.0"><channel><title>a</title>{items}</channel></rss>'.encode())
    assert feed.is_whole
    return [entry["title"] for entry in feed.entries]


@pytest.mark.parametrize(
    ("served", "title"),
    [
        ("R&D six", "R&D six"),
        ("AT&T", "AT&T"),
        ("a & b && c", "a & b && c"),
        ("AT&T; Q&A;", "AT&T; Q&A;"),
        ("&amp; &lt;a&gt; &#233; &#xe9;", "& <a> é é"),
        ("Caf&eacute; &LT;b&GT;", "Café <b>"),
        ("a?b=1&copy=2", "a?b=1&copy=2"),
        ("<![CDATA[R&D, R&amp;D]]>", "R&D, R&amp;D"),
        ("Learning &lt;a&gt; from &lt;b&gt; tags", "Learning <a> from <b> tags"),
    ],
)
def test_a_bare_ampersand_breaks_no_feed(served: str, title: str) -> None:
    assert read_titles(served, "the next") == [title, "the next"]


@given(st.lists(st.text("abcRD&; ", max_size=6), min_size=1, max_size=4).map("&".join))
def test_no_letter_beside_an_ampersand_is_lost(title: str) -> None:
    assert read_titles(f"x{title}x") == [f"x{html.unescape(title)}x"]  # "&ac;" is an entity


@pytest.mark.parametrize("unit", ["&", "<![CDATA[", "<!--", "&a", "&amp", "<![CDATA[]]>"])
def test_four_times_the_feed_takes_no_longer_than_ten_times_to_repair(unit: str) -> None:
    assert seconds_to_refuse(unit, 200_000) < 10 * seconds_to_refuse(unit, 50_000)


def seconds_to_refuse(unit: str, count: int) -> float:
    """Return the least processor time of three tries: other work on the machine does not count."""
    return min(timed_refusal(b"<x>" + unit.encode() * count) for _ in range(3))


def timed_refusal(body: bytes) -> float:
    began = time.process_time()
    with pytest.raises(SourceError):
        read_feed(body)
    return time.process_time() - began
