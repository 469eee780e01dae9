from datetime import date

import pytest

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.feed import addresses, parse
from tests.newsletter.papers.sources.conftest import payload

URL = "https://news.example/feed"


def test_the_feed_is_the_same_for_all_days() -> None:
    assert addresses(URL, [date(2026, 5, 4)]) == [URL]


def test_an_item_that_links_to_a_paper_is_a_mention_of_it() -> None:
    finding = parse(payload("aggregator.xml"), URL).findings[0]

    assert (finding.key, finding.url) == ("arxiv:2605.90001", "https://arxiv.org/abs/2605.90001")
    assert finding.title == "Attention in Trees"
    assert (finding.votes, finding.comments, finding.rank) == (120, 33, 1)
    assert (finding.listed_on, finding.published_at) == (date(2026, 5, 5), None)
    assert finding.proposed_by == "reader1"
    assert finding.abstract == ""


def test_only_items_that_name_a_paper_are_found_and_none_is_refused() -> None:
    listing = parse(payload("aggregator.xml"), URL)

    keys = [finding.key for finding in listing.findings]
    assert keys[:2] == ["arxiv:2605.90001", "doi:10.1000/xyz.2026.1"]
    assert keys[2].startswith("url:")
    assert "openreview.net/forum?id=abcDEF123" in keys[2]
    assert (len(keys), listing.refused) == (3, ())


def test_comments_come_from_the_feeds_own_field_too() -> None:
    finding = parse(payload("aggregator.xml"), URL).findings[1]

    assert (finding.title, finding.comments, finding.votes) == ("Published at last", 8, None)


def test_a_paper_may_stand_in_the_content() -> None:
    finding = parse(payload("forum.xml"), URL).findings[0]

    assert (finding.key, finding.title, finding.proposed_by) == (
        "arxiv:2605.90001",
        "Attention in Trees",
        "/u/someone",
    )
    assert finding.listed_on == date(2026, 5, 6)


def test_a_round_up_mentions_each_paper_and_lends_none_its_title() -> None:
    round_up = parse(payload("forum.xml"), URL).findings[1:]

    assert [(finding.key, finding.title, finding.rank) for finding in round_up] == [
        ("arxiv:2605.90002", "", 2),
        ("arxiv:2605.90003", "", 2),
    ]


@pytest.mark.parametrize(
    ("page", "key"),
    [
        ("https://huggingface.co/papers/2605.90001", "arxiv:2605.90001"),
        ("https://dl.acm.org/doi/abs/10.1145/3600006.1", "doi:10.1145/3600006.1"),
        (
            "https://proceedings.mlr.press/v202/example23a.html",
            "url:https://proceedings.mlr.press/v202/example23a.html",
        ),
        ("https://openreview.net/forum?id=abcDEF123", "url:https://openreview.net/forum?id=abcDEF123"),
    ],
)
def test_pages_of_papers_are_known(page: str, key: str) -> None:
    body = f'<rss version="2.0"><channel><item><title>T</title><link>{page}</link></item></channel></rss>'

    assert [finding.key for finding in parse(body.encode(), URL).findings] == [key]


@pytest.mark.parametrize(
    "page", ["https://arxiv.org/list/cs.CL/new", "https://openreview.net/group?id=ICLR", "http://[", "10", ""]
)
def test_other_pages_are_no_papers(page: str) -> None:
    body = f'<rss version="2.0"><channel><item><title>T</title><link>{page}</link></item></channel></rss>'

    assert parse(body.encode(), URL).findings == ()


@pytest.mark.parametrize(
    ("link", "key"),
    [
        ("//arxiv.org/abs/2611.01904", "arxiv:2611.01904"),
        ("/v999/abc26a.html", "url:https://proceedings.mlr.press/v999/abc26a.html"),
        ("../v999/abc26a.html", "url:https://proceedings.mlr.press/v999/abc26a.html"),
        ("https://arxiv.org/abs/2611.01904", "arxiv:2611.01904"),
    ],
)
@pytest.mark.parametrize(
    "feed",
    [
        '<rss version="2.0"><channel><item><title>T</title><link>{}</link></item></channel></rss>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title><link href="{}"/></entry></feed>',
        '<rss version="2.0"><channel><item><title>T</title><description>See &lt;a href="{}"&gt;it&lt;/a&gt;.'
        "</description></item></channel></rss>",
        '{{"version": "https://jsonfeed.org/version/1.1", "items": [{{"title": "T", "url": "{}"}}]}}',
        '{{"version": "https://jsonfeed.org/version/1.1", "items": [{{"title": "T", '
        '"content_html": "<a href=\'{}\'>it</a>"}}]}}',
    ],
)
def test_a_relative_link_leads_to_where_the_feed_stands(feed: str, link: str, key: str) -> None:
    listing = parse(feed.format(link).encode(), "https://proceedings.mlr.press/feeds/new.xml")

    assert [(finding.key, finding.title) for finding in listing.findings] == [(key, "T")]
    assert listing.findings[0].url.startswith("https://")


def test_a_bare_id_as_guid_is_no_relative_link() -> None:
    body = b'<rss version="2.0"><channel><item><title>T</title><guid>2611.01904</guid></item></channel></rss>'

    assert [finding.key for finding in parse(body, URL).findings] == ["arxiv:2611.01904"]


def test_a_json_feed_is_read() -> None:
    listing = parse(b"\xef\xbb\xbf\n" + payload("linkblog.json"), URL)

    assert [finding.key for finding in listing.findings] == ["arxiv:2605.90001", "doi:10.1000/xyz.7"]
    assert listing.findings[0].proposed_by == "Dana Curator"
    assert listing.findings[0].listed_on == date(2026, 5, 5)
    assert listing.refused == ()


@pytest.mark.parametrize(
    ("body", "message"), [(b"{}", "not a JSON Feed"), (b"{", "not JSON"), (b"", "empty"), (b"word", "not a feed")]
)
def test_what_is_no_feed_is_a_source_error(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(body, URL)
