"""Uncertain deliveries on the desk: what is known of them, and what a person says became of them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client

from digests.models import Batch, Delivery
from digests.provider_events import application
from digests.sending import uncertain as settling
from newsletter.issues.models import Issue
from subscribers.models import Subscriber
from tests.digests.admin.test_deliveries import editor, words
from tests.factories import MORNING, SubscriberFactory
from tests.factories.returns import digest_of, heard, sent_delivery
from tests.queries import page_query_count, query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DELIVERIES = "/admin/digests/delivery/"
UNCERTAIN = f"{DELIVERIES}?status__exact=uncertain"
Status = Delivery.Status
BEFORE = MORNING - timedelta(days=1)


def uncertain(email: str = "ada@example.org", **fields: Any) -> Delivery:
    """Return a delivery of unknown end, which moved its reader's span from the day before to this morning."""
    reader = SubscriberFactory(email=email, covered_through=MORNING)
    span = {"covered_from": BEFORE, "covered_to": MORNING}
    note, digest = "The provider gave no clear answer (503).", digest_of(Issue.objects.first())
    return sent_delivery(reader, status=Status.UNCERTAIN, note=note, digest=digest, **span, **fields)


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("subscriber").get(pk=delivery.pk)


def say(client: Client, action: str, *deliveries: Delivery, path: str = UNCERTAIN, **more: str) -> Any:
    return client.post(path, {"action": action, "_selected_action": [row.pk for row in deliveries]} | more)


def fields_of(page: str) -> dict[str, Any]:
    """Return what the page that asks would send with its button."""
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', page):
        fields.setdefault(name, []).append(value)
    return fields


def test_what_is_known_of_an_uncertain_delivery_stands_in_the_list(admin_client: Client) -> None:
    delivery = uncertain(batch=Batch.objects.create(lane="array", status=Batch.Status.DONE, position=1))
    heard("other", delivery)
    sent_delivery(SubscriberFactory(email="bo@example.org"))
    page = words(admin_client.get(UNCERTAIN).content)
    for known in ("ada@example.org", "4 May 2026", "array lane", "no clear answer (503)", "something else"):
        assert known in page
    assert "bo@example.org" not in page


def test_the_list_of_uncertain_deliveries_runs_no_query_a_row(admin_client: Client) -> None:
    for number in range(2):
        uncertain(f"few{number}@example.org")
    few = page_query_count(admin_client, UNCERTAIN)
    for number in range(10):
        uncertain(f"many{number}@example.org")
    assert page_query_count(admin_client, UNCERTAIN) == few


def test_the_page_of_sending_leads_to_uncertain_deliveries(admin_client: Client) -> None:
    uncertain()
    page = admin_client.get("/admin/digests/sendingswitch/").content
    assert "It is not known whether 1 delivery was sent" in words(page)
    assert UNCERTAIN in page.decode()


def test_many_are_settled_by_as_few_queries_as_one() -> None:
    counts = []
    for number in (1, 10):
        for one in range(number):
            kind = "delivered" if one % 2 else "rejected"
            heard(kind, uncertain(f"reader{number}.{one}@example.org"), applied_at=MORNING)
        counts.append(query_count(settling.settle_uncertain))
    assert counts[1] <= counts[0] + 1  # one more for the second status
    assert Subscriber.objects.filter(covered_through=BEFORE).count() == 6


def test_nothing_is_settled_before_the_question_is_answered(admin_client: Client) -> None:
    delivery = uncertain()
    page = words(say(admin_client, "say_not_sent", delivery).content)
    assert "Settle 1 unsettled delivery as not sent?" in page
    assert "ada@example.org" in page
    assert "The provider reported nothing." in page
    assert "Yes, it was not sent" in page
    assert fresh(delivery).status == Status.UNCERTAIN


@pytest.mark.parametrize(
    ("action", "status", "covered", "said"),
    [
        ("say_sent", Status.SENT, MORNING, "It was sent."),
        ("say_not_sent", Status.ABANDONED, BEFORE, "It was not sent."),
    ],
)
def test_a_person_settles_it_and_the_name_is_kept(
    admin_client: Client, action: str, status: str, covered: object, said: str
) -> None:
    delivery = uncertain()
    answer = fields_of(say(admin_client, action, delivery).content.decode())
    response = admin_client.post(UNCERTAIN, answer)
    assert response.status_code == 302

    settled = fresh(delivery)
    assert (settled.status, settled.settled_by, settled.settled_at) == (status, "admin", MORNING)
    assert settled.note == delivery.note
    assert settled.subscriber is not None
    assert settled.subscriber.covered_through == covered
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.actor.get_username()) == (delivery.pk, "admin")
    assert entry.changes == {"status": ["Uncertain", said]}
    assert "admin, 4 May 05:00 UTC" in words(admin_client.get(DELIVERIES).content)


def test_all_of_a_filtered_list_are_settled_at_once(admin_client: Client) -> None:
    deliveries = [uncertain(f"reader{number}@example.org") for number in range(25)]
    sent = sent_delivery()
    asked = say(admin_client, "say_not_sent", deliveries[0], select_across="1").content.decode()
    assert "And 5 more." in words(asked.encode())
    admin_client.post(UNCERTAIN, fields_of(asked))
    assert Delivery.objects.filter(status=Status.ABANDONED).count() == 25
    assert fresh(sent).status is None


def test_who_is_asked_about_some_does_not_settle_others(admin_client: Client) -> None:
    first = uncertain()
    answer = fields_of(say(admin_client, "say_sent", first, select_across="1").content.decode())
    uncertain("bo@example.org")
    again = admin_client.post(UNCERTAIN, answer)
    assert "2 unsettled deliveries" in words(again.content)
    assert not Delivery.objects.filter(status=Status.SENT).exists()


def test_what_is_not_uncertain_any_more_is_left_alone(admin_client: Client) -> None:
    delivery = uncertain()
    answer = fields_of(say(admin_client, "say_not_sent", delivery).content.decode())
    heard("delivered", delivery)
    application.apply_events()
    response = admin_client.post(UNCERTAIN, answer)
    assert "None of these is uncertain" in str(next(iter(get_messages(response.wsgi_request))))
    assert (fresh(delivery).status, fresh(delivery).settled_by) == (Status.SENT, None)


def test_who_may_only_look_settles_nothing(client: Client) -> None:
    editor(client, "view_delivery")
    delivery = uncertain()
    assert "It was sent" not in words(client.get(UNCERTAIN).content)
    say(client, "say_sent", delivery, is_sure_of="1")
    assert fresh(delivery).status == Status.UNCERTAIN


def test_a_span_that_a_later_digest_moved_stays() -> None:
    delivery = uncertain()
    later = MORNING + timedelta(days=1)
    Subscriber.objects.update(covered_through=later)
    assert settling.settle_by_hand(Delivery.objects.all(), was_sent=False, by="ada") == [delivery.pk]
    assert Subscriber.objects.get().covered_through == later


def test_a_delivery_settled_as_sent_by_hand_stays_sent_whatever_is_reported_later() -> None:
    delivery = uncertain()
    settling.settle_by_hand(Delivery.objects.all(), was_sent=True, by="ada")
    heard("rejected", delivery)
    application.apply_events()
    assert fresh(delivery).status == Status.SENT


def test_what_a_person_gave_up_counts_as_sent_once_it_was_delivered() -> None:
    delivery = uncertain()
    settling.settle_by_hand(Delivery.objects.all(), was_sent=False, by="ada")
    heard("delivered", delivery)
    application.apply_events()
    assert (fresh(delivery).status, fresh(delivery).settled_by) == (Status.SENT, "ada")
