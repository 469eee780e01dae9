"""The page on sending: the providers that mail leaves by, and a test of each."""

import re
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client

from digests.monitoring.provider_status import provider_statuses
from newsletter.mail.throttle import Pace
from subscribers.addresses.canonical import hash_address
from subscribers.models import Suppression
from tests.factories.returns import heard
from tests.provider import sent

pytestmark = pytest.mark.django_db
SENDING, TEST = "/admin/digests/sendingswitch/", "/admin/digests/sendingswitch/test/"


def words(client: Client, path: str, **typed: str) -> str:
    answer = client.post(path, typed) if typed else client.get(path)
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_both_providers_are_shown_with_rate_cap_and_state(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = "postmark"
    settings.ANYMAIL = settings.ANYMAIL | {"POSTMARK_SERVER_TOKEN": "t"}
    settings.SEND_RATE, settings.SEND_DAILY_CAP = 50, 1000
    heard("delivered")
    digests, letters = provider_statuses()
    assert (digests.provider, digests.rate) == ("postmark", "45 messages a second, 15 calls at once")
    assert digests.today == "0 sent, 900 left"
    assert letters.rate == "5 messages a second, 16 calls at once"
    assert digests.is_fine
    assert digests.heard.endswith("UTC")


@pytest.mark.parametrize(("mailbox", "heard"), [("", "reports nothing"), ("maildir:///var/mail/b", "nothing yet")])
def test_by_smtp_only_a_mailbox_of_returned_mail_is_heard_of(settings: LazySettings, mailbox: str, heard: str) -> None:
    settings.EMAIL_PROVIDER, settings.BOUNCE_MAILBOX = "smtp", mailbox
    digests, _ = provider_statuses()
    assert (digests.lane, digests.heard) == ("one by one", heard)


def test_a_pause_requested_by_the_provider_is_shown(admin_client: Client) -> None:
    Pace("digests").pause(timedelta(minutes=5))
    assert "asked for a pause until" in words(admin_client, SENDING)


def test_a_test_goes_the_way_that_is_chosen(admin_client: Client) -> None:
    for way, subject in (("digest", "[Test] A sample of a digest"), ("letter", "Paper Round: a test")):
        said = words(admin_client, TEST, address="Ada@example.org", way=way)
        assert "The mail is on its way." in said
        assert sent()[-1].subject == subject
    assert len(sent()) == 2


def test_a_look_at_the_page_sends_nothing(admin_client: Client) -> None:
    assert "Send it" in words(admin_client, TEST)
    assert sent() == []


@pytest.mark.parametrize(("address", "why"), [("ada", "@-sign"), ("gone@example.org", "This address is suppressed")])
def test_who_may_not_be_mailed_gets_no_test(admin_client: Client, address: str, why: str) -> None:
    Suppression.objects.create(address_hash=hash_address("gone@example.org"), reason="bounce")
    assert why in words(admin_client, TEST, address=address, way="digest")
    assert sent() == []


def test_who_may_only_look_sends_no_test(client: Client) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_sendingswitch"))
    client.force_login(user)
    assert "Send a test" not in words(client, SENDING)
    assert client.post(TEST, {"address": "ada@example.org", "way": "digest"}).status_code == 403
    assert sent() == []
