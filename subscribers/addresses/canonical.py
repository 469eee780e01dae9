"""One spelling for one person's address, what addresses may sign up, and the keyed hash that outlives them.

The policy, in words for operators, stands in docs/addresses.md.
"""

import hashlib
import hmac
import unicodedata

from django.conf import settings
from email_validator import EmailNotValidError, validate_email

# Read by a machine, or by whoever runs the domain; the marks between the words do not count.
ROLES = frozenset(
    ["abuse", "autoreply", "autoresponder", "bounce", "bounces", "daemon", "devnull", "donotreply", "hostmaster",
     "listserv", "lists", "mailerdaemon", "majordomo", "mdaemon", "noc", "nobody", "noreply", "notifications", "null",
     "postmaster", "root", "spam", "unsubscribe", "uucp", "webmaster"]
)  # fmt: skip
ROLE_BEGINNINGS = ("noreply", "donotreply", "bounces")
LIST_ENDS = ("-bounces", "-request", "-owner", "-subscribe", "-unsubscribe", "-join", "-leave")
LIST_BEGINNINGS = ("owner-", "listserv-")
MARKS = str.maketrans("", "", "-_.")


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


def readable_address(text: str) -> str:
    """Return the canonical address of a reader who may sign up.

    Raise AddressError also for an address that no reader reads: of a machine, of a list, of who runs the domain.
    """
    canonical = canonical_address(text)
    if is_role(canonical.rpartition("@")[0]):
        raise AddressError("It belongs to a machine or to a postmaster. Use one that you read yourself.")
    return canonical


def is_role(local_part: str) -> bool:
    name = local_part.partition("+")[0]
    bare = name.translate(MARKS)
    is_of_a_list = name.endswith(LIST_ENDS) or name.startswith(LIST_BEGINNINGS)
    return is_of_a_list or bare in ROLES or bare.startswith(ROLE_BEGINNINGS)


def hash_address(canonical: str) -> str:
    """Return the keyed hash of a canonical address: it recognises an address, and gives none away."""
    return hmac.digest(settings.ADDRESS_KEY.encode(), canonical.encode(), hashlib.sha256).hex()
