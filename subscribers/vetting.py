"""Which addresses are no person's, though mail could be sent to them."""

from enum import StrEnum

ROLES = frozenset(
    (
        "abuse", "admin", "administrator", "billing", "contact", "devnull", "donotreply", "ftp", "help", "hostmaster",
        "info", "mail", "mailer-daemon", "marketing", "no-reply", "noc", "noreply", "office", "postmaster", "root",
        "sales", "security", "spam", "support", "usenet", "webmaster", "www",
    )
)  # fmt: skip
THROW_AWAY = frozenset(
    (
        "10minutemail.com", "discard.email", "dispostable.com", "fakeinbox.com", "getnada.com", "guerrillamail.com",
        "maildrop.cc", "mailinator.com", "mailnesia.com", "mintemail.com", "sharklasers.com", "temp-mail.org",
        "tempmail.com", "throwawaymail.com", "trashmail.com", "yopmail.com",
    )
)  # fmt: skip


class Doubt(StrEnum):
    ROLE = "role"
    THROW_AWAY = "throw_away"


def doubt(canonical: str) -> Doubt | None:
    """Return why a canonical address is no person's own, None where it may be."""
    local_part, _, domain = canonical.rpartition("@")
    if domain in THROW_AWAY:
        return Doubt.THROW_AWAY
    return Doubt.ROLE if local_part.partition("+")[0] in ROLES else None
