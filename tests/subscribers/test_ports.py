import pytest
from django.core.exceptions import ImproperlyConfigured

from digests.sending import switch
from subscribers import ports


def test_digests_connects_its_functions_at_start() -> None:
    assert ports.sending().is_held == switch.is_held


def test_an_unfilled_port_raises_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_connected", [])
    with pytest.raises(ImproperlyConfigured, match=r"subscribers\.ports"):
        ports.sending()
