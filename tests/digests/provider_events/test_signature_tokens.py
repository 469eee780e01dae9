import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.test import RequestFactory

from digests.models import SignatureToken
from digests.provider_events import application, signature_tokens
from digests.provider_events.signature_tokens import Signature, find_objection, read_signature
from tests.factories import MORNING
from tests.rivals import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
HOUR = timedelta(hours=1)


def signature(token: str = "a", body: str = "b", at: datetime = MORNING) -> Signature:
    return Signature(token * 64, at, body * 64)


def test_a_token_is_accepted_for_one_body_and_again_for_the_same() -> None:
    assert find_objection(signature()) == ""
    assert find_objection(signature()) == ""
    assert "used before" in find_objection(signature(body="c"))
    assert find_objection(signature(token="d", body="c")) == ""
    assert find_objection(signature()) == ""


@pytest.mark.parametrize(
    ("hours", "is_accepted"),
    [(-9.1, False), (-8.9, True), (-8, True), (0, True), (8, True), (8.9, True), (9.1, False)],
)
def test_a_signatures_time_may_be_off_by_the_span_of_repeats_and_an_hour(hours: float, is_accepted: bool) -> None:
    assert (find_objection(signature(at=MORNING + hours * HOUR)) == "") is is_accepted
    assert SignatureToken.objects.exists() is is_accepted


def test_a_token_is_forgotten_once_its_signature_is_too_old(set_clock: Callable[[datetime], None]) -> None:
    find_objection(signature())
    set_clock(MORNING + 8.9 * HOUR)
    application.forget_events()
    assert SignatureToken.objects.exists()
    set_clock(MORNING + 9.1 * HOUR)
    application.forget_events()
    assert not SignatureToken.objects.exists()
    assert "too old" in find_objection(signature(body="c"))


@pytest.mark.django_db(transaction=True)
def test_of_two_bodies_under_one_token_at_the_same_moment_one_is_accepted() -> None:
    def post(body: str) -> str:
        with transaction.atomic():
            return find_objection(signature(body=body))

    assert sorted(at_once(lambda: post("b"), lambda: post("c"))) == ["", signature_tokens.USED_BEFORE]


def test_only_mailguns_signature_covers_no_body() -> None:
    body = {"signature": {"token": "abc", "timestamp": str(int(MORNING.timestamp())), "signature": "f"}}
    request = RequestFactory().post("/", body, content_type="application/json")
    assert read_signature("postmark", request) is None
    found = read_signature("mailgun", request)
    assert found is not None
    signed_text = f"{int(MORNING.timestamp())}abc".encode()
    assert (found.token_hash, found.signed_at) == (hashlib.sha256(signed_text).hexdigest(), MORNING)
    assert found.body_hash == hashlib.sha256(request.body).hexdigest()


def test_a_token_whose_first_letters_are_moved_to_the_time_is_the_same_token() -> None:
    # “1793000000e0” is a number too, and of the same size.
    second = str(int(MORNING.timestamp()))
    whole, moved = ({"token": "e0abc", "timestamp": second}, {"token": "abc", "timestamp": f"{second}e0"})
    forms = (
        RequestFactory().post("/", parts | {"event": name})
        for parts, name in ((whole, "opened"), (moved, "complained"))
    )
    first, replayed = (read_signature("mailgun", form) for form in forms)
    assert first is not None
    assert replayed is not None
    assert replayed.signed_at == MORNING
    assert find_objection(first) == ""
    assert find_objection(replayed) == signature_tokens.USED_BEFORE


def test_a_form_is_the_same_however_its_parts_are_divided() -> None:
    form = {"token": "abc", "timestamp": int(MORNING.timestamp()), "event": "dropped"}
    requests = RequestFactory().post("/", form), RequestFactory().post("/", form | {"event": "opened"})
    plain = RequestFactory().post(
        "/", f"token=abc&timestamp={form['timestamp']}&event=dropped", content_type="application/x-www-form-urlencoded"
    )
    one, other, same = (read_signature("mailgun", request) for request in (*requests, plain))
    assert one == same != other
