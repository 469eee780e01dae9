"""Takes mails: a body that many readers share, and each reader's address and links.

Hands them to the configured provider, one file for each, and returns one outcome a mail; it never raises what a
provider caused. May import `newsletter.mail` and Anymail only: it knows no table.
"""

from collections.abc import Callable

from django.conf import LazySettings
from django.core.mail import get_connection

from digests.providers.brevo import Brevo
from digests.providers.interface import SEAM, Copy, Mail, Provider, SharedBody, Words
from digests.providers.mailgun import Mailgun
from digests.providers.mailjet import Mailjet
from digests.providers.postmark import Postmark
from digests.providers.resend import Resend
from digests.providers.single_lane import Single
from digests.providers.smtp_lane import Smtp

__all__ = ["SEAM", "Copy", "Mail", "Provider", "SharedBody", "Words", "provider_of"]

KINDS: dict[str, Callable[[], Provider]] = {
    "brevo": Brevo,
    "mailgun": Mailgun,
    "mailjet": Mailjet,
    "postmark": Postmark,
    "resend": Resend,
}


def provider_of(settings: LazySettings) -> Provider:
    """Return the configured provider; one that has no file here gets one message at a time through Anymail.

    No call of it holds more mails than may be in doubt.
    """
    provider = provider_named(settings.EMAIL_PROVIDER, settings)
    provider.most = min(provider.most, settings.READERS_IN_DOUBT)
    return provider


def provider_named(name: str, settings: LazySettings) -> Provider:
    if name == "smtp":
        return Smtp(settings.SMTP_CONNECTIONS)
    return KINDS[name]() if name in KINDS else Single(get_connection())
