"""Suggests the address a reader meant where the domain is one slip away from that of a big mail provider."""

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

# Shorter ones are left out: too many real domains differ from them by one letter.
BIG_PROVIDERS = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.co.jp", "hotmail.com", "outlook.com",
    "icloud.com", "protonmail.com", "proton.me", "foxmail.com", "fastmail.com", "comcast.net", "verizon.net",
    "t-online.de",
)  # fmt: skip
# Other providers, whose names are one letter away from these.
RIGHT_AS_TYPED = frozenset(("mail.com", "email.com", "ymail.com"))
MOST_SLIPS = 1  # a letter left out, added, wrong, or swapped with its neighbour


def suggest_address(address: str) -> str:
    """Return the address that was probably meant, or an empty string if the domain looks right."""
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    if domain in RIGHT_AS_TYPED or domain in BIG_PROVIDERS:
        return ""
    found = extractOne(domain, BIG_PROVIDERS, scorer=OSA.distance, score_cutoff=MOST_SLIPS)
    return f"{local}@{found[0]}" if found else ""
