"""Accept readers' proposals into the open draft, or decline them.

All proposals with one key are decided together. A worker fetches papers that are not known yet; if one cannot be
found, its proposal returns to the queue with the reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from newsletter import audit, clock
from newsletter.issues import draft
from newsletter.issues.desk import ordering
from newsletter.issues.desk.edit_lock import Edit, lock_for_edit, record_edit
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
    """Add a proposal to the open draft; return a message. `title` and `text` make it a free item. Raise EditRefused.

    An unknown arXiv paper is added once a worker has fetched it (see enter_accepted).
    """
    first = record_decision(proposal, Status.ACCEPTED, by, answer)
    paper = proposals.paper_by_key(first.key)
    if paper is None and not title and paper_key.arxiv_id(first.key) is None:
        raise EditRefused(
            f"{first.link} is not a paper that we can look up. Give it a title to add it as a free item."
        )
    if paper is None and not title:
        return "It is being fetched from arXiv and will be in the draft in a moment."
    issue = enter_paper(first, paper) if paper else enter_item(first, title, text)
    return f"It is in the draft of {issue.date:%-d %B}, at the end."


@transaction.atomic
def decline(proposal: Proposal, by: By, answer: str = "") -> None:
    """Decline a proposal. Raise EditRefused if it is already decided."""
    record_decision(proposal, Status.DECLINED, by, answer)


def record_decision(proposal: Proposal, status: Proposal.Status, by: By, answer: str) -> Proposal:
    """Record a decision on all proposals with a key; return the first. Raise EditRefused if already decided."""
    wait_for_turn(proposal.key)
    alike = Proposal.objects.alike(proposal.key)
    first = alike.first()
    facts: dict[str, Any] = {"decided_at": clock.now(), "decided_by": by, "answer": answer, "trouble": ""}
    if first is None or not first.move_to(status, **facts):
        raise EditRefused("Somebody else has already decided on it.")
    alike.filter(status=Status.NEW).update(status=status, **facts)
    after = {"status": status.label, "answer": answer}
    audit.record(by, first, str(status), {"status": Status.NEW.label, "answer": ""}, after)
    return first


def enter_accepted() -> None:
    """Fetch the papers of accepted proposals and add them to the open draft. Safe to repeat."""
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
            return_to_queue(key, str(exc))


@transaction.atomic
def return_to_queue(key: str, trouble: str) -> None:
    """Return an accepted proposal that cannot be added to the queue, with the reason."""
    wait_for_turn(key)
    rows = Proposal.objects.filter(key=key, status=Status.ACCEPTED, entered_at=None)
    rows.update(status=Status.NEW, decided_at=None, decided_by=None, trouble=trouble[:300])


def enter_paper(first: Proposal, paper: Paper) -> Issue:
    """Add a paper at the end of the open draft's front, marked as proposed by a reader. Raise EditRefused."""
    with edit_open_draft(first, paper.key) as issue:
        if not issue.entries.front().kept().filter(paper=paper).exists():
            ordering.add_paper(issue, paper)
        corrections.correct(paper, {"proposed_by": BY_A_READER})
        Proposal.objects.filter(key=first.key).update(paper=paper)
    return issue


def enter_item(first: Proposal, title: str, text: str) -> Issue:
    """Add a free item at the end of the open draft's front."""
    with edit_open_draft(first, title) as issue:
        ordering.insert_item(issue, title, first.link, text)
    return issue


@contextmanager
def edit_open_draft(first: Proposal, name: str) -> Iterator[Issue]:
    """Lock the open draft for adding a proposal; the order of the other entries stays automatic."""
    edit = Edit(open_draft(), first.decided_by)
    with lock_for_edit(edit) as issue:
        yield issue
        Proposal.objects.filter(key=first.key).update(entered_at=clock.now())
        record_edit(edit, "added a reader’s proposal", after={"proposal": name}, orders=False)


def open_draft() -> Issue:
    """Return the next open issue, locked; create it if there is none."""
    upcoming = Issue.objects.open().filter(date__gte=clock.today()).order_by("date")
    issue = upcoming.select_for_update().first()
    return issue or Issue.objects.select_for_update().get(pk=draft.draft_next_issue().pk)
