"""Checks the DMARC policy of the From domain, and whether SPF and DKIM vouch for that domain (RFC 9989)."""

from collections.abc import Iterator

from digests.mail_setup.dmarc_record import POLICIES, PolicyRecord, Walk, is_aligned, policy_texts, walk_tree
from digests.mail_setup.finding import DnsRecord, Finding, Level
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import Sender, domain_of

SUBJECT = "DMARC"
REMOVED_TAGS = ("pct", "rf", "ri")


def check_dmarc(sender: Sender, resolver: Resolver) -> list[Finding]:
    walk = walk_tree(sender.from_domain, resolver)
    if walk.start in walk.doubled:
        return [doubled(walk.start, walk.doubled[walk.start])]
    if walk.policy is None:
        return [missing(walk, resolver)]
    faults = [*policy_faults(walk.start, walk.policy), *report_faults(walk.policy, resolver)]
    if any(fault.level == Level.FAULT for fault in faults):
        return faults
    faults += alignment_faults(sender, walk.policy, resolver)
    return faults if any(fault.level == Level.FAULT for fault in faults) else [sound(walk, walk.policy), *faults]


def doubled(domain: str, texts: list[str]) -> Finding:
    strictest = max(texts, key=len)
    return Finding(
        SUBJECT,
        Level.FAULT,
        f"_dmarc.{domain} has {len(texts)} records: {', '.join(f'“{text}”' for text in texts)}.",
        "Where there is more than one, receivers take none.",
        "Leave one of them, for example this.",
        DnsRecord(f"_dmarc.{domain}", "TXT", strictest),
    )


def missing(walk: Walk, resolver: Resolver) -> Finding:
    domain = walk.start
    unread = [text for text in resolver.txt(f"_dmarc.{domain}") if "dmarc" in text.lower()]
    misplaced = policy_texts(resolver.txt(domain))
    if unread:
        found = f"_dmarc.{domain} holds “{unread[0]}”, which no receiver reads: it has to begin with “v=DMARC1;”."
    elif misplaced:
        found = f"“{misplaced[0]}” stands at {domain} itself, where no receiver looks for it."
    else:
        found = f"Neither _dmarc.{domain} nor a domain above it has a policy."
    return Finding(
        SUBJECT,
        Level.FAULT,
        found,
        "Gmail, Yahoo and Outlook refuse bulk mail, or put it into spam, from a domain without one.",
        "Publish this record, with an address for reports that exists; once they show that all your mail passes, "
        "make it p=quarantine.",
        DnsRecord(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc-reports@{domain}"),
    )


def effective_policy(domain: str, policy: PolicyRecord) -> str:
    """Return the policy for mail from `domain`: a record above it may have another one for what is below."""
    own = policy.tags.get("p", "")
    return own if policy.domain == domain else policy.tags.get("sp", own)


def policy_faults(domain: str, policy: PolicyRecord) -> Iterator[Finding]:
    tags, host = policy.tags, f"_dmarc.{policy.domain}"
    wrong = [name for name in ("p", "sp", "np") if tags.get(name, "none").lower() not in POLICIES]
    if "p" not in tags or wrong:
        trouble = (
            "has no p" if "p" not in tags else " and ".join(f"has “{name}={tags[name]}”" for name in wrong)
        ) + ", where none, quarantine or reject has to stand"
        is_used = "mailto:" in tags.get("rua", "").lower()
        yield Finding(
            SUBJECT,
            Level.WARNING if is_used else Level.FAULT,
            f"“{policy.text}” at {host} {trouble}.",
            "Since it names where reports go, receivers take it as p=none; older ones may take none of it."
            if is_used
            else "Receivers take no part of it, as if the domain had no policy.",
            "Publish it with its p.",
            DnsRecord(host, "TXT", corrected(tags)),
        )
    if removed := [name for name in REMOVED_TAGS if name in tags]:
        yield Finding(
            SUBJECT,
            Level.NOTE,
            f"“{policy.text}” at {host} has {', '.join(removed)}.",
            "RFC 9989 took these tags out: current receivers ignore them, others may not.",
            "Take them out" + (", and write t=y while you test a stricter policy." if "pct" in removed else "."),
        )
    if tags.get("t", "").lower() == "y":
        yield Finding(
            SUBJECT,
            Level.NOTE,
            f"The policy at {host} is being tested (t=y).",
            "Receivers apply the next milder one.",
            "Take t=y out once its reports show that all your mail passes.",
        )
    if not tags.get("rua"):
        yield Finding(
            SUBJECT,
            Level.NOTE,
            f"The policy at {host} names nobody for reports (rua).",
            "You do not hear of mail that fails, nor of forgers.",
            f"Add “rua=mailto:dmarc-reports@{policy.domain}”, an address that exists.",
        )


def report_faults(policy: PolicyRecord, resolver: Resolver) -> Iterator[Finding]:
    """Yield the domains that reports go to and that do not say that they take them (RFC 9990, section 4)."""
    addresses = [part.strip()[7:] for part in policy.tags.get("rua", "").split(",") if "mailto:" in part.lower()]
    for domain in dict.fromkeys(domain_of(address.split("!")[0]) for address in addresses):
        host = f"{policy.domain}._report._dmarc.{domain}"
        if is_aligned(policy.domain, domain, is_strict=False, resolver=resolver) or policy_texts(resolver.txt(host)):
            continue
        yield Finding(
            SUBJECT,
            Level.WARNING,
            f"Reports go to {domain}, which does not say that it takes reports about {policy.domain}.",
            "Receivers send none there.",
            f"Have {domain} publish this record, or name an address of your own in rua.",
            DnsRecord(host, "TXT", "v=DMARC1"),
        )


def corrected(tags: dict[str, str]) -> str:
    kept = {
        name: value
        for name, value in tags.items()
        if name not in ("v", "p", *REMOVED_TAGS) and (name not in ("sp", "np") or value.lower() in POLICIES)
    }
    own = tags.get("p", "").lower()
    whole = {"v": "DMARC1", "p": own if own in POLICIES else "none"} | kept
    return "; ".join(f"{name}={value}" for name, value in whole.items())


def alignment_faults(sender: Sender, policy: PolicyRecord, resolver: Resolver) -> Iterator[Finding]:
    """Yield what is wrong where DMARC cannot pass by DKIM, or passes by DKIM alone."""
    author = sender.from_domain
    is_strict = policy.tags.get("adkim", "r").lower() == "s"
    if not is_aligned(author, sender.dkim_domain, is_strict=is_strict, resolver=resolver):
        yield Finding(
            SUBJECT,
            Level.FAULT,
            f"Mail from {author} is signed by {sender.dkim_domain}, which is not aligned with it"
            + (" (adkim=s asks for the same domain)." if is_strict else "."),
            "The signature does not count for DMARC, and receivers do with your mail what the policy says.",
            f"Have mail signed with a key of {author}"
            + (", or publish the policy with adkim=r." if is_strict else ", or send from an address of that domain."),
        )
    is_strict = policy.tags.get("aspf", "r").lower() == "s"
    if sender.return_domain and not is_aligned(author, sender.return_domain, is_strict=is_strict, resolver=resolver):
        yield Finding(
            SUBJECT,
            Level.WARNING,
            f"Mail from {author} is returned to {sender.return_domain}, which is not aligned with it"
            + (" (aspf=s asks for the same domain)." if is_strict else "."),
            "SPF does not count for DMARC: a mail whose signature breaks on its way fails.",
            f"Have mail returned to a domain under {author}.",
        )


def sound(walk: Walk, policy: PolicyRecord) -> Finding:
    name = effective_policy(walk.start, policy) or "none"
    above = "" if policy.domain == walk.start else f", which covers {walk.start}"
    return Finding(
        SUBJECT,
        Level.GOOD,
        f"“{policy.text}” at _dmarc.{policy.domain}{above}.",
        "It is enough for bulk mail. It does not keep forgers out." if name == "none" else "",
    )
