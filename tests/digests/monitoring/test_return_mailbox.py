from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from digests.models import Alert, Notice
from digests.monitoring import alerts, return_mailbox
from digests.returned_mail import mailbox_reading
from tests.factories import MORNING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]


def test_operators_hear_once_of_a_mailbox_that_cannot_be_read(settings: LazySettings, set_clock: SetClock) -> None:
    settings.BOUNCE_MAILBOX = "maildir:///no/such/folder"
    for minutes in (0, 30):
        set_clock(MORNING + timedelta(minutes=minutes))
        mailbox_reading.read_configured_mailbox()
        alerts.update_alerts()
        assert not Alert.objects.exists()
    for minutes in (31, 32):
        set_clock(MORNING + timedelta(minutes=minutes))
        alerts.update_alerts()
    assert Alert.objects.get().kind == Alert.Kind.RETURNED
    assert "/no/such/folder" in Notice.objects.get().text


def test_a_mailbox_that_is_not_read_any_more_is_no_trouble(settings: LazySettings, set_clock: SetClock) -> None:
    settings.BOUNCE_MAILBOX = "maildir:///no/such/folder"
    mailbox_reading.read_configured_mailbox()
    set_clock(MORNING + timedelta(hours=1))
    assert return_mailbox.failing_mailbox()
    settings.BOUNCE_MAILBOX = ""
    assert return_mailbox.failing_mailbox() is None
