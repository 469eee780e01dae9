from typing import Any

from anymail.backends.base import AnymailBaseBackend
from anymail.backends.test import TestPayload
from anymail.message import AnymailRecipientStatus
from django.core.mail import EmailMessage

from newsletter.mailbox import store


class EmailBackend(AnymailBaseBackend):  # type: ignore[misc]
    """Anymail backend that stores each message in a folder for the mailbox pages."""

    esp_name = "Mailbox"

    def build_message_payload(self, message: EmailMessage, defaults: dict[str, Any]) -> TestPayload:
        return TestPayload(backend=self, message=message, defaults=defaults)

    def post_to_esp(self, payload: TestPayload, message: EmailMessage) -> dict[str, str]:
        params = payload.get_params()
        extras = {
            "headers": {name: str(value) for name, value in (params.get("extra_headers") or {}).items()},
            "metadata": params.get("metadata") or {},
            "tags": params.get("tags") or [],
        }
        return {
            recipient: store.keep(
                sender=str(params["from"]),
                to=recipient,
                subject=params["subject"],
                text=params.get("text_body") or "",
                html=params.get("html_body") or "",
                **extras,
            )
            for recipient in payload.recipient_emails
        }

    def parse_recipient_status(
        self, response: dict[str, str], payload: TestPayload, message: EmailMessage
    ) -> dict[str, AnymailRecipientStatus]:
        return {
            recipient: AnymailRecipientStatus(message_id=name, status="sent") for recipient, name in response.items()
        }
