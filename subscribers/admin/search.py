"""Search readers by a whole address, its beginning or its domain."""

from typing import Any

from django.db.models import QuerySet

from subscribers.addresses.canonical import AddressError, canonical_address

NO_ADDRESS = "reader@"  # prefixed to a domain to parse it as an address


def search_readers(readers: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Filter by an address in any spelling, the beginning of one, or a domain (“@example.org”)."""
    text = text.strip()
    if not text:
        return readers
    if text.startswith("@"):
        return readers.filter(canonical__endswith=f"@{domain_of(text[1:])}")
    try:
        return readers.filter(canonical=canonical_address(text))
    except AddressError:
        return readers.filter(canonical__startswith=text.lower())


def domain_of(text: str) -> str:
    """Return the stored spelling of a domain, or the text in lower case if it is not a domain."""
    try:
        return canonical_address(NO_ADDRESS + text).rpartition("@")[2]
    except AddressError:
        return text.lower()
