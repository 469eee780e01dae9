"""Postmark: up to 50 MB of different messages a call; each message gets its own answer."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from anymail.backends.postmark import EmailBackend

from digests.providers.array_lane import ArrayLane
from digests.providers.http_lane import Recipient, Request, outcome_of_status
from digests.providers.interface import Mail
from newsletter.mail.provider_answer import LONGEST_ANSWER, SendOutcome, quoted
from newsletter.mail.provider_limits import LIMITS
from newsletter.mail.refusal import without_addresses

# Codes that concern our account, not the message: postmarkapp.com, “API error codes”.
ACCOUNT_ERRORS = {10, 400, 401, 405, 412, 413}
THROTTLED = {100, 429}
INVALID, INACTIVE = 300, 406
MAIL_ERRORS = {INVALID, 402, 403, 409, 410, 411}  # or the whole call, where the call gets it
ABOUT_FROM = re.compile(r"'(?:From|Reply-?To)'", re.IGNORECASE)
ABOUT_TO = re.compile(r"'To'", re.IGNORECASE)


class Postmark(ArrayLane):
    mark = b'{"Name":"List-Unsubscribe","Value":"'
    endpoint = "email/batch"
    most_bytes = 150_000
    # Bytes are counted as base64, so that not as many mails are taken as their number allows.
    most = min(LIMITS["postmark"].mails, LIMITS["postmark"].call_bytes * 3 // 4 // (most_bytes + 1))

    def __init__(self) -> None:
        backend = EmailBackend()
        backend.use_bulk_api = backend.generate_message_id = False
        super().__init__(backend)

    def read(self, response: Any, request: Request, mails: Sequence[Mail]) -> list[SendOutcome]:
        answers = response.json()
        if isinstance(answers, dict) and answers.get("ErrorCode"):
            return outcomes_of_call(answers, len(mails))
        if not isinstance(answers, list) or len(answers) != len(mails):
            return [SendOutcome("unknown", reason="The provider answered for other mails than these.")] * len(mails)
        return [self.outcome(answer, each) for answer, each in zip(answers, mails, strict=True)]

    def outcome(self, answer: Mapping[str, Any], each: Mail) -> SendOutcome:
        if answer.get("ErrorCode", 0):
            return outcome_of_code(answer)
        if answer.get("To") == each.copy.to and "inactive" not in answer["Message"]:
            return SendOutcome("accepted", provider_id=answer["MessageID"])
        # A rarer answer: let Anymail read it, as for a call with one mail.
        alone = Request({}, [Recipient(each.copy.to)]), SimpleNamespace(json=lambda: answer)
        statuses = self.backend.parse_recipient_status(alone[1], alone[0], None)
        return outcome_of_status(statuses.get(each.copy.to))


def outcomes_of_call(answer: Mapping[str, Any], count: int) -> list[SendOutcome]:
    outcome = outcome_of_code(answer)
    if outcome.is_refused and count > 1:
        why = f"The provider refused the whole call ({outcome.code})."
        outcome = SendOutcome("not_accepted", reason=why, code="422", wait=timedelta(0))
    return [outcome] * count


def outcome_of_code(answer: Mapping[str, Any]) -> SendOutcome:
    """Return what an error code means for a message; an unknown code proves nothing."""
    number, said = int(answer["ErrorCode"]), str(answer.get("Message", ""))
    code, sentence = str(number), without_addresses(said)[:LONGEST_ANSWER] or f"code {number}"
    if number in ACCOUNT_ERRORS or (number == INVALID and ABOUT_FROM.search(said)):
        return SendOutcome(
            "not_accepted",
            reason=f"The provider does not take our account or sender ({code}).{quoted(sentence)}",
            code=code,
            answer=sentence,
        )
    if number in THROTTLED:
        return SendOutcome("not_accepted", reason="The provider asked for a pause.", code=code)
    if number == INACTIVE or (number == INVALID and ABOUT_TO.search(said)):
        return SendOutcome(
            "refused", reason=f"The provider refuses the address ({code}).", code=code, is_permanent=True
        )
    if number in MAIL_ERRORS:
        return SendOutcome("refused", reason=f"The provider refused the mail ({code}).", code=code, answer=sentence)
    return SendOutcome("unknown", reason=f"The provider gave no clear answer ({code}).", code=code)
