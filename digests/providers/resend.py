"""Resend: up to a hundred different messages a call, with a key that makes it safe to repeat for a day."""

from collections.abc import Sequence
from typing import Any

from anymail.backends.resend import EmailBackend

from digests.providers.array_lane import ArrayLane
from digests.providers.http_lane import BLAMES_ADDRESS, Request
from digests.providers.interface import Mail
from newsletter.mail.provider_answer import LONGEST_ANSWER, SendOutcome
from newsletter.mail.provider_limits import LIMITS
from newsletter.mail.refusal import without_addresses


class Resend(ArrayLane):
    mark = b'"List-Unsubscribe":"'
    endpoint = "emails/batch"
    most = LIMITS["resend"].mails
    most_bytes = 200_000
    can_repeat = True

    def __init__(self) -> None:
        super().__init__(EmailBackend())

    def request_headers(self) -> dict[str, str]:
        # Without it, one bad address fails the whole call.
        return {"x-batch-validation": "permissive"}

    def post(self, params: dict[str, Any], mails: Sequence[Mail], key: str) -> list[SendOutcome]:
        headers = params["headers"] | ({"Idempotency-Key": key} if key else {})
        return super().post(params | {"headers": headers}, mails, key)

    def read(self, response: Any, request: Request, mails: Sequence[Mail]) -> list[SendOutcome]:
        """Return one outcome a mail: errors name indexes in the call, and ids follow for the rest in order."""
        answer = response.json()
        errors = {error["index"]: str(error.get("message", "")) for error in answer.get("errors") or []}
        taken = [str(item["id"]) for item in answer["data"]]
        if len(taken) + len(errors) != len(mails) or not errors.keys() <= set(range(len(mails))):
            return [SendOutcome("unknown", reason="The provider answered for other mails than these.")] * len(mails)
        ids = iter(taken)
        return [
            outcome_of_error(errors[at]) if at in errors else SendOutcome("accepted", provider_id=next(ids))
            for at in range(len(mails))
        ]


def outcome_of_error(said: str) -> SendOutcome:
    is_permanent = BLAMES_ADDRESS.search(said.lower()) is not None
    reason = "The provider refuses the address." if is_permanent else "The provider refused the mail."
    answer = without_addresses(said)[:LONGEST_ANSWER] or "422"
    return SendOutcome("refused", reason=reason, code="422", is_permanent=is_permanent, answer=answer)
