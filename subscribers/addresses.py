"""One spelling for one person's address, and the keyed hash that outlives it."""

import hashlib
import hmac
import unicodedata

from django.conf import settings
from email_validator import EmailNotValidError, validate_email


class AddressError(ValueError):
    """The text is no address that mail can be sent to; the message says why."""


def canonical_address(text: str) -> str:
    """Return the address in the one spelling that is stored: local part in lower case, domain in A-labels.

    Raise AddressError for what is no address. No name server is asked.
    """
    try:
        address = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError as exc:
        raise AddressError(str(exc)) from exc
    # Folding can leave letters and their accents apart.
    local_part = unicodedata.normalize("NFC", address.local_part.lower())
    return f"{local_part}@{address.ascii_domain.lower()}"


def hash_address(canonical: str) -> str:
    """Return the keyed hash of a canonical address: it recognises an address, and gives none away."""
    return hmac.digest(settings.ADDRESS_KEY.encode(), canonical.encode(), hashlib.sha256).hex()
