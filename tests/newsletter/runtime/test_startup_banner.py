import pytest
from django.conf import LazySettings

from newsletter.runtime import startup_banner
from tests.ports import free_port


def test_while_the_web_server_is_silent_the_terminal_is_not(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOST, settings.PORT = "127.0.0.1", free_port()
    monkeypatch.setattr(startup_banner, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(startup_banner, "ANSWER_SECONDS", 1)
    said: list[str] = []
    assert not startup_banner.wait_for_web(said.append)
    assert said[0].startswith("Waiting for the web server")
    assert said[-1].startswith("The web server has not answered")
