"""What the page on sending says that an issue takes, from the provider's limits and the list's own figures."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from digests.models import Digest, IssueTally
from digests.monitoring import sending_time
from newsletter import clock
from tests.factories import PaperFactory, published_issue
from tests.outside.interfaces.brevo import Brevo

KEYS = {"MAILGUN_API_KEY": "k", "POSTMARK_SERVER_TOKEN": "k", "RESEND_API_KEY": "k", "MAILJET_API_KEY": "k"}


@pytest.fixture(autouse=True)
def keys(settings: LazySettings) -> None:
    settings.ANYMAIL = settings.ANYMAIL | KEYS | {"BREVO_API_KEY": "k", "MAILJET_SECRET_KEY": "k"}
    settings.SEND_CALLS_AT_ONCE, settings.READERS_IN_DOUBT = 17, 200


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("brevo", "41,200 readers, 5,900 digests: 206 calls, about two minutes"),
        ("mailgun", "41,200 readers, 5,900 digests: 5,900 calls, about a minute"),
        ("postmark", "41,200 readers, 5,900 digests: 206 calls, less than a minute"),
        ("resend", "41,200 readers, 5,900 digests: 412 calls, about two minutes"),
        ("mailersend", "41,200 readers, 5,900 digests: 41,200 calls, about six hours"),
        ("smtp", "41,200 readers, 5,900 digests: 41,200 calls, about nine minutes"),
    ],
)
def test_each_providers_limits_are_said_in_a_line(settings: LazySettings, name: str, words: str) -> None:
    settings.EMAIL_PROVIDER = name
    settings.EMAIL_LETTERS_PROVIDER = "another"
    assert sending_time.estimate(41_200, 5_900).words() == words


def test_a_thousand_readers_a_call_are_a_million_in_ten_minutes_at_a_hundred_calls(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER, settings.READERS_IN_DOUBT = "brevo", 1_000
    time = sending_time.estimate(1_000_000, 133_599)
    assert (time.calls, round(time.takes / timedelta(minutes=1))) == (1_000, 10)


def test_a_rate_of_ones_own_counts_too(settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER, settings.SEND_RATE = "postmark", "another", 10
    assert sending_time.estimate(36_000, 100).takes == timedelta(hours=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("set_clock")
def test_the_page_on_sending_says_what_the_newest_issue_took(settings: LazySettings, admin_client: Client) -> None:
    settings.EMAIL_PROVIDER = settings.EMAIL_LETTERS_PROVIDER = Brevo.name
    page = "/admin/digests/sendingswitch/"
    assert "An issue" not in admin_client.get(page).content.decode()
    issue = published_issue(clock.today(), PaperFactory())
    Digest.objects.create(content_key="0" * 32, issue=issue, card_ids=[], subject="Papers")
    counts = dict.fromkeys((field.name for field in IssueTally._meta.fields), 0)
    IssueTally.objects.create(**counts | {"issue": issue, "counted_at": clock.now(), "eligible": 450, "skipped": 49})
    assert "401 readers, 1 digest: 3 calls, less than a minute" in admin_client.get(page).content.decode()
