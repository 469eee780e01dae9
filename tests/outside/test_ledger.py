import os
import signal
from pathlib import Path

import pytest
from django.test import override_settings

from tests.outside import ledger
from tests.outside.ledger import Ledger, Mail, body_hash
from tests.outside.letters import letter
from tests.outside.provider import providing_apart


@pytest.mark.parametrize("name", ["mailgun", "postmark"])
def test_a_killed_provider_has_written_all_it_accepted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with providing_apart(name, path) as provider, override_settings(**provider.settings):
        letter().send()
        os.kill(provider.pid, signal.SIGKILL)
    assert [entry.address for entry in ledger.read(path)] == ["ada@example.com"]


def test_a_provider_started_again_appends(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for address in ("ada@example.com", "grace@example.com"):
        with providing_apart("mailgun", path) as provider, override_settings(**provider.settings):
            letter(address).send()
    assert [entry.address for entry in ledger.read(path)] == ["ada@example.com", "grace@example.com"]


def test_a_line_still_on_its_way_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, "mailgun").write(1, [Mail("ada@example.com"), Mail("grace@example.com")])
    path.write_bytes(path.read_bytes()[:-20])
    assert [entry.address for entry in ledger.read(path)] == ["ada@example.com"]


def test_a_hash_is_the_same_for_every_transport() -> None:
    assert body_hash("One\nTwo\n", "<p>") == body_hash("One\r\nTwo", "<p>\r\n")
    assert body_hash("One", "") != body_hash("", "One")
