"""Finds the DMARC policy and the organizational domain of a domain by the tree walk of RFC 9989, section 4.10."""

from collections.abc import Iterator
from typing import NamedTuple

from digests.mail_setup.resolver import Resolver
from digests.mail_setup.tag_list import read_tags

POLICIES = {"none", "quarantine", "reject"}
MOST_LABELS = 8  # a walk begins at the domain itself, and goes on from no more than seven labels


class PolicyRecord(NamedTuple):
    domain: str  # where it stands, without "_dmarc."
    text: str
    tags: dict[str, str]

    @property
    def psd(self) -> str:
        """Return "y" for a public suffix, "n" for what is none, "u" where the record does not say."""
        return self.tags.get("psd", "u").lower()


class Walk(NamedTuple):
    """The records that a walk met, the domain's own first, and where there were several, of which none counts."""

    start: str
    records: list[PolicyRecord]
    doubled: dict[str, list[str]]

    @property
    def policy(self) -> PolicyRecord | None:
        """Return the record that applies to mail from `start`: its own, its organization's, or the registry's."""
        by_domain = {record.domain: record for record in self.records}
        registry = next((record for record in self.records if record.psd == "y"), None)
        return by_domain.get(self.start) or by_domain.get(self.organization) or registry

    @property
    def organization(self) -> str:
        for record in self.records:
            if record.psd == "n":
                return record.domain
            if record.psd == "y" and record.domain != self.start:
                return ".".join(self.start.split(".")[-1 - len(record.domain.split(".")) :])
        return self.records[-1].domain if self.records else self.start


def walk_tree(domain: str, resolver: Resolver) -> Walk:
    """Look the policy up at `domain` and above it. Raise NoAnswer."""
    walk = Walk(domain, [], {})
    for target in targets(domain):
        texts = policy_texts(resolver.txt(f"_dmarc.{target}"))
        if len(texts) > 1:
            walk.doubled[target] = texts
        elif texts:
            record = PolicyRecord(target, texts[0], read_tags(texts[0]))
            walk.records.append(record)
            if record.psd == "n" or (record.psd == "y" and target != domain):
                break
    return walk


def targets(domain: str) -> Iterator[str]:
    """Yield the domains that a walk asks, at most eight.

    >>> list(targets("a.example.org"))
    ['a.example.org', 'example.org', 'org']
    """
    yield domain
    labels = domain.split(".")
    for count in range(min(len(labels), MOST_LABELS) - 1, 0, -1):
        yield ".".join(labels[-count:])


def policy_texts(texts: list[str]) -> list[str]:
    return [text for text in texts if text.split(";")[0].replace(" ", "") == "v=DMARC1"]


def is_aligned(author: str, other: str, *, is_strict: bool, resolver: Resolver) -> bool:
    """Return whether DMARC takes a domain that SPF or DKIM vouches for as the author's. Raise NoAnswer."""
    if author == other:
        return True
    return not is_strict and walk_tree(author, resolver).organization == walk_tree(other, resolver).organization
