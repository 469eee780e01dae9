"""The step by which readers propose papers. Nothing is fetched here: what is not known waits for an editor."""

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
LONGEST = 500  # characters of a link, and of a key
BY_A_READER = "a reader"  # as a paper's `proposed_by`

Status = Proposal.Status


class NoLink(Exception):
    """What was typed leads nowhere."""


class Wanted(NamedTuple):
    """What a link leads to."""

    key: str
    link: str
    paper: Paper | None  # None where it is not known here


class ProposalResult(StrEnum):
    PROPOSED = "proposed"
    JOINED = "joined"  # others had proposed it before
    KNOWN = "known"  # the same reader had
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TOO_MANY = "too_many"  # within a day


def read(text: str) -> Wanted:
    """Return what a typed link leads to; of merged papers the one that is left. Raise NoLink."""
    text = text.strip()
    key = paper_key.key_of(text) or page_key(text)
    link = (paper_key.abs_url(key) if key and not key.startswith("url:") else page_of(text)) if key else ""
    if not key or not link or len(key) > LONGEST or len(link) > LONGEST:
        raise NoLink(
            "That is no link to a paper. Copy its address, such as https://arxiv.org/abs/2605.00658, or a DOI."
        )
    paper = known_by(key)
    return Wanted(paper.key, paper.url, paper) if paper else Wanted(key, link, None)


def page_key(text: str) -> str | None:
    address = page_of(text)
    return paper_key.url_key(address) if address else None


def page_of(text: str) -> str:
    """Return a web address, also of one that was typed without its scheme; "" for what is none."""
    return safe_url(text if "://" in text[:10] else f"https://{text}")


def known_by(key: str) -> Paper | None:
    paper = Paper.objects.filter(key=key).first()
    if paper is None and (alias := Alias.objects.filter(key=key).select_related("paper").first()):
        paper = alias.paper
    return paper.line()[-1] if paper else None


@transaction.atomic
def propose(wanted: Wanted, why: str, reader_key: str) -> ProposalResult:
    """Put a reader's proposal into the queue; safe to repeat. What editors have decided stays decided."""
    wait_for_turn(reader_key)
    if outcome := answer_of(wanted.key, reader_key):
        return outcome
    now = clock.now()
    if Proposal.objects.filter(reader_key=reader_key, at__gt=now - DAY).count() >= settings.PROPOSALS_PER_DAY:
        return ProposalResult.TOO_MANY
    wait_for_turn(wanted.key)  # who decides on it now is waited for
    first = Proposal.objects.alike(wanted.key).first()
    status = first.status if first else Status.NEW
    if status != Status.NEW:
        return ProposalResult(status)
    Proposal.objects.create(
        paper=wanted.paper, link=wanted.link, key=wanted.key, why=why, reader_key=reader_key, at=now
    )
    return ProposalResult.JOINED if first else ProposalResult.PROPOSED


def answer_of(key: str, reader_key: str) -> ProposalResult | None:
    """Return what can be said without another proposal; None where one may be made."""
    alike = Proposal.objects.alike(key)
    first = alike.first()
    if first is None:
        return None
    if first.status != Status.NEW:
        return ProposalResult(first.status)
    return ProposalResult.KNOWN if alike.filter(reader_key=reader_key).exists() else None


def decision_on(key: str) -> Proposal | None:
    """Return the proposal that holds what editors decided on a paper, None where they did not."""
    return Proposal.objects.alike(key).exclude(status=Status.NEW).first()


def proposer_of(link: str) -> str:
    """Return who proposed what is no paper, "" where no proposal of that link was accepted."""
    accepted = Proposal.objects.filter(key=page_key(link) or "", status=Status.ACCEPTED)
    return BY_A_READER if accepted.exists() else ""


def forget(reader_key: str) -> None:
    """Leave a reader's proposals as links of nobody, without a word."""
    Proposal.objects.filter(reader_key=reader_key).update(reader_key=None, why="")


def of_reader(reader_key: str) -> QuerySet[Proposal]:
    return Proposal.objects.filter(reader_key=reader_key).order_by("at")
