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


@pytest.mark.parametrize("is_allowed", [True, False])
def test_an_address_that_is_printed_works_or_stands_with_what_makes_it_work(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
) -> None:
    settings.DEBUG, settings.HOST, settings.PORT = True, "0.0.0.0", 8000
    settings.ALLOWED_HOSTS = ["localhost", "192.168.1.5"] if is_allowed else ["localhost"]
    monkeypatch.setattr(startup_banner, "own_address", lambda: "192.168.1.5")
    shown = startup_banner.banner("secret")
    assert ("  Home also http://192.168.1.5:8000/\n" in shown) == is_allowed
    assert ("`HOST=192.168.1.5 make run`" in shown) != is_allowed
