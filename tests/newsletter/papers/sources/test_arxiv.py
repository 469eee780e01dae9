from datetime import date

import pytest

from newsletter.papers.sources.arxiv import addresses, is_withdrawn, parse
from newsletter.papers.sources.errors import SourceError
from tests.newsletter.papers.sources.conftest import payload

CS_CL = "https://rss.arxiv.org/rss/cs.CL"


def test_the_feed_is_the_same_for_all_days() -> None:
    assert addresses(CS_CL, [date(2026, 5, 4), date(2026, 5, 5)]) == [CS_CL]


def test_an_rss_item_becomes_a_finding() -> None:
    listing = parse(payload("arxiv_rss.xml"), CS_CL)
    finding = listing.findings[0]

    assert listing.listed_on == date(2026, 5, 5)
    assert finding.key == "arxiv:2605.90001"
    assert finding.title.startswith("Let's <think> about O(n log")
    assert finding.abstract == "We parse when a < b & b > c, and say so in two lines."
    assert finding.authors == ("Ada Example", "Bohumil Vzor")
    assert finding.categories == ("cs.CL", "cs.LG")
    assert finding.primary_category == "cs.CL"
    assert (finding.version, finding.announce, finding.rank) == (1, "new", 1)
    assert finding.listed_on == date(2026, 5, 5)
    assert finding.doi == "10.1000/xyz.2026.1"
    assert finding.url == "https://arxiv.org/abs/2605.90001"
    assert finding.published_at is None
    assert not finding.withdrawn


def test_a_replacement_from_next_door_keeps_its_own_primary_category() -> None:
    finding = parse(payload("arxiv_rss.xml"), CS_CL).findings[1]

    assert (finding.announce, finding.version) == ("replace-cross", 3)
    assert finding.categories == ("stat.ML", "cs.CL")
    assert finding.withdrawn


def test_an_item_that_is_no_paper_is_refused_alone() -> None:
    assert parse(payload("arxiv_rss.xml"), CS_CL).refused == ("Item 3: it names no arXiv paper",)


def test_a_new_paper_is_at_home_in_the_category_asked_for() -> None:
    finding = parse(payload("arxiv_rss.xml"), "https://rss.arxiv.org/rss/cs.LG").findings[0]

    assert finding.categories == ("cs.LG", "cs.CL")


def test_atom_says_the_same() -> None:
    listing = parse(payload("arxiv_atom.xml"), "https://rss.arxiv.org/atom/cs.CL")
    [finding] = listing.findings

    assert listing.listed_on == finding.listed_on == date(2026, 5, 5)
    assert (finding.key, finding.version, finding.announce) == ("arxiv:2605.90001", 2, "cross")
    assert (finding.title, finding.abstract) == ("Trees, Once More", "We look at trees again.")
    assert finding.authors == ("Ada Example", "Bohumil Vzor")
    assert finding.categories == ("math.CO", "cs.CL")


def test_the_old_format_is_read_too() -> None:
    listing = parse(payload("arxiv_rdf.xml"), "http://export.arxiv.org/rss/hep-ex")
    [finding] = listing.findings

    assert listing.listed_on == date(2018, 5, 23)
    assert (finding.key, finding.version, finding.announce) == ("arxiv:1805.90001", 2, "replace")
    assert (finding.title, finding.abstract) == ("Old Feeds", "The range is 2.6<x<4.")
    assert finding.authors == ("Ada Example", "Bohumil Vzor")
    assert finding.categories == ("nucl-th",)


def test_a_day_without_papers_is_an_empty_listing() -> None:
    listing = parse(payload("arxiv_empty.xml"), CS_CL)

    assert (listing.findings, listing.listed_on, listing.refused) == ((), date(2026, 5, 3), ())


def test_an_unknown_category_is_a_lasting_error() -> None:
    with pytest.raises(SourceError, match="knows no such category") as caught:
        parse(payload("arxiv_error.xml"), CS_CL)

    assert caught.value.permanent


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<!doctype html><title>Just a moment...</title>", "web page"),
        (b"<html><body>Gone</body></html>", "web page"),
        (b"plain words", "not a feed"),
        (b"/etc/passwd", "not a feed"),
        (b"https://rss.arxiv.org/rss/cs.CL", "not a feed"),
        (b"[]", "not a feed"),
    ],
)
def test_what_is_no_feed_is_a_source_error(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(body, CS_CL)


def test_a_feed_that_breaks_off_says_so() -> None:
    whole = payload("arxiv_rss.xml")

    listing = parse(whole[: whole.index(b"An item of another kind")], CS_CL)

    assert [finding.key for finding in listing.findings] == ["arxiv:2605.90001", "arxiv:2604.90002"]
    assert "not well-formed" in listing.refused[-1]


@pytest.mark.parametrize(
    ("abstract", "comment", "withdrawn"),
    [
        ("This paper has been withdrawn by the authors.", "", True),
        ("arXiv admin note: This submission has been withdrawn due to violation of policies", "", True),
        ("This preprint was withdrawn", "", True),
        ("We study when a paper has been withdrawn", "", False),
        ("", "Withdrawn due to an error", True),
        ("", "paper withdrawn", True),
        ("", "The paper has been withdrawn", True),
        ("", "withdrawn from ICLR 2026", False),
        ("", "12 pages; this paper was withdrawn from the workshop", False),
        ("", "12 pages", False),
    ],
)
def test_a_withdrawal_is_read_from_the_words(abstract: str, comment: str, withdrawn: bool) -> None:
    assert is_withdrawn(abstract, comment) is withdrawn
