"""Readers found by what an operator has of an address: all of it, its beginning, or its domain."""

from typing import Any

from django.db.models import QuerySet

from subscribers.addresses.canonical import AddressError, canonical_address

NO_ADDRESS = "reader@"  # lends a domain the local part that an address has


def found(readers: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Keep the readers of an address in any spelling, of one that begins so, or of a domain (“@example.org”)."""
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
    """Return a domain as it is stored, or as it was typed where it is none."""
    try:
        return canonical_address(NO_ADDRESS + text).rpartition("@")[2]
    except AddressError:
        return text.lower()
