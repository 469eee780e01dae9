"""Domains that give out addresses for some minutes: the list that is shipped, and the operator's own."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import idna
from django.conf import settings

SHIPPED = "disposable_domains.txt"


def is_disposable(canonical: str) -> bool:
    """Say whether a canonical address lies in a throw-away domain, or below one."""
    return is_among(domains(), canonical.rpartition("@")[2])


@lru_cache(maxsize=50_000)
def is_among(known: frozenset[str], domain: str) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in known for start in range(len(labels)))


def domains() -> frozenset[str]:
    """Return all that count; the operator's file is read again where it has changed."""
    own = settings.DISPOSABLE_DOMAINS_FILE
    return listed(own, Path(own).stat().st_mtime_ns) if own else shipped()


@lru_cache(maxsize=2)
def listed(own: str, _changed_at: int) -> frozenset[str]:
    lines = lines_of(Path(own).read_text("utf-8"))
    away = {line for line in lines if line.startswith("-")}
    added = domains_in(set(lines) - away)
    return (shipped() | added) - domains_in(line[1:] for line in away)


@lru_cache
def shipped() -> frozenset[str]:
    return domains_in(lines_of(files("subscribers.data").joinpath(SHIPPED).read_text("utf-8")))


def lines_of(text: str) -> list[str]:
    return list(filter(None, (line.partition("#")[0].strip() for line in text.splitlines())))


def domains_in(lines: Iterable[str]) -> frozenset[str]:
    """Return the domains in small letters and A-labels; a line that can be no domain is left out."""
    return frozenset(filter(None, (label_of(line.strip(" .").lower()) for line in lines)))


def label_of(name: str) -> str:
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return ""
