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
LONGEST_ADDRESS = 320  # characters as typed: 64 before the @, 255 after it
LONGEST_LOCAL_PART = 64  # bytes (RFC 5321, 4.5.3.1.1)
# Providers that document mail to addresses with other than ASCII letters before the @ (SMTPUTF8).
UNICODE_PROVIDERS = frozenset(["mailgun"])


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
    if len(local_part.encode()) > LONGEST_LOCAL_PART:
        raise AddressError(f"The part before the @ is too long: mail servers take {LONGEST_LOCAL_PART} letters there.")
    return f"{local_part}@{address.ascii_domain.lower()}"


def readable_address(text: str) -> str:
    """Return the canonical address of somebody who may sign up.

    Raise AddressError also for role addresses (machines, mailing lists, domain administrators), and for addresses that
    the mail provider does not take.
    """
    canonical = canonical_address(text)
    refuse_undeliverable(canonical)
    if is_role(canonical.rpartition("@")[0]):
        raise AddressError("It belongs to a machine or a postmaster. Use an address that you read yourself.")
    return canonical


def refuse_undeliverable(canonical: str) -> None:
    """Raise AddressError for a canonical address that the mail provider is not known to take."""
    providers = {settings.EMAIL_PROVIDER, settings.EMAIL_LETTERS_PROVIDER}
    if canonical.isascii() or providers <= UNICODE_PROVIDERS:
        return
    letter = next(letter for letter in canonical if not letter.isascii())
    raise AddressError(
        f"Our mail provider cannot deliver to addresses with letters such as “{letter}” before the @. "
        "Use an address with plain letters there."
    )


def is_role(local_part: str) -> bool:
    name = local_part.partition("+")[0]
    bare = name.translate(SEPARATORS)
    is_list = name.endswith(LIST_SUFFIXES) or name.startswith(LIST_PREFIXES)
    return is_list or bare in ROLES or bare.startswith(ROLE_PREFIXES)


def hash_address(canonical: str) -> str:
    """Return the keyed hash of a canonical address, which identifies the address without revealing it."""
    return hmac.digest(settings.ADDRESS_KEY.encode(), canonical.encode(), hashlib.sha256).hex()
