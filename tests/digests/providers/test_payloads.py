"""What a lane puts on the wire is what Anymail would: the same fields with the same values, for one mail or many."""

from typing import Any

import orjson
import pytest
from anymail.message import AnymailMessage
from django.conf import LazySettings

from digests.providers import Mail
from digests.providers.base import headers_of
from digests.providers.brevo import Brevo
from digests.providers.http_lane import HttpLane
from digests.providers.mailgun import Mailgun
from digests.providers.mailjet import Mailjet
from digests.providers.merge_lane import SIGN, MergeLane
from digests.providers.postmark import Postmark
from digests.providers.resend import Resend
from digests.providers.single_lane import fill_slots
from newsletter.mail import message as mail
from tests.digests.providers.mails import CONTENT, copy_of, mails, titled
from tests.outside.interfaces.forms import read_form

READERS = mails(3)
SLOTS = ("choice_html", "choice_text", "unsubscribe_url", "view_url")


@pytest.fixture(autouse=True)
def keys(settings: LazySettings) -> None:
    settings.REPLY_TO = "Éditeurs <editors@example.org>"
    settings.ANYMAIL = {
        "MAILGUN_API_KEY": "k",
        "BREVO_API_KEY": "k",
        "MAILJET_API_KEY": "k",
        "MAILJET_SECRET_KEY": "k",
        "POSTMARK_SERVER_TOKEN": "k",
        "POSTMARK_MESSAGE_STREAM": "broadcast",
        "RESEND_API_KEY": "k",
        "MAILGUN_SEND_DEFAULTS": {"track_opens": False},
    }


def merged(lane: MergeLane) -> AnymailMessage:
    """Return the message that Anymail would be given for all readers at once."""
    fields = [
        "".join(lane.syntax.field(part) if at % 2 else part for at, part in enumerate(parts))
        for parts in (CONTENT.text, CONTENT.html)
    ]
    message = mail.build("", CONTENT.subject, *fields, tag="digest", headers=dict(CONTENT.headers))
    message.to = [copy.to for _, copy in READERS]
    message.merge_metadata = {copy.to: {"delivery": str(copy.delivery_id)} for _, copy in READERS}
    message.merge_headers = {
        copy.to: {"List-Unsubscribe": f"<{copy.links['unsubscribe_url']}>"} for _, copy in READERS
    }
    message.merge_data = {
        copy.to: {name: copy.slots()[name] for name in SLOTS} | {SIGN: lane.syntax.sign} for _, copy in READERS
    }
    return message


def anymails(lane: HttpLane, message: AnymailMessage) -> dict[str, Any]:
    backend = lane.backend
    return backend.build_message_payload(message, backend.send_defaults).get_request_params(backend.api_url)  # type: ignore[no-any-return]


def ours(lane: HttpLane) -> dict[str, Any]:
    params, faults = lane.build(READERS)
    assert faults == [None] * 3
    return params


def test_mailguns_form_has_anymails_fields() -> None:
    lane = Mailgun()
    params, expected = ours(lane), anymails(lane, merged(lane))
    form = dict(read_form(params["headers"]["Content-Type"], params["data"]))
    fields = {name: value if isinstance(value, list) else [value] for name, value in expected["data"].items()}
    variables, theirs = form.pop("recipient-variables"), fields.pop("recipient-variables")
    assert orjson.loads(variables[0]) == orjson.loads(theirs[0])
    assert form == fields
    assert [params[name] for name in ("url", "auth", "method")] == [
        expected[name] for name in ("url", "auth", "method")
    ]


def test_brevos_json_is_anymails() -> None:
    lane = Brevo()
    params, expected = ours(lane), anymails(lane, merged(lane))
    assert readable(params["data"], "X-Mailin-custom") == readable(expected["data"], "X-Mailin-custom")
    assert {**params, "data": ""} == {**expected, "data": ""}


def test_mailjets_json_is_anymails_with_all_headers_in_each_message() -> None:
    lane = Mailjet()
    params, expected = ours(lane), anymails(lane, merged(lane))
    theirs = orjson.loads(expected["data"])
    for message in theirs["Messages"]:
        message["Headers"] = theirs["Globals"]["Headers"] | message["Headers"]
    assert orjson.loads(params["data"]) == theirs
    assert {**params, "data": ""} == {**expected, "data": ""}


@pytest.mark.parametrize("kind", [Postmark, Resend])
def test_an_array_holds_what_anymail_would_send_for_each_mail_alone(kind: type[Postmark | Resend]) -> None:
    lane = kind()
    readers = [Mail(titled(f"Paper {{{number}}} “é” <b>\\", key=number), copy_of(number)) for number in (1, 2, 3)]
    params, faults = lane.build(readers)
    assert faults == [None] * 3
    for found, (content, copy) in zip(orjson.loads(params["data"]), readers, strict=True):
        parts = (fill_slots(content.text, copy), fill_slots(content.html, copy))
        alone = mail.build(
            copy.to,
            content.subject,
            *parts,
            tag=content.tag,
            headers=headers_of(content, copy),
            metadata={"delivery": str(copy.delivery_id)},
        )
        expected = anymails(lane, alone)
        assert found == orjson.loads(expected["data"])
        assert params["headers"].items() >= expected["headers"].items()
        assert params["url"].startswith(expected["url"].removesuffix("s"))


def readable(data: Any, name: str) -> Any:
    """Return JSON with what is JSON in a header's string read too: its spaces do not matter."""
    content = orjson.loads(data)
    for version in content["messageVersions"]:
        version["headers"][name] = orjson.loads(version["headers"][name])
    return content


@pytest.mark.parametrize(("kind", "limit"), [(Postmark, 50_000_000), (Resend, 40_000_000)])
def test_a_full_call_of_the_largest_mails_stays_under_the_providers_limit(
    kind: type[Postmark | Resend], limit: int
) -> None:
    lane = kind()
    assert lane.most_bytes >= 90_000 + 40_000 + 8_000
    assert lane.most * (lane.most_bytes + 1) * 4 / 3 < limit


def test_a_mail_beyond_the_limit_is_refused_alone() -> None:
    large = titled("x" * 80_000, key=2)
    _, faults = Postmark().build([READERS[0], Mail(large, copy_of(2))])
    assert [fault and (fault.status, fault.code) for fault in faults] == [None, ("refused", "size")]


def test_a_payload_that_lost_the_unsubscribe_header_is_not_sent(settings: LazySettings) -> None:
    settings.ANYMAIL["POSTMARK_SEND_DEFAULTS"] = {"esp_extra": {"Headers": []}}
    _, faults = Postmark().build(READERS)
    assert [fault and fault.code for fault in faults] == ["unsubscribe"] * 3
