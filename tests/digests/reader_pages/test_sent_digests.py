from datetime import timedelta

import pytest
from django.test import Client

from digests.models import Delivery, Digest
from digests.reader_pages.sent_digests import SKIPPED, WENT_WRONG, load_history
from digests.selection import recent_issues
from newsletter.issues.models import Issue
from subscribers import letters
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SENT, SKIP = Delivery.Status.SENT, Delivery.Status.SKIPPED


@pytest.fixture
def reader() -> Subscriber:
    return SubscriberFactory(topics=[TopicFactory(slug="narrow")], timezone="Asia/Tokyo")


def had(reader: Subscriber, ago: int, status: str | None = SKIP, reason: str = "", **more: object) -> Delivery:
    slot = MORNING - timedelta(days=ago)
    row = {"subscriber": reader, "slot": slot, "preferences": reader.preferences, "expires_at": slot}
    return Delivery.objects.create(status=status, reason=reason, **row, **more)


def sent_digest(number: int) -> Digest:
    issue, _ = Issue.objects.get_or_create(date=MONDAY, defaults={"cutoff_at": MORNING})
    return Digest.objects.create(content_key=f"{number:032}", issue=issue, card_ids=[], subject=f"Paper {number}")


def test_the_last_ten_digests_are_shown_with_the_days_between(client: Client, reader: Subscriber) -> None:
    for number in range(1, 13):
        had(reader, 2 * number, SENT, digest=sent_digest(number))
        had(reader, 2 * number - 1, reason="no_issue")
    days = load_history(reader).days
    assert len([day for day in days if day.token]) == 10
    assert len(days) == 20

    follow(client, letters.preferences_path(reader))
    page = client.get("/digest/last/").content.decode()
    assert "<h1>Your last digests</h1>" in page
    assert f'<a href="/digest/{days[1].token}/">Paper 1</a>' in page
    assert "No issue came out" in page
    part = client.get("/digest/last/", headers={"HX-Request": "true"}).content.decode()
    assert "<h1>" not in part
    assert part.strip() in page


def test_a_day_is_the_readers_own(reader: Subscriber) -> None:
    Delivery.objects.filter(pk=had(reader, 0, reason="paused").pk).update(slot=MORNING.replace(hour=22))
    assert f"{load_history(reader).days[0].at:%d %H:%M}" == "05 07:00"


def test_every_reason_and_every_end_has_words(reader: Subscriber) -> None:
    assert SKIPPED.keys() == set(Delivery.Reason)
    assert WENT_WRONG.keys() | {SENT, SKIP} == set(Delivery.Status)
    had(reader, 1, None, digest=sent_digest(1))
    had(reader, 2, SENT, digest=sent_digest(2), bounced_at=MORNING)
    had(reader, 3, Delivery.Status.UNCERTAIN, digest=sent_digest(3))
    assert [day.words for day in load_history(reader).days] == [
        "It is on its way",
        "It came back: your mail server refused it",
        "We do not know yet whether it left",
    ]


def test_the_digests_of_others_are_not_shown(reader: Subscriber) -> None:
    had(SubscriberFactory(), 1, reason="paused")
    assert load_history(reader).days == []


@pytest.mark.parametrize(("empty", "is_told"), [(4, False), (5, True)])
def test_after_five_empty_days_in_a_row_one_note_offers_broader_topics(
    client: Client, reader: Subscriber, empty: int, is_told: bool
) -> None:
    recent_issues.indexes_in_memory.clear()
    broad = TopicFactory(slug="broad", name="Broad matters")
    published_issue(MONDAY, PaperFactory(topics=[broad]), PaperFactory(topics=[broad]))
    had(reader, 20, SENT, digest=sent_digest(1))
    for number in range(empty):
        had(reader, 2 * number + 1, reason=["nothing_matched", "all_had"][number % 2])
        had(reader, 2 * number + 2, reason="no_issue")
    follow(client, letters.preferences_path(reader))
    page = client.get("/digest/last/").content.decode()
    assert ("there were 2 papers on Broad matters" in page) is is_told


def test_a_digest_between_ends_the_row_of_empty_days(reader: Subscriber) -> None:
    TopicFactory(slug="broad")
    for ago in (1, 2, 4, 5, 6):
        had(reader, ago, reason="nothing_matched")
    had(reader, 3, SENT, digest=sent_digest(1))
    assert load_history(reader).broader == []


def test_without_a_link_nothing_is_shown(client: Client) -> None:
    assert "You need your settings link" in client.get("/digest/last/").content.decode()
