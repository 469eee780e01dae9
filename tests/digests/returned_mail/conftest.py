import pytest
from django.conf import LazySettings


@pytest.fixture(autouse=True)
def bounce_address(settings: LazySettings) -> None:
    settings.BOUNCE_ADDRESS, settings.REPLY_TO = "bounces@example.org", "Paper Round <desk@example.com>"
