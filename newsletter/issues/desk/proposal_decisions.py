"""The step in which editors decide on what readers proposed: taken into the open draft, or left out.

All proposals of one key are decided together. What is not known yet is fetched by a worker; where it cannot be found,
the proposal is back in the queue and says why.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from newsletter import audit, clock
from newsletter.issues import draft
from newsletter.issues.desk import ordering
from newsletter.issues.desk.edit_lock import Edit, done, editing
from newsletter.issues.desk.edit_lock import EditRefused as EditRefused
from newsletter.issues.models import Issue
from newsletter.papers import paper_key, search
from newsletter.papers.community import proposals
from newsletter.papers.community.proposals import BY_A_READER
from newsletter.papers.community.votes import wait_for_turn
from newsletter.papers.ingest import corrections
from newsletter.papers.models import Paper, Proposal

By = AbstractBaseUser | None
Status = Proposal.Status


@transaction.atomic
def accept(proposal: Proposal, by: By, answer: str = "", title: str = "", text: str = "") -> str:
    """Take what was proposed into the open draft and say so; `title` and `text` are of what is no paper.

    What is on arXiv and not known here enters when a worker has fetched it: see enter_accepted. Raise Refused.
    """
    first = decided(proposal, Status.ACCEPTED, by, answer)
    paper = proposals.paper_by_key(first.key)
    if paper is None and not title and paper_key.arxiv_id(first.key) is None:
        raise EditRefused(
            f"{first.link} is no paper that can be looked up: give it a title, and it comes as a free item."
        )
    if paper is None and not title:
        return "It is being fetched from arXiv, and enters the draft in a moment."
    issue = enter_paper(first, paper) if paper else enter_item(first, title, text)
    return f"It is in the draft of {issue.date:%-d %B}, at the end."


@transaction.atomic
def decline(proposal: Proposal, by: By, answer: str = "") -> None:
    """Leave out what was proposed. Raise Refused."""
    decided(proposal, Status.DECLINED, by, answer)


def decided(proposal: Proposal, status: Proposal.Status, by: By, answer: str) -> Proposal:
    """Note a decision on all proposals of a key and return the first. Raise Refused where there is one already."""
    wait_for_turn(proposal.key)
    alike = Proposal.objects.alike(proposal.key)
    first = alike.first()
    facts: dict[str, Any] = {"decided_at": clock.now(), "decided_by": by, "answer": answer, "trouble": ""}
    if first is None or not first.move_to(status, **facts):
        raise EditRefused("Somebody else has decided on it already.")
    alike.filter(status=Status.NEW).update(status=status, **facts)
    after = {"status": status.label, "answer": answer}
    audit.record(by, first, str(status), {"status": Status.NEW.label, "answer": ""}, after)
    return first


def enter_accepted() -> None:
    """Fetch the papers of accepted proposals that are in no draft yet, and take them in. Safe to repeat."""
    waiting = Proposal.objects.filter(status=Status.ACCEPTED, entered_at=None)
    for key in list(waiting.order_by("key").values_list("key", flat=True).distinct()):
        first = Proposal.objects.alike(key)[0]
        try:
            paper = search.paper_for_link(first.link)
            with transaction.atomic():
                wait_for_turn(key)
                if waiting.filter(key=key).exists():
                    enter_paper(first, paper)
        except (search.NotFound, EditRefused) as exc:
            give_back(key, str(exc))


@transaction.atomic
def give_back(key: str, trouble: str) -> None:
    """Put into the queue again what was accepted and cannot be taken in."""
    wait_for_turn(key)
    rows = Proposal.objects.filter(key=key, status=Status.ACCEPTED, entered_at=None)
    rows.update(status=Status.NEW, decided_at=None, decided_by=None, trouble=trouble[:300])


def enter_paper(first: Proposal, paper: Paper) -> Issue:
    """Put a paper at the end of the open draft's front, marked as proposed by a reader. Raise Refused."""
    with entering(first, paper.key) as issue:
        if not issue.entries.front().kept().filter(paper=paper).exists():
            ordering.bring(issue, paper)
        corrections.correct(paper, {"proposed_by": BY_A_READER})
        Proposal.objects.filter(key=first.key).update(paper=paper)
    return issue


def enter_item(first: Proposal, title: str, text: str) -> Issue:
    """Put what is no paper at the end of the open draft's front, as a free item."""
    with entering(first, title) as issue:
        ordering.bring_item(issue, title, first.link, text)
    return issue


@contextmanager
def entering(first: Proposal, name: str) -> Iterator[Issue]:
    """Edit the open draft to take in a proposal; that fixes the place of nothing else."""
    edit = Edit(open_draft(), first.decided_by)
    with editing(edit) as issue:
        yield issue
        Proposal.objects.filter(key=first.key).update(entered_at=clock.now())
        done(edit, "took in a reader’s proposal", after={"proposal": name}, orders=False)


def open_draft() -> Issue:
    """Return the next open issue, locked; it is made where there is none."""
    upcoming = Issue.objects.open().filter(date__gte=clock.today()).order_by("date")
    issue = upcoming.select_for_update().first()
    return issue or Issue.objects.select_for_update().get(pk=draft.draft_next_issue().pk)
