"""Reads what a provider answered, or how the call failed, as one SendOutcome."""

import smtplib
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRequestsAPIError,
    AnymailUnsupportedFeature,
)
from urllib3.exceptions import NewConnectionError

from newsletter import clock
from newsletter.mail.refusal import Blame, read_refusal, without_addresses
from newsletter.mail.refusal_words import Cause

DEFAULT_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MESSAGE_CODES = ("400", "413", "422")
ACCOUNT_WORDS = {
    401: "does not accept our key",
    402: "wants to be paid first",
    403: "does not let our account send",
    404: "does not know our account or domain",
    405: "does not take mail at this address",
    407: "is behind a proxy that does not know us",
}
REASON_NAMES = ("message", "Message", "ErrorMessage", "error", "errors", "Errors", "Messages", "detail")
LONGEST_ANSWER = 200
NO_CALL_CODES = ("identity", "unsupported")
PASSWORD = "password"
LOCKED_OUT_CODES = ("401", "402", PASSWORD)  # no call succeeds until an operator acts
AMBIGUOUS_STATUSES = (408, 409, 425)  # another request, or part of this one, may have been accepted


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What we know about one mail after a call: accepted, refused for certain, or neither."""

    status: str  # accepted, refused, not_accepted (nothing was sent; try again) or unknown
    provider_id: str = ""
    reason: str = ""
    wait: timedelta = DEFAULT_WAIT
    code: str = ""  # the provider's own code
    is_permanent: bool = False  # the address will be refused every time
    answer: str = ""  # what the provider said, without addresses; empty where it was not asked

    @property
    def is_accepted(self) -> bool:
        return self.status == "accepted"

    @property
    def is_refused(self) -> bool:
        return self.status == "refused"

    @property
    def blame(self) -> Blame | None:
        """Whose fault the provider's refusal is, None of everything else.

        It is ours where the provider does not say: no receiver has seen the mail. Only a mail server asks one while
        it answers us, so only its answers, which begin with their code, tell of a mailbox.
        """
        if not self.is_refused or not (self.answer or self.is_permanent):
            return None
        read = Blame.ADDRESS if self.is_permanent else read_refusal(self.answer).blame
        is_told = read is Blame.ADDRESS or (read is Blame.MAILBOX and self.answer.startswith("5"))
        return read if is_told else Blame.US

    @property
    def is_worth_repeating(self) -> bool:
        return self.status == "not_accepted"

    @property
    def is_locked_out(self) -> bool:
        """Return whether the provider does not accept our key or password, or wants to be paid."""
        return self.code in LOCKED_OUT_CODES

    @property
    def is_worth_splitting(self) -> bool:
        """Return whether one mail, we cannot tell which, had the whole call refused: try a smaller call next."""
        return self.is_worth_repeating and self.code in MESSAGE_CODES


def outcome_of_http(exc: AnymailRequestsAPIError) -> SendOutcome:
    status = exc.status_code
    if is_unreachable(exc):
        return SendOutcome("not_accepted", reason="The provider cannot be reached.")
    if status is None or status in AMBIGUOUS_STATUSES or not 400 <= status < 500:
        return SendOutcome("unknown", reason=f"The provider gave no clear answer ({status}).", code=str(status or ""))
    answer = words_of_answer(exc)
    if status in ACCOUNT_WORDS:
        reason = f"The provider {ACCOUNT_WORDS[status]} ({status}).{quoted(answer)}"
        return SendOutcome("not_accepted", reason=reason, code=str(status), answer=answer)
    if status == 429:
        wish = (exc.response.headers.get("Retry-After") or "") if exc.response is not None else ""
        return SendOutcome(
            "not_accepted", reason="The provider asked for a pause.", wait=requested_wait(wish), code="429"
        )
    answer = answer or f"HTTP {status}"
    return SendOutcome("refused", reason=f"The provider refused it ({status}).", code=str(status), answer=answer)


def words_of_answer(exc: AnymailRequestsAPIError) -> str:
    """Return the sentence of an error answer, without addresses, 200 characters at most; empty if it has none."""
    if exc.response is None:
        return ""
    try:
        return without_addresses(find_sentence(exc.response.json()))[:LONGEST_ANSWER]
    except (ValueError, RecursionError):
        text = exc.response.text[: LONGEST_ANSWER * 4]
        return "" if "<" in text else without_addresses(text)[:LONGEST_ANSWER]


def find_sentence(body: object) -> str:
    """Return the first text under a name that providers use for the reason of an error."""
    match body:
        case [first, *_]:
            return find_sentence(first)
        case dict():
            found = (body[name] for name in REASON_NAMES if body.get(name))
            return next((sentence for value in found if (sentence := find_sentence(value))), "")
        case str():
            return body
    return ""


def quoted(answer: str) -> str:
    """Return an answer in quotation marks, to be put behind a sentence; an empty string for none."""
    return f" It says: “{answer.rstrip('.')}”." if answer else ""


def requested_wait(wish: str) -> timedelta:
    """Return the pause that a Retry-After header asks for, in seconds or as a date; LONGEST_WAIT at most."""
    if wish.isdecimal():
        return min(timedelta(seconds=int(wish[:9])), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(wish)
    except ValueError:
        return DEFAULT_WAIT
    return max(timedelta(0), min(until - clock.now(), LONGEST_WAIT)) if until.tzinfo else DEFAULT_WAIT


def outcome_of_building(exc: AnymailError) -> SendOutcome:
    """Return the refusal for a call that Anymail could not build.

    Only the text about an unsupported feature is kept: others may hold an address.
    """
    why = exc.args[0] if isinstance(exc, AnymailUnsupportedFeature) and exc.args else type(exc).__name__
    return SendOutcome("refused", reason=f"This provider cannot be given the mail: {why}", code="unsupported")


def outcome_of_api(exc: AnymailAPIError) -> SendOutcome:
    """Read an error of Amazon's own library: a refusal has a code, and anything else leaves the outcome open."""
    answer, what = getattr(exc.__cause__, "response", None), type(exc.__cause__).__name__
    if what in ("EndpointConnectionError", "ConnectTimeoutError"):
        return SendOutcome("not_accepted", reason="The provider cannot be reached.")
    if not isinstance(answer, dict):
        return SendOutcome("unknown", reason=f"The provider gave no clear answer ({what}).")
    code = str(answer.get("Error", {}).get("Code", ""))
    said = without_addresses(str(answer.get("Error", {}).get("Message", "")))[:LONGEST_ANSWER]
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ("MessageRejected", "BadRequestException", "InvalidParameterValue"):
        return SendOutcome("refused", reason=f"The provider refused it ({code}).", code=code, answer=said or code)
    if 400 <= status < 500:
        reason = f"The provider takes nothing now ({code}).{quoted(said)}"
        return SendOutcome("not_accepted", reason=reason, code=code, answer=said)
    return SendOutcome("unknown", reason=f"The provider gave no clear answer ({code}).", code=code)


def is_unreachable(exc: AnymailRequestsAPIError) -> bool:
    """Return whether no connection was made, so that certainly nothing was sent."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    cause = exc.__cause__
    why = (
        getattr(cause.args[0], "reason", None) if isinstance(cause, requests.ConnectionError) and cause.args else None
    )
    return isinstance(why, NewConnectionError) or is_certificate_error(why)


def is_certificate_error(why: object) -> bool:
    return isinstance(why, Exception) and any(isinstance(part, SSLCertVerificationError) for part in why.args)


def outcome_of_smtp(exc: smtplib.SMTPException) -> SendOutcome:
    match exc:
        # These come before the message is transmitted, and are not about it.
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError() | smtplib.SMTPNotSupportedError():
            return SendOutcome("not_accepted", reason=f"The mail server takes nothing now ({type(exc).__name__}).")
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return SendOutcome(
                "not_accepted", reason=f"The mail server does not know our password ({code}).", code=PASSWORD
            )
        case smtplib.SMTPRecipientsRefused(recipients=answers):
            code, words = max(answers.values(), default=(550, b""))
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=words):
            pass
        case _:
            return SendOutcome("unknown", reason=f"The mail server broke off ({type(exc).__name__}).")
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    if 400 <= code < 500:
        return outcome_of_smtp_delay(code, said)
    if 500 <= code < 600:
        return outcome_of_smtp_refusal(code, said)
    return SendOutcome("unknown", reason="The mail server’s answer cannot be read.")


def outcome_of_smtp_delay(code: int, words: str) -> SendOutcome:
    """Return what a 4xx reply means: the mail waits, and the server's words say why."""
    answer = without_addresses(f"{code} {words}")[:LONGEST_ANSWER]
    reason = f"The mail server asked to try later.{quoted(answer)}"
    return SendOutcome("not_accepted", reason=reason, code=str(code), answer=answer)


def outcome_of_smtp_refusal(code: int, words: str) -> SendOutcome:
    """Return what a 5xx reply to a recipient or a message means; the address is gone only where the words say so.

    A server that does not relay for us would refuse every mail: all of them wait until somebody has mended it.
    """
    answer = without_addresses(f"{code} {words}")[:LONGEST_ANSWER]
    read = read_refusal(answer)
    if read.cause is Cause.RELAY:
        reason = f"The mail server does not send mail for us.{quoted(answer)}"
        return SendOutcome("not_accepted", reason=reason, code=str(code), answer=answer)
    is_gone = read.blame is Blame.ADDRESS
    reason = f"The mail server refused it.{quoted(answer)}"
    return SendOutcome("refused", reason=reason, code=str(code), is_permanent=is_gone, answer=answer)
