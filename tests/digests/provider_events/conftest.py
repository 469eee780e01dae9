import pytest
from django.conf import LazySettings

from tests.digests.provider_events.webhooks import FILL, SETTINGS


@pytest.fixture
def secrets(settings: LazySettings) -> None:
    """Take webhooks of all providers, each with its own secret."""
    settings.ANYMAIL, settings.WEBHOOK_FORMER_PROVIDERS = SETTINGS, list(FILL)
