from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from newsletter.papers.community import proposals
from newsletter.papers.community.proposals import ProposalResult
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Alias, Proposal
from tests.factories import MORNING, PaperFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
LINK = "https://arxiv.org/abs/2605.00658"


def propose(link: str, reader: str, why: str = "Read it.") -> ProposalResult:
    return proposals.propose(proposals.read_link(link), why, reader)


@pytest.mark.parametrize(
    ("typed", "key", "link"),
    [
        ("2605.00658v2", "arxiv:2605.00658", LINK),
        (" https://arxiv.org/pdf/2605.00658.pdf ", "arxiv:2605.00658", LINK),
        ("https://huggingface.co/papers/2605.00658", "arxiv:2605.00658", LINK),
        ("doi:10.1000/XYZ", "doi:10.1000/xyz", "https://doi.org/10.1000/xyz"),
        ("example.org/a/paper?utm_source=x", "url:https://example.org/a/paper", "https://example.org/a/paper?utm_source=x"),
        ("http://www.example.org/", "url:https://example.org", "http://www.example.org/"),
    ],
)  # fmt: skip
def test_a_link_is_read_in_every_shape_it_comes_in(typed: str, key: str, link: str) -> None:
    assert proposals.read_link(typed) == (key, link, None)


@pytest.mark.parametrize(
    "typed",
    ["", " ", "a paper", "ftp://example.org/x", "javascript:alert(1)", "http://localhost/x", "http://10.0.0.1/x",
     "https://example.org/" + "x" * 500, "https://user:word@example.org/", "https://exa mple.org", "mailto:a@b.org"],
)  # fmt: skip
def test_what_leads_nowhere_is_refused(typed: str) -> None:
    with pytest.raises(proposals.NotAPaperLink):
        proposals.read_link(typed)


def test_a_known_paper_is_known_by_all_its_names() -> None:
    left, merged = PaperFactory(key="arxiv:2605.00658"), PaperFactory(key="doi:10.1000/xyz")
    Alias.objects.create(key="url:https://example.org/paper", paper=left)
    duplicates.merge(merged, left)
    for link in (LINK, "https://doi.org/10.1000/xyz", "https://example.org/paper"):
        assert proposals.read_link(link).paper == left
        assert proposals.read_link(link).key == left.key


def test_proposals_of_one_paper_are_folded_whatever_link_they_bring() -> None:
    assert propose(LINK, "ada") == ProposalResult.PROPOSED
    assert propose("arxiv.org/pdf/2605.00658v3", "bo") == ProposalResult.JOINED
    assert propose("2605.00658", "ada") == ProposalResult.KNOWN
    assert [proposal.reader_key for proposal in Proposal.objects.alike("arxiv:2605.00658")] == ["ada", "bo"]


def test_a_reader_proposes_so_many_a_day(settings: LazySettings, set_clock: SetClock) -> None:
    settings.PROPOSALS_PER_DAY = 2
    outcomes = [propose(f"2605.0000{n}", "ada") for n in range(1, 4)]
    assert outcomes == [ProposalResult.PROPOSED, ProposalResult.PROPOSED, ProposalResult.TOO_MANY]
    assert propose("2605.00001", "ada") == ProposalResult.KNOWN
    assert propose("2605.00003", "bo") == ProposalResult.PROPOSED
    set_clock(MORNING + timedelta(hours=25))
    assert propose("2605.00004", "ada") == ProposalResult.PROPOSED


@pytest.mark.parametrize("status", [Proposal.Status.ACCEPTED, Proposal.Status.DECLINED])
def test_what_editors_decided_is_not_proposed_again(status: Proposal.Status) -> None:
    propose(LINK, "ada")
    Proposal.objects.update(status=status)
    assert propose(LINK, "bo") == propose(LINK, "ada") == ProposalResult(status)
    assert Proposal.objects.count() == 1


def test_a_forgotten_reader_leaves_a_link_without_a_word() -> None:
    propose(LINK, "ada", "I am Ada.")
    proposals.anonymise("ada")
    assert list(Proposal.objects.values_list("reader_key", "why")) == [(None, "")]


class AnyText(TestCase):
    @given(st.one_of(st.text(max_size=600), st.from_regex(r"https?://[a-z.%0-9/?#\\@:\[\]]{1,60}")))
    def test_any_text_is_a_clean_refusal_or_a_clean_row(self, text: str) -> None:
        try:
            wanted = proposals.read_link(text)
        except proposals.NotAPaperLink:
            return
        assert proposals.propose(wanted, "", "ada") in ProposalResult
        row = Proposal.objects.get()
        assert row.link.startswith(("https://", "http://"))
        assert row.link.isprintable()
        row.clean_fields(exclude=["reader_key", "why"])
