"""The canonical spelling of an address, the addresses that may sign up, and the keyed hash kept after erasure.

docs/addresses.md explains the policy to operators.
"""

import hashlib
import hmac
import unicodedata

from django.conf import settings
from email_validator import EmailNotValidError, validate_email

# Mailboxes of machines and of domain administrators, compared without “-”, “_” and “.”.
ROLES = frozenset(
    ["abuse", "autoreply", "autoresponder", "bounce", "bounces", "daemon", "devnull", "donotreply", "hostmaster",
     "listserv", "lists", "mailerdaemon", "majordomo", "mdaemon", "noc", "nobody", "noreply", "notifications", "null",
     "postmaster", "root", "spam", "unsubscribe", "uucp", "webmaster"]
)  # fmt: skip
ROLE_PREFIXES = ("noreply", "donotreply", "bounces")
LIST_SUFFIXES = ("-bounces", "-request", "-owner", "-subscribe", "-unsubscribe", "-join", "-leave")
LIST_PREFIXES = ("owner-", "listserv-")
SEPARATORS = str.maketrans("", "", "-_.")


class AddressError(ValueError):
    """The text is not an address that can receive mail; the message says why."""


def canonical_address(text: str) -> str:
    """Return the stored spelling of an address: lower-case local part, domain in A-labels.

    Raise AddressError if it is not a valid address. Makes no DNS query.
    """
    try:
        address = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError as exc:
        raise AddressError(str(exc)) from exc
    # Lower-casing can decompose accented letters.
    local_part = unicodedata.normalize("NFC", address.local_part.lower())
    return f"{local_part}@{address.ascii_domain.lower()}"


def readable_address(text: str) -> str:
    """Return the canonical address of somebody who may sign up.

    Raise AddressError also for role addresses: machines, mailing lists, domain administrators.
    """
    canonical = canonical_address(text)
    if is_role(canonical.rpartition("@")[0]):
        raise AddressError("It belongs to a machine or a postmaster. Use an address that you read yourself.")
    return canonical


def is_role(local_part: str) -> bool:
    name = local_part.partition("+")[0]
    bare = name.translate(SEPARATORS)
    is_list = name.endswith(LIST_SUFFIXES) or name.startswith(LIST_PREFIXES)
    return is_list or bare in ROLES or bare.startswith(ROLE_PREFIXES)


def hash_address(canonical: str) -> str:
    """Return the keyed hash of a canonical address, which identifies the address without revealing it."""
    return hmac.digest(settings.ADDRESS_KEY.encode(), canonical.encode(), hashlib.sha256).hex()
