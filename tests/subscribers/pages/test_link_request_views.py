from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from subscribers.models import Subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
ACTIVE, UNSUBSCRIBED = Subscriber.Status.ACTIVE, Subscriber.Status.UNSUBSCRIBED


def test_what_is_no_address_is_refused_at_its_field(client: Client) -> None:
    answer = client.post("/preferences/link/", {"email": 'ada@"><b>'})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "We cannot send mail to this address." in page
    assert "<b>" not in page
