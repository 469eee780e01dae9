import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.code_links import Links, addresses, find_links, safe_url
from newsletter.papers.text.cleaning import clean
from tests.recordings import SHARED

RECORDINGS = SHARED / "data"
needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("at https://github.com/a/b.", ["https://github.com/a/b"]),
        (r"\url{http://github.com/foo\_bar/baz}", ["https://github.com/foo_bar/baz"]),
        (r"\href{https://x.github.io/y/}{here}", ["https://x.github.io/y"]),
        ("https://a.github.io/{https://a.github.io/}.", ["https://a.github.io"]),
        ("[https://github.com/a/b](https://github.com/a/b)", ["https://github.com/a/b"]),
        ("Project page:~https://github.com/a/b, and", ["https://github.com/a/b"]),
        ("https://github.com/a/b-\nc", ["https://github.com/a/b-c"]),
        ("https://github.com/\n  owner/repo", ["https://github.com/owner/repo"]),
        ("https: //github.com/a/b", ["https://github.com/a/b"]),
        ("https://a.github.io/\nWe show", ["https://a.github.io"]),
        ("a page: a-b.github.io.", ["https://a-b.github.io"]),
        ("see github.com/a/b and me@github.com/x", ["https://github.com/a/b"]),
        ("https://en.org/wiki/A_(b)", ["https://en.org/wiki/A_(b)"]),
        ("https://a.org/x,https://b.org/y", ["https://a.org/x", "https://b.org/y"]),
        ("https://127.0.0.1/x http://localhost/y javascript:alert(1)", []),
        ("", []),
    ],
)
def test_addresses_are_found_whole(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize(
    ("abstract", "fields", "links"),
    [
        ("", (" https://sites.google.com/view/adc",), Links("", "https://sites.google.com/view/adc")),
        ("", ("\nowner/repo\n", ""), Links("https://github.com/owner/repo", "")),
        ("", ("N/A", "12 pages, 3 figures"), Links("", "")),
        ("https://github.com/a/b", ("https://github.com/c/d",), Links("https://github.com/c/d", "")),
        ("https://x.org/p https://huggingface.co/a/b", (), Links("https://huggingface.co/a/b", "https://x.org/p")),
        ("https://huggingface.co/a/b https://gitlab.com/a/b", (), Links("https://gitlab.com/a/b", "")),
        ("https://arxiv.org/abs/2605.00658 https://doi.org/10.1/x", (), Links("", "")),
        ("https://x.org https://a.github.io", (), Links("", "https://a.github.io")),
        ("", ("https://youtu.be/x",), Links("", "https://youtu.be/x")),
    ],
)
def test_code_and_project_links_are_distinguished(abstract: str, fields: tuple[str, ...], links: Links) -> None:
    assert find_links(abstract, *fields) == links


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "//example.com/x",
        "ftp://x.org",
        "https://github.com@evil.com/",
        "https://x.org/\u202egpj.exe",
        "https://x.org/a b",
        "https://x.org/a\nb",
        "https://x.org\\@evil.com",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://db.internal/",
        "http://localhost",
        "https://x.org:99999/",
        "https://" + "a" * 3000 + ".org",
        "",
    ],
)
def test_unsafe_addresses_are_refused(text: str) -> None:
    assert safe_url(text) == ""


def test_safe_addresses_hold_nothing_that_needs_escaping() -> None:
    assert safe_url(" http://X.org/a?b=c&d#e\n") == "http://x.org/a?b=c&d#e"
    assert safe_url('https://x.org/"><b>') == "https://x.org/%22%3E%3Cb%3E"
    assert safe_url("https://münchen.de/ä") == "https://xn--mnchen-3ya.de/%C3%A4"


@given(st.text(max_size=100) | st.text("https:/.@[]\\a1%\u202e\n ", max_size=40).map("https://x".__add__))
def test_a_safe_address_is_safe_again(text: str) -> None:
    address = safe_url(text)

    assert safe_url(address) == address
    assert address.isascii()


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_text_breaks_the_search(abstract: str, field: str) -> None:
    links = find_links(abstract, field)

    assert all(not link or link.startswith("https://") for link in links)


@needs_recordings
def test_all_addresses_of_the_seed_page_are_found() -> None:
    papers = json.loads((RECORDINGS / "seed" / "papers_page.json").read_text())["papers"]
    found = [addresses(paper["abstract"]) for paper in papers]

    assert len(papers) == 74
    # 29 with their scheme, one without.
    assert sum(map(len, found)) == 30
    for paper, links in zip(papers, found, strict=True):
        assert all(link.removeprefix("https://") in paper["abstract"] for link in links)
        assert all(not link.endswith((".", "}", ")")) for link in links)
        assert bool(links) == any(find_links(paper["abstract"]))
        assert find_links(clean(paper["abstract"])) == find_links(paper["abstract"])
