"""Every list of the admin: how many queries it takes, whatever is registered."""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from digests.models import Batch, ReturnedMail, SwitchChange
from newsletter import audit
from newsletter.admin_site.large_lists import ListAdmin
from newsletter.issues.models import Cutoff, Issue
from newsletter.papers.community import objections, proposals
from newsletter.papers.forecast.model import load_shipped
from newsletter.papers.models import PaperTopic, TrainedForecast
from subscribers.addresses.canonical import hash_address
from subscribers.models import Farewell, ImportRun, LiftedSuppression, Suppression
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SightingFactory,
    SourceFactory,
    SubscriberFactory,
    TopicFactory,
)
from tests.factories.returns import digest_of, heard, sent_delivery
from tests.queries import page_query_count

pytestmark = pytest.mark.django_db
FEW, MANY = 5, 45  # of one page
numbers = count(1)


class Kind(NamedTuple):
    """How one row of a list is made, with all its columns show of other tables; `most` where there cannot be MANY."""

    make: Callable[[int], object]
    most: int = MANY


def paper(number: int) -> None:
    made = PaperFactory(topics=[TopicFactory()])
    SightingFactory(paper=made)
    EntryFactory(paper=made, issue=issue(number))


def issue(number: int) -> Issue:
    day = MONDAY.replace(year=2027 + number % 500)
    return IssueFactory(date=day, curated_by=User.objects.create(username=f"curator {number}"))


def topic(number: int) -> None:
    made = TopicFactory()
    PaperFactory(topics=[made])
    SubscriberFactory(topics=[made])
    TopicFactory().retire(into=made)


def proposal(number: int) -> None:
    link = proposals.read_link(PaperFactory().url)
    for reader in (f"ada {number}", f"bo {number}"):
        proposals.propose(link, f"{reader} likes it.", reader)


def objection(number: int) -> None:
    paper, topic = PaperFactory(), TopicFactory()
    PaperTopic.objects.create(paper=paper, topic=topic, evidence=["phrase: diagnosis"])
    for reader in (number, -number):
        objections.object_to(paper, topic, reader_id=reader)


def act(number: int) -> None:
    by = User.objects.create(username=f"ada {number}")
    audit.record(by, PaperFactory() if number % 2 else SourceFactory(), "paused")


def delivery(number: int) -> None:
    heard("delivered", sent_delivery(digest=digest_of(issue(number)), settled_by="ada", settled_at=MORNING))


def of_address(number: int) -> dict[str, str]:
    return {"address_hash": hash_address(f"gone{number}@example.org"), "reason": "bounce"}


KINDS = {
    "papers.paper": Kind(paper),
    "papers.topic": Kind(topic),
    "papers.source": Kind(lambda _: SourceFactory()),
    "papers.trainedforecast": Kind(
        lambda _: TrainedForecast.objects.create(arrays=b"", facts=load_shipped().described())
    ),
    "papers.proposal": Kind(proposal),
    "papers.objection": Kind(objection),
    "issues.issue": Kind(issue),
    "issues.cutoff": Kind(lambda number: Cutoff.objects.create(weekday=number % 7), most=7),
    "subscribers.subscriber": Kind(lambda _: SubscriberFactory()),
    "subscribers.suppression": Kind(lambda number: Suppression.objects.create(**of_address(number))),
    "subscribers.liftedsuppression": Kind(
        lambda number: LiftedSuppression.objects.create(**of_address(number), suppressed_at=MORNING, by="ada")
    ),
    "subscribers.farewell": Kind(lambda _: Farewell.objects.create(subscriber=SubscriberFactory())),
    "subscribers.importrun": Kind(lambda _: ImportRun.objects.create(name="a.csv", consent_on=MONDAY)),
    "digests.delivery": Kind(delivery),
    "digests.batch": Kind(lambda _: Batch.objects.create()),
    "digests.providerevent": Kind(lambda _: heard("bounced", sent_delivery())),
    "digests.returnedmail": Kind(
        lambda number: ReturnedMail.objects.create(key=f"key {number}", why="odd", size=1000)
    ),
    "digests.sendingswitch": Kind(lambda _: SwitchChange.objects.create(act="paused", by="ada")),
    "auth.user": Kind(lambda number: User.objects.create(username=f"editor {number}")),
    "auth.group": Kind(lambda number: Group.objects.create(name=f"role {number}")),
    "auditlog.logentry": Kind(act),
}


def registered() -> list[str]:
    return sorted(model._meta.label_lower for model in admin.site._registry)


def test_every_list_is_measured_here() -> None:
    assert registered() == sorted(KINDS), "Say above how a row of each list is made."


def test_every_list_is_one_of_ours_that_stays_quick() -> None:
    assert [model for model, page in admin.site._registry.items() if not isinstance(page, ListAdmin)] == []


@pytest.mark.parametrize("label", sorted(KINDS))
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(admin_client: Client, label: str) -> None:
    path = reverse(f"admin:{label.replace('.', '_')}_changelist")
    kind = KINDS[label]
    fill(kind, FEW)
    few = page_query_count(admin_client, path)
    fill(kind, min(MANY, kind.most) - FEW)
    assert page_query_count(admin_client, path) == few


def fill(kind: Kind, rows: int) -> None:
    for _ in range(rows):
        kind.make(next(numbers))
