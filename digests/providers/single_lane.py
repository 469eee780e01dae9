"""The single lane: any backend of Anymail or Django, one message a call on one open connection."""

from collections.abc import Sequence

from anymail.backends.base_requests import AnymailRequestsBackend
from django.core.mail.backends.base import BaseEmailBackend

from digests.providers.base import METADATA, ProviderBase, headers_of
from digests.providers.http_session import Session
from digests.providers.interface import Call, Copy, Mail, SharedBody, without_seams
from newsletter.mail import message as mail
from newsletter.mail.provider_answer import SendOutcome


class Single(ProviderBase):
    lane = "single"
    window = 10

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def build_call(self, mails: Sequence[Mail]) -> Call:
        return lambda key: [self.hand_over(content, copy) for content, copy in mails]

    def hand_over(self, content: SharedBody, copy: Copy) -> SendOutcome:
        message = mail.build(
            copy.to,
            content.subject,
            fill_slots(content.text, copy),
            fill_slots(content.html, copy),
            tag=content.tag,
            headers=headers_of(content, copy),
            metadata={METADATA: str(copy.delivery_id)},
        )
        try:
            open_session(self.backend)
        except OSError as exc:  # smtplib's errors are OSErrors too
            return SendOutcome("not_accepted", reason=f"No connection to the provider ({type(exc).__name__}).")
        outcome = mail.hand_over(message, self.backend)
        if outcome.status == "unknown":
            self.close()
        return outcome

    def close(self) -> None:
        try:
            self.backend.close()
        except OSError:
            return


def open_session(backend: BaseEmailBackend) -> None:
    if not isinstance(backend, AnymailRequestsBackend):
        backend.open()
    elif backend.session is None:
        backend.session = Session(backend.create_session())


def fill_slots(parts: Sequence[str], copy: Copy) -> str:
    slots = copy.slots()
    return "".join(slots[part] if at % 2 else part for at, part in enumerate(without_seams(parts)))
