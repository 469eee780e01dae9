"""A mail server pipes what came back into `manage.py receive_bounce`."""

import io
import sys
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from digests.management.commands import receive_bounce
from digests.models import ProviderEvent, ReturnedMail
from tests.digests.returned_mail.returning import address_of, delivery_report, failed, plain
from tests.factories.returns import sent_delivery
from tests.provider import answering, http_error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(raw: bytes, *words: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        try:
            call_command("receive_bounce", *words)
        except SystemExit as exc:
            return int(exc.code or 0)
        return 0

    return run


def test_a_bounce_becomes_an_event(pipe: Any) -> None:
    assert pipe(delivery_report(address_of(sent_delivery()), failed())) == 0
    assert ProviderEvent.objects.get().kind == ProviderEvent.Kind.BOUNCED


@pytest.mark.parametrize("name", ["", "ORIGINAL_RECIPIENT", "RECIPIENT"])
def test_the_mail_server_names_the_address(pipe: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    raw, address = delivery_report("", failed()), address_of(sent_delivery())
    if name:
        monkeypatch.setenv(name, address)
    assert pipe(raw, *([] if name else ["--to", address])) == 0
    assert ProviderEvent.objects.get().delivery_id


def test_a_mail_that_means_nothing_is_kept_and_not_bounced(pipe: Any) -> None:
    assert pipe(b"\xff\x00 no mail at all") == 0
    assert ReturnedMail.objects.count() == 1


def test_the_server_tries_again_where_nothing_can_be_stored_or_forwarded(
    pipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = plain(address_of(sent_delivery()))
    with answering(http_error(401)):
        assert pipe(raw) == receive_bounce.TRY_LATER == 75

    for fault in (OperationalError("gone"), ZeroDivisionError()):

        def fail(*_: object, fault: Exception = fault) -> None:
            raise fault

        monkeypatch.setattr(receive_bounce, "take_in", fail)
        assert pipe(raw) == 75


def test_a_huge_mail_is_read_to_its_end_and_kept_by_its_beginning(pipe: Any) -> None:
    assert pipe(plain(address_of(sent_delivery()), "x\n" * 6_000_000)) == 0
    assert ReturnedMail.objects.get().size > 12_000_000
