import re
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
    assert parse(payload("arxiv_rss.xml"), CS_CL).refused == (
        "https://blog.example/maintenance: it names no arXiv paper",
    )


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
    assert "not well-formed" in listing.warning


@pytest.mark.parametrize(
    "abstract",
    [
        "This paper has been withdrawn by the authors.",
        "arXiv admin note: This submission has been withdrawn due to violation of policies",
        "This preprint was withdrawn",
        "The authors have withdrawn this paper",
        "The authors have withdrawn this paper due to an error in Theorem 2.",
        "Withdrawn by the authors",
        "We withdraw this paper",
        "We withdraw this paper because the proof of Lemma 3 is wrong.",
        "Paper withdrawn due to a crucial error",
        "[Withdrawn]",
        "Withdrawn",
        "WITHDRAWN.",
        "(withdrawn)",
        "This article has been removed by arXiv administrators",
        "This version has been removed by arXiv administrators as the submitter did not have the right to",
        "arXiv admin note: removed by arXiv administrators",
        "This submission has been removed because 'G. Felici' is an apparent pseudonym.",
        "Due to fundamental errors in the methodology, I have to withdraw this paper",
        "The paper has been withdrawn because it will undergo a major revision",
        "This manuscript has been retracted from publication",
        "Withdrew the paper, resubmit a rewritten version",
        "The authors withdrew this submission",
        "Withdrawn; superseded by arXiv:2605.00001",
        "We request withdrawal due to critical inconsistencies in the results",
        "We want to withdraw this paper due to data usage permission issues",
        "The author has decided to withdraw the paper",
        "This paper is withdrawn.",
        "This work has been temporarily withdrawn",
        "Due to an error in equation (3), this paper has been withdrawn",
        "Redacted by arXiv admins",
        "This paper is being withdrawn by the authors",
        "I am withdrawing this paper",
        "We hereby withdraw our submission.",
        "The authors wish to withdraw this article",
        "Submission withdrawn by the author",
        "This paper has been withdrawn from arXiv",
        "Withdrawal notice: the experiments cannot be reproduced.",
        "This version withdrawn by arXiv administrators because the author's name is forged",
        "The author has withdrawn the paper",
        "Article withdrawn",
        "This paper has been retracted by its authors",
        "Manuscript withdrawn for revision",
        "This paper withdrawn by the author due to an error",
        "Paper has been withdrawn by the authors",
        "arXiv admin comment: This version has been removed by arXiv administrators as the submitter had no right",
        "We propose a net. This paper has been withdrawn by the author due to a crucial sign error.",
        "The results were wrong. We withdraw this paper.",
        "This paper has been withdrawn",
        "The manuscript is withdrawn to be revised",
        "Unfortunately, this paper has been withdrawn",
        "This paper was withdrawn by arXiv admins due to plagiarism",
        "this paper has been withdrawn by the author(s), due a crucial error in Lemma 3",
    ],
)
def test_an_abstract_announces_a_withdrawal(abstract: str) -> None:
    assert is_withdrawn(abstract)


@pytest.mark.parametrize(
    "abstract",
    [
        "We study when a paper has been withdrawn",
        "We study withdrawn papers",
        "Opioid withdrawal is common. We predict withdrawal symptoms.",
        "Withdrawal of consent is a right. Models must forget.",
        "Withdrawn papers are cited still. We count how often.",
        "We analyse papers withdrawn by the authors and papers removed by arXiv administrators.",
        "Patients were withdrawn due to adverse events",
        "We ask why authors withdraw their papers from arXiv",
        "The drug was withdrawn from the market",
        "WithdrarXiv is a dataset of over 14,000 withdrawn papers",
        "This paper studies papers that have been withdrawn by their authors",
        "This paper asks what happens after a paper has been withdrawn",
        "This work has been withdrawn from ICLR 2026",
        "Authors may withdraw a submission at any time; we model when they do",
        "The study drug was withdrawn by the sponsor",
        "The article removed from the database is a sample",
        "When the authors have withdrawn a paper, citations go on",
        "Retracted papers go on to be cited",
        "We retract the gripper",
        "Water withdrawals of data centres grow",
        "The authors of withdrawn papers are asked",
        "Withdrawal from social media",
        "A token is withdrawn by the controller. We withdraw the request.",
        'How often do notices such as "This paper has been withdrawn" appear?',
        "We show that the withdrawn paper is still cited",
        "The work of withdrawn nodes is given to others",
        "We request withdrawals at random",
        "We study opioid withdrawal. The study was approved.",
    ],
)
def test_an_abstract_about_withdrawals_announces_none(abstract: str) -> None:
    assert not is_withdrawn(abstract)


@pytest.mark.parametrize(
    "comment",
    [
        "Withdrawn due to an error",
        "paper withdrawn",
        "The paper has been withdrawn",
        "Withdrawn by the authors",
        "12 pages, 3 figures, withdrawn by the authors due to an error in the proof",
        "This paper has been withdrawn by the author. After further review, the author believes",
        "arXiv admin note: This submission has been withdrawn due to violation of arXiv policies",
        "This preprint has been withdrawn by the primary author after identifying issues",
        "We request withdrawal due to critical inconsistencies in the Result Analysis,",
        "7 pages. This version has been removed by arXiv administrators",
        "[Withdrawn]",
        "(withdrawn)",
        "WITHDRAWN: see arXiv:2605.00001",
        "Withdrawn; superseded by arXiv:2605.00001",
        "12 pages; paper withdrawn because of an error",
        "The authors have withdrawn this paper",
        "We withdraw this paper",
        "Paper withdrawn due to an error",
        "This paper has been removed by arXiv administrators because it plagiarizes hep-th/0308070",
        "arXiv admin comment: This version has been removed by arXiv administrators",
        "8 pages, this paper has been withdrawn by the author",
        "Due to fundamental errors in the methodology, I have to withdraw this paper",
        "Withdrew the paper, resubmit a rewritten version",
        "12 pages. Please note that this paper has been withdrawn",
    ],
)
def test_a_comment_announces_a_withdrawal(comment: str) -> None:
    assert is_withdrawn("We study trees.", comment)


@pytest.mark.parametrize(
    "comment",
    [
        "withdrawn from ICLR 2026",
        "12 pages; this paper was withdrawn from the workshop",
        "12 pages",
        "arXiv admin note: text overlap with arXiv:2401.15166",
        "Submitted to ICLR 2026, withdrawn from review",
        "An earlier version of this paper was withdrawn from ACL",
        "Supersedes arXiv:2401.00001, which has been withdrawn",
        "A previous version was withdrawn",
        "We withdrew this paper from NeurIPS",
        "Accepted to the workshop on opioid withdrawal",
        "24 pages, about withdrawn papers",
        "Accepted at WACV 2026 but withdrawn by the authors",
        "withdrawn by the authors from ICLR 2026",
        "Withdrawn ICLR 2026 submission",
        "Accepted at AAAI, presentation withdrawn",
    ],
)
def test_a_comment_on_anything_else_announces_no_withdrawal(comment: str) -> None:
    assert not is_withdrawn("We study trees.", comment)


@pytest.mark.parametrize(
    "title",
    [
        "[Withdrawn]",
        "[Withdrawn] On Trees",
        "On Trees [withdrawn]",
        "On Trees (Withdrawn)",
        "WITHDRAWN: On Trees",
        "Withdrawn: On Trees",
        "Withdrawn",
        "This paper has been withdrawn",
        "Paper withdrawn",
        "RETRACTED: On Trees",
        "[Retracted] On Trees",
        "On Trees (withdrawn by the authors)",
        "Withdrawn by the authors",
        "This paper has been withdrawn by the author due to an error",
        "On Trees - WITHDRAWN",
    ],
)
def test_a_title_announces_a_withdrawal(title: str) -> None:
    assert is_withdrawn("We study trees.", title=title)


@pytest.mark.parametrize(
    "title",
    [
        "On Withdrawn Papers",
        "Withdrawal of Consent",
        "Opioid Withdrawal (and What to Do)",
        "Retracted Papers Are Cited Still",
        "Withdrawn by Design",
        "Withdrawn from the Market: Drugs",
        "WithdrarXiv: A Dataset of Withdrawn Papers",
        "Why Was This Paper Withdrawn?",
        "Social Withdrawal [Survey]",
        "Retracted: How Science Corrects Itself",
    ],
)
def test_a_title_about_withdrawals_announces_none(title: str) -> None:
    assert not is_withdrawn("We study trees.", title=title)


def test_a_title_in_the_feed_withdraws_the_paper() -> None:
    body = payload("arxiv_rss.xml").replace(b"<title>Let", b"<title>[Withdrawn] Let")

    assert parse(body, CS_CL).findings[0].withdrawn


@pytest.mark.parametrize(
    ("served", "title"),
    [("R&D six at AT&T", "R&D six at AT&T"), ("Learning &lt;a&gt; from &lt;b&gt; tags", "Learning <a> from <b> tags")],
)
def test_a_title_keeps_its_ampersands_and_the_tags_it_is_about(served: str, title: str) -> None:
    body = re.sub(rb"<title>Let.*?</title>", f"<title>{served}</title>".encode(), payload("arxiv_rss.xml"))
    listing = parse(body, CS_CL)

    assert listing.findings[0].title == title
    assert listing.refused == ("https://blog.example/maintenance: it names no arXiv paper",)
