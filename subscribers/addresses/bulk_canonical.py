"""Canonical addresses of a million readers: most skip email-validator, which takes 0.1 ms an address."""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES

from subscribers.addresses.canonical import LONGEST_ADDRESS, LONGEST_LOCAL_PART, AddressError, canonical_address

ATOM = r"[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+"
# Not “xn--”: email-validator also limits the length of the decoded domain.
PLAIN = re.compile(rf"({ATOM}(?:\.{ATOM})*)@((?!.*[xX][nN]--)[a-zA-Z0-9.\-]+)")
LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
USUAL = re.compile(rf"(?:{LABEL}\.)+[a-z]{{2,63}}")
RESERVED = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
LONGEST = 254


def canonical(text: str) -> str:
    """Return or raise the same as `canonical_address`; fast for plain addresses of domains seen before."""
    text = text.strip()
    plain = PLAIN.fullmatch(text)
    if plain is None or len(text) > LONGEST:
        return canonical_address(text)
    local_part, domain = plain.groups()
    if len(local_part) > LONGEST_LOCAL_PART or not is_domain(domain):
        return canonical_address(text)  # which says what is wrong with it
    return f"{local_part}@{domain}".lower()


@lru_cache(maxsize=200_000)
def is_domain(domain: str) -> bool:
    usual = domain.lower()
    if USUAL.fullmatch(usual):
        return not usual.endswith(RESERVED) and usual not in SPECIAL_USE_DOMAIN_NAMES
    try:
        canonical_address(f"a@{domain}")
    except AddressError:
        return False
    return True


def mask_address(text: str) -> str:
    """Return the first letter of each part of an address, too little to identify anybody."""
    shown = text.strip()[:LONGEST_ADDRESS]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
    local_part, at, domain = shown.rpartition("@")
    return f"{local_part[:1]}…@{domain[:1]}…" if at and local_part else "…"
