import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.paper_key import abs_url, arxiv_id, key_of, pdf_url, url_key, version_of


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2605.00658", "arxiv:2605.00658"),
        ("arXiv:2605.00658v2", "arxiv:2605.00658"),
        ("arXiv:2605.00658 [cs.LG]", "arxiv:2605.00658"),
        ("oai:arXiv.org:2604.21935v1", "arxiv:2604.21935"),
        ("oai:arXiv.org:hep-ex/0307015v2", "arxiv:hep-ex/0307015"),
        ("http://arxiv.org/abs/2605.00658v1", "arxiv:2605.00658"),
        ("https://arxiv.org/pdf/2605.00658v12.pdf", "arxiv:2605.00658"),
        ("https://www.arxiv.org/html/2605.00658v1#S1", "arxiv:2605.00658"),
        ("http://export.arxiv.org/abs/math.GT/0309136", "arxiv:math/0309136"),
        ("cond-mat.mtrl-sci/0309136v1", "arxiv:cond-mat/0309136"),
        ("arxiv.org/abs/0808.0539", "arxiv:0808.0539"),
        ("https://ar5iv.labs.arxiv.org/html/2605.00658", "arxiv:2605.00658"),
        ("https://ar5iv.org/abs/2605.00658", "arxiv:2605.00658"),
        ("https://ar5iv.org/html/2605.00658v1", "arxiv:2605.00658"),
        ("https://ar5iv.labs.arxiv.org/abs/math/0309136", "arxiv:math/0309136"),
        ("https://www.alphaxiv.org/abs/2605.00658v3", "arxiv:2605.00658"),
        ("https://alphaxiv.org/overview/2605.00658v1", "arxiv:2605.00658"),
        ("https://www.alphaxiv.org/zh/overview/2605.00658", "arxiv:2605.00658"),
        ("https://www.alphaxiv.org/resources/2605.00658", "arxiv:2605.00658"),
        ("http://xxx.lanl.gov/abs/hep-ex/0307015", "arxiv:hep-ex/0307015"),
        ("http://xxx.lanl.gov/pdf/0808.0539v1", "arxiv:0808.0539"),
        ("http://cn.arxiv.org/abs/2605.00658", "arxiv:2605.00658"),
        ("http://cn.arxiv.org/pdf/2605.00658v2.pdf", "arxiv:2605.00658"),
        ("https://papers.cool/arxiv/2605.00658", "arxiv:2605.00658"),
        ("https://huggingface.co/papers/2605.00658?ref=x", "arxiv:2605.00658"),
        ("10.48550/arXiv.2301.12345", "arxiv:2301.12345"),
        ("https://doi.org/10.48550/ARXIV.2301.12345", "arxiv:2301.12345"),
        ("doi:10.1000/XYZ.", "doi:10.1000/xyz"),
        ("https://dx.doi.org/10.1145/ABC%2812%293", "doi:10.1145/abc(12)3"),
        ("https://openreview.net/forum?id=Ab_c-12345&noteId=x", "url:https://openreview.net/forum?id=Ab_c-12345"),
        ("https://openreview.net/pdf?id=Ab_c-12345", "url:https://openreview.net/forum?id=Ab_c-12345"),
        ("https://aclanthology.org/2024.acl-long.1.pdf", "url:https://aclanthology.org/2024.acl-long.1"),
        ("https://www.aclanthology.org/P19-1001/", "url:https://aclanthology.org/P19-1001"),
    ],
)
def test_a_paper_has_one_key_in_every_shape(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "2613.00658",
        "2611.2913",
        "1412.12345",
        "0703.1234",
        "https://arxiv.org/abs/2611.2913",
        "10.48550/arXiv.1412.12345",
        "https://papers.cool/arxiv/cs.AI",
        "https://papers.cool/venue/2605.00658",
        "https://lanl.gov/abs/2605.00658",
        "https://xyz.arxiv.org/abs/2605.00658",
        "https://alphaxiv.org/labs",
        "12/3456789",
        "and/0309136",
        "a text about 2605.00658",
        "https://arxiv.org/list/cs.AI/new",
        "https://arxiv.org/a/smith_j_1",
        "https://huggingface.co/papers/date/2026-05-01",
        "https://huggingface.co/a/2605.00658",
        "https://github.com/a/b",
        "https://evil.org/abs/2605.00658",
        "https://arxiv.org.evil.org/abs/2605.00658",
        "https://arxiv.org@evil.org/abs/2605.00658",
        "https://doi.org/",
        "https://openreview.net/forum?id=",
        "٢٦٠٥.٠٠٦٥٨",
        "2605.00658\u202e",
        "x" * 100_000,
    ],
)
def test_what_names_no_paper_has_no_key(text: str) -> None:
    assert key_of(text) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("oai:arXiv.org:2604.21935v3", 3),
        ("https://arxiv.org/abs/2605.00658v12", 12),
        ("math.GT/0309136v1", 1),
        ("https://arxiv.org/abs/2605.00658", 0),
        ("10.1000/xyzv2", 0),
        ("", 0),
    ],
)
def test_the_version_is_split_from_the_key(text: str, version: int) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("HTTP://WWW.Example.org/a/b/?utm_source=x&b=2&fbclid=1#top", "url:https://example.org/a/b?b=2"),
        ("https://example.org", "url:https://example.org"),
        ("https://example.org:8443/A", "url:https://example.org:8443/A"),
        ("javascript:alert(1)", None),
        ("http://127.0.0.1/", None),
        ("example.org", None),
    ],
)
def test_a_page_is_known_by_its_canonical_address(address: str, key: str | None) -> None:
    assert url_key(address) == key


def test_a_key_leads_to_the_pages_of_its_paper() -> None:
    assert abs_url("arxiv:math/0309136") == "https://arxiv.org/abs/math/0309136"
    assert pdf_url("arxiv:2605.00658") == "https://arxiv.org/pdf/2605.00658"
    assert abs_url("doi:10.1145/abc(12)<3>") == "https://doi.org/10.1145/abc(12)%3C3%3E"
    assert pdf_url("doi:10.1145/abc") == ""
    assert abs_url("url:https://example.org/a") == "https://example.org/a"
    assert pdf_url("url:https://openreview.net/forum?id=Abcde") == "https://openreview.net/pdf?id=Abcde"
    assert pdf_url("url:https://aclanthology.org/P19-1001") == "https://aclanthology.org/P19-1001.pdf"
    assert (abs_url(""), abs_url("nonsense"), pdf_url("")) == ("", "", "")


def test_only_arxiv_papers_have_an_arxiv_id() -> None:
    assert arxiv_id("arxiv:hep-ex/0307015") == "hep-ex/0307015"
    assert arxiv_id("doi:10.1000/xyz") is None
    assert arxiv_id("") is None


ADDRESSES = st.text("htps:/.arxivog0123456789v@[]%?#=&\\ \n\u202e", max_size=60)


@given(st.text(max_size=100) | ADDRESSES | ADDRESSES.map("https://arxiv.org/abs/".__add__))
def test_hostile_text_never_raises(text: str) -> None:
    key = key_of(text)

    assert version_of(text) >= 0
    assert key is None or (key_of(abs_url(key)) == key and key.startswith(("arxiv:", "doi:", "url:")))
    page = url_key(text)
    assert page is None or url_key(abs_url(page)) == page


@given(st.integers(2008, 2090), st.integers(1, 12), st.integers(0, 99_999))
def test_ids_have_four_digits_until_the_end_of_2014_and_five_since(year: int, month: int, number: int) -> None:
    four, five = (f"{year % 100:02}{month:02}.{number:0{digits}}"[: digits + 5] for digits in (4, 5))
    known, unknown = (four, five) if year < 2015 else (five, four)

    assert (key_of(known), key_of(unknown)) == (f"arxiv:{known}", None)


@given(
    st.from_regex(r"(1[5-9]|2[0-6])(0[1-9]|1[0-2])\.[0-9]{5}", fullmatch=True)
    | st.from_regex(r"(0[89]|1[0-4])(0[1-9]|1[0-2])\.[0-9]{4}", fullmatch=True),
    st.integers(1, 99),
)
def test_a_version_is_no_part_of_the_key(number: str, version: int) -> None:
    for text in (
        f"{number}v{version}",
        f"https://arxiv.org/pdf/{number}v{version}",
        f"oai:arXiv.org:{number}v{version}",
    ):
        assert (key_of(text), version_of(text)) == (f"arxiv:{number}", version)
