from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.digests.mail_setup.nameserver import naming
from tests.digests.mail_setup.setup import sound_zone

Zone = dict[str, list[str]]


@pytest.fixture
def zone(settings: LazySettings) -> Iterator[Zone]:
    """The records of a sound setup with Mailgun, which the settings name; a test may change them."""
    settings.EMAIL_PROVIDER, settings.DEFAULT_FROM_EMAIL = "mailgun", "Paper Round <papers@example.org>"
    settings.ANYMAIL = settings.ANYMAIL | {"MAILGUN_SENDER_DOMAIN": "example.org"}
    settings.DKIM_SELECTOR, settings.SITE_URL = ["pm"], "https://papers.example.org"
    zone = sound_zone()
    with naming(zone) as server:
        settings.NAME_SERVER = server
        yield zone
