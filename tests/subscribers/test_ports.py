import pytest
from django.core.exceptions import ImproperlyConfigured

from digests.sending import switch
from subscribers import ports


def test_digests_connects_its_functions_at_start() -> None:
    assert ports.sending().is_held == switch.is_held


def test_what_nothing_is_connected_to_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_connected", [])
    with pytest.raises(ImproperlyConfigured, match=r"subscribers\.ports"):
        ports.sending()
