"""Mailjet: JSON, common values and one message a reader, which may bring its own; each message gets its own answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from anymail.backends.mailjet import EmailBackend

from digests.providers.byte_template import cut, hole, unquote_hole
from digests.providers.http_lane import Request
from digests.providers.interface import Mail
from digests.providers.merge_lane import Frame, MixedMergeLane, Syntax
from newsletter.mail.provider_answer import LONGEST_ANSWER, SendOutcome
from newsletter.mail.provider_limits import LIMITS
from newsletter.mail.refusal import without_addresses


class Mailjet(MixedMergeLane):
    syntax = Syntax("[[var:", "]]", "[", re.compile(r"\[(?=\[|\Z)"))
    mark = b'"List-Unsubscribe":"'
    most = LIMITS["mailjet"].mails
    text_names = {b"subject": b"Subject", b"html": b"HTMLPart", b"text": b"TextPart"}
    # With only one recipient, Anymail 15.2 loses variables and headers when it splits the message.
    beside = ("second@hole.invalid",)

    def __init__(self) -> None:
        super().__init__(EmailBackend())

    def own_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        # A message's headers replace all common ones.
        return {"Auto-Submitted": "auto-generated", **headers, **super().own_headers(headers)}

    def cut_params(self, params: dict[str, Any]) -> Frame:
        data = orjson.loads(params.pop("data"))
        message = data["Messages"][0]
        body = orjson.dumps(data | {"Messages": [hole("readers")]})
        return Frame(params, cut(unquote_hole(body, "readers")), cut(orjson.dumps(message)))

    def read(self, response: Any, request: Request, mails: Sequence[Mail]) -> list[SendOutcome]:
        """Return Anymail's statuses, with the reason for each failed message; answers are in our order."""
        outcomes = super().read(response, request, mails)
        answers = response.json()["Messages"]
        if len(answers) != len(mails):
            return [SendOutcome("unknown", reason="The provider answered for other mails than these.")] * len(mails)
        return [
            outcome_of_errors(answer.get("Errors", [])) if outcome.is_refused else outcome
            for outcome, answer in zip(outcomes, answers, strict=True)
        ]


def outcome_of_errors(errors: Sequence[Mapping[str, Any]]) -> SendOutcome:
    first = errors[0] if errors else {}
    code, status = str(first.get("ErrorCode", "")), int(first.get("StatusCode", 0))
    if not 400 <= status < 500:
        return SendOutcome("unknown", reason="The provider gave no clear answer to this mail.", code=code)
    if status == 429:
        return SendOutcome("not_accepted", reason="The provider asked for a pause.", code=code)
    related = [str(name) for error in errors for name in error.get("ErrorRelatedTo", [])]
    if any(name.startswith(("From", "Sender", "Globals.From")) for name in related):
        return SendOutcome("not_accepted", reason="The provider does not take our sender.", code=code)
    is_permanent = any(name.startswith("To") for name in related)
    answer = without_addresses(str(first.get("ErrorMessage") or f"code {code}"))[:LONGEST_ANSWER]
    reason = f"The provider refused it ({code})."
    return SendOutcome("refused", reason=reason, code=code, is_permanent=is_permanent, answer=answer)
