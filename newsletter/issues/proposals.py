"""The step in which editors decide on what readers proposed: taken into the open draft, or left out.

All proposals of one key are decided together. What is not known yet is fetched by a worker; where it cannot be found,
the proposal is back in the queue and says why.
"""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Max

from newsletter import audit, clock
from newsletter.issues import drafting
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers import corrections, finding, identity, proposing
from newsletter.papers.models import Paper, Proposal
from newsletter.papers.proposing import BY_A_READER
from newsletter.papers.voting import wait_for_turn

By = AbstractBaseUser | None
Status = Proposal.Status


class Refused(Exception):
    """It cannot be decided so; in words for the editor. Nothing was changed."""


@transaction.atomic
def accept(proposal: Proposal, by: By, answer: str = "", title: str = "", text: str = "") -> str:
    """Take what was proposed into the open draft and say so; `title` and `text` are of what is no paper.

    What is on arXiv and not known here enters when a worker has fetched it: see enter_accepted. Raise Refused.
    """
    first = decided(proposal, Status.ACCEPTED, by, answer)
    paper = proposing.known_by(first.key)
    if paper is None and not title and identity.arxiv_id(first.key) is None:
        raise Refused(f"{first.link} is no paper that can be looked up: give it a title, and it comes as a free item.")
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
        raise Refused("Somebody else has decided on it already.")
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
            paper = finding.paper_of(first.link)
            with transaction.atomic():
                wait_for_turn(key)
                if waiting.filter(key=key).exists():
                    enter_paper(first, paper)
        except (finding.NotFound, Refused) as exc:
            give_back(key, str(exc))


@transaction.atomic
def give_back(key: str, trouble: str) -> None:
    """Put into the queue again what was accepted and cannot be taken in."""
    wait_for_turn(key)
    rows = Proposal.objects.filter(key=key, status=Status.ACCEPTED, entered_at=None)
    rows.update(status=Status.NEW, decided_at=None, decided_by=None, trouble=trouble[:300])


def enter_paper(first: Proposal, paper: Paper) -> Issue:
    """Put a paper at the end of the open draft's front, marked as proposed by a reader. Raise Refused."""
    if paper.withdrawn_at:
        raise Refused(f"“{paper}” was withdrawn by its authors, and comes to no issue.")
    issue = open_draft()
    led = IssueEntry.objects.front().kept().filter(paper=paper).select_related("issue").first()
    if led and led.issue_id != issue.pk:
        raise Refused(f"“{paper}” is on the front of {led.issue.date:%-d %B %Y}, and no paper leads twice.")
    if led is None:
        shelf, place = IssueEntry.Shelf.FRONT, end_of(issue)
        values = {"shelf": shelf, "position": place, "dropped_at": None, "is_placed": True}
        IssueEntry.objects.update_or_create(issue=issue, paper=paper, defaults=values)
    corrections.correct(paper, {"proposed_by": BY_A_READER})
    Proposal.objects.filter(key=first.key).update(paper=paper)
    return entered(first, issue, paper.key)


def enter_item(first: Proposal, title: str, text: str) -> Issue:
    """Put what is no paper at the end of the open draft's front, as a free item."""
    issue = open_draft()
    words = {"free_title": title, "free_url": first.link, "free_text": text}
    issue.entries.create(paper=None, shelf=IssueEntry.Shelf.FRONT, position=end_of(issue), **words)
    return entered(first, issue, title)


def entered(first: Proposal, issue: Issue, name: str) -> Issue:
    """Note that a proposal was taken in."""
    Issue.objects.filter(pk=issue.pk).update(revision=F("revision") + 1)
    Proposal.objects.filter(key=first.key).update(entered_at=clock.now())
    audit.record(first.decided_by, issue, "took in a reader’s proposal", after={"proposal": name})
    return issue


def open_draft() -> Issue:
    """Return the next open issue, locked; it is made where there is none."""
    upcoming = Issue.objects.open().filter(date__gte=clock.today()).order_by("date")
    issue = upcoming.select_for_update().first()
    return issue or Issue.objects.select_for_update().get(pk=drafting.draft_next_issue().pk)


def end_of(issue: Issue) -> int:
    return (issue.entries.front().aggregate(last=Max("position"))["last"] or 0) + 1
