"""Readers propose papers. Nothing is fetched here: an unknown paper is looked up when an editor accepts it."""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from newsletter import clock
from newsletter.papers import paper_key
from newsletter.papers.code_links import safe_url
from newsletter.papers.community.votes import wait_for_turn
from newsletter.papers.models import Alias, Paper, Proposal

DAY = timedelta(hours=24)
MAX_LENGTH = 500  # characters of a link or a key
BY_A_READER = "a reader"  # as a paper's `proposed_by`

Status = Proposal.Status


class NotAPaperLink(Exception):
    """The text is not a link to a paper or page."""


class ProposedLink(NamedTuple):
    """The paper or page that a proposed link leads to."""

    key: str
    link: str
    paper: Paper | None  # None where it is not stored yet


class ProposalResult(StrEnum):
    PROPOSED = "proposed"
    JOINED = "joined"  # others had proposed it before
    KNOWN = "known"  # the same reader had
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TOO_MANY = "too_many"  # within a day


def read_link(text: str) -> ProposedLink:
    """Parse the link a reader typed; a merged paper gives the surviving one. Raise NotAPaperLink."""
    text = text.strip()
    key = paper_key.key_of(text) or page_key(text)
    link = (paper_key.abs_url(key) if key and not key.startswith("url:") else page_of(text)) if key else ""
    if not key or not link or len(key) > MAX_LENGTH or len(link) > MAX_LENGTH:
        raise NotAPaperLink(
            "This is not a link to a paper. Copy its address, such as https://arxiv.org/abs/2605.00658, or a DOI."
        )
    paper = paper_by_key(key)
    return ProposedLink(paper.key, paper.url, paper) if paper else ProposedLink(key, link, None)


def page_key(text: str) -> str | None:
    address = page_of(text)
    return paper_key.url_key(address) if address else None


def page_of(text: str) -> str:
    """Return the web address in `text`, which may lack its scheme; "" where it is none."""
    return safe_url(text if "://" in text[:10] else f"https://{text}")


def paper_by_key(key: str) -> Paper | None:
    paper = Paper.objects.filter(key=key).first()
    if paper is None and (alias := Alias.objects.filter(key=key).select_related("paper").first()):
        paper = alias.paper
    return paper.line()[-1] if paper else None


@transaction.atomic
def propose(wanted: ProposedLink, why: str, reader_key: str) -> ProposalResult:
    """Add a reader's proposal to the queue, unless editors have decided on the paper already. Safe to repeat."""
    wait_for_turn(reader_key)
    if outcome := earlier_result(wanted.key, reader_key):
        return outcome
    now = clock.now()
    if Proposal.objects.filter(reader_key=reader_key, at__gt=now - DAY).count() >= settings.PROPOSALS_PER_DAY:
        return ProposalResult.TOO_MANY
    wait_for_turn(wanted.key)  # an editor may be deciding on it now
    first = Proposal.objects.alike(wanted.key).first()
    status = first.status if first else Status.NEW
    if status != Status.NEW:
        return ProposalResult(status)
    Proposal.objects.create(
        paper=wanted.paper, link=wanted.link, key=wanted.key, why=why, reader_key=reader_key, at=now
    )
    return ProposalResult.JOINED if first else ProposalResult.PROPOSED


def earlier_result(key: str, reader_key: str) -> ProposalResult | None:
    """Return the result where this proposal adds nothing; None where it may be added."""
    alike = Proposal.objects.alike(key)
    first = alike.first()
    if first is None:
        return None
    if first.status != Status.NEW:
        return ProposalResult(first.status)
    return ProposalResult.KNOWN if alike.filter(reader_key=reader_key).exists() else None


def decision_on(key: str) -> Proposal | None:
    """Return the proposal with the editors' decision on a paper, None where they have not decided."""
    return Proposal.objects.alike(key).exclude(status=Status.NEW).first()


def proposer_of(link: str) -> str:
    """Return who proposed a page that is not a paper; "" where no proposal of `link` was accepted."""
    accepted = Proposal.objects.filter(key=page_key(link) or "", status=Status.ACCEPTED)
    return BY_A_READER if accepted.exists() else ""


def anonymise(reader_key: str) -> None:
    """Keep a reader's proposals without the reader's key and words."""
    Proposal.objects.filter(reader_key=reader_key).update(reader_key=None, why="")


def proposals_of(reader_key: str) -> QuerySet[Proposal]:
    return Proposal.objects.filter(reader_key=reader_key).order_by("at")
