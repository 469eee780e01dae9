from itertools import product

import pytest
from django.db import connection

from digests.models import Batch, Delivery, delivery_state
from tests.factories import MORNING
from tests.factories.returns import sent_delivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Status = Delivery.Status


@pytest.fixture
def deliveries() -> list[Delivery]:
    """A delivery of each status in a call behind the position, in flight and ahead, settled by a person or not."""
    batch = Batch.objects.create(status=Batch.Status.SUBMITTING, position=1, open_calls=1)
    made = []
    for call_no, status, settled_by in product(range(3), [None, *Status], [None, "ada"]):
        delivery = sent_delivery(batch=batch, status=status, settled_by=settled_by)
        Delivery.objects.filter(pk=delivery.pk).update(call_no=call_no)
        made.append(Delivery.objects.select_related("batch").get(pk=delivery.pk))
    return made


def matching(condition: str) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT d.id FROM digests_delivery d JOIN digests_batch b ON b.id = d.batch_id WHERE {condition}"
        )
        return {pk for (pk,) in cursor.fetchall()}


def test_each_delivery_is_in_one_state(deliveries: list[Delivery]) -> None:
    names = ("IS_SENT", "IS_IN_FLIGHT", "IS_PLANNED", "IS_UNKNOWN", "NEVER_LEFT")
    states = [matching(getattr(delivery_state, name)) for name in names]
    assert all(states)
    assert sorted(pk for state in states for pk in state) == [delivery.pk for delivery in deliveries]


def test_sql_and_python_agree(deliveries: list[Delivery]) -> None:
    is_sent = {delivery.pk for delivery in deliveries if delivery.is_sent}
    assert matching(delivery_state.IS_SENT) == matching(f"{delivery_state.STATE} = 'sent'") == is_sent
    assert matching(delivery_state.IS_AHEAD) == matching(f"{delivery_state.STATE} = 'planned'")
    never_left = Delivery.objects.filter(delivery_state.never_left())
    assert matching(delivery_state.NEVER_LEFT) == set(never_left.values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=sorted(is_sent)[:2]).update(refused_at=MORNING)
    Delivery.objects.filter(pk__in=sorted(is_sent)[:1]).update(delivered_at=MORNING)
    never_arrived = Delivery.objects.filter(delivery_state.never_arrived())
    assert matching(delivery_state.NEVER_ARRIVED) == set(never_arrived.values_list("pk", flat=True))
    assert never_arrived.count() == never_left.count() + 1


def test_a_delivery_known_to_have_stayed_here_was_neither_contacted_nor_may_it_have_left(
    deliveries: list[Delivery],
) -> None:
    stayed = matching(delivery_state.NEVER_LEFT)
    assert not stayed & matching(delivery_state.MAY_HAVE_LEFT)
    assert stayed & matching(delivery_state.IS_CONTACTED) == matching("d.status = 'rejected'")
