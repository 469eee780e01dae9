"""Domains of disposable addresses: those of disposable-email-domains and a few more, changed by the operator's own."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import idna
from disposable_email_domains import blocklist
from django.conf import settings

# Services that give out addresses for a while and that the package does not list.
ALSO_DISPOSABLE = {
    "33mail.com", "burnermail.io", "fake-mail.net", "nospam.ze.tc", "owlymail.com", "sneakemail.com",
    "spamgourmet.com", "temp-mail.io", "tempmail.com", "tempmail.net", "tempmailaddress.com",
}  # fmt: skip


def is_disposable(canonical: str) -> bool:
    """Return True if the domain of a canonical address, or a parent domain, is listed."""
    return is_listed(domains(), canonical.rpartition("@")[2])


@lru_cache(maxsize=50_000)
def is_listed(known: frozenset[str], domain: str) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in known for start in range(len(labels)))


def domains() -> frozenset[str]:
    """Return all listed domains; reads the operator's file again when it has changed."""
    own = settings.DISPOSABLE_DOMAINS_FILE
    return merge_operator_list(own, Path(own).stat().st_mtime_ns) if own else shipped_domains()


@lru_cache(maxsize=2)
def merge_operator_list(own: str, _changed_at: int) -> frozenset[str]:
    lines = list_lines(Path(own).read_text("utf-8"))
    removed = {line for line in lines if line.startswith("-")}
    added = parse_domains(set(lines) - removed)
    return (shipped_domains() | added) - parse_domains(line[1:] for line in removed)


@lru_cache
def shipped_domains() -> frozenset[str]:
    return parse_domains(blocklist | ALSO_DISPOSABLE)


def list_lines(text: str) -> list[str]:
    return list(filter(None, (line.partition("#")[0].strip() for line in text.splitlines())))


def parse_domains(lines: Iterable[str]) -> frozenset[str]:
    """Return the domains in lower-case A-labels, without lines that are not domains."""
    return frozenset(filter(None, (ascii_domain(line.strip(" .").lower()) for line in lines)))


def ascii_domain(name: str) -> str:
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return ""
