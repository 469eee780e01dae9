"""Checks the BIMI record, the logo beside a mail, where the domain has one."""

from digests.mail_setup.dmarc import effective_policy
from digests.mail_setup.dmarc_record import walk_tree
from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import Sender
from digests.mail_setup.tag_list import read_tags

SUBJECT = "BIMI"


def check_bimi(sender: Sender, resolver: Resolver) -> list[Finding]:
    """Return nothing where there is no record: BIMI is a matter of choice."""
    walk = walk_tree(sender.from_domain, resolver)
    for domain in dict.fromkeys((sender.from_domain, walk.organization)):
        host = f"default._bimi.{domain}"
        texts = [text for text in resolver.txt(host) if text.split(";")[0].replace(" ", "") == "v=BIMI1"]
        if texts:
            policy = effective_policy(walk.start, walk.policy) if walk.policy else ""
            return judge(host, texts, policy)
    return []


def judge(host: str, texts: list[str], policy: str) -> list[Finding]:
    tags = read_tags(texts[0])
    logo, certificate = tags.get("l", ""), tags.get("a", "")
    no_logo = "No mailbox shows the logo."
    if len(texts) > 1:
        return [Finding(SUBJECT, Level.WARNING, f"{host} has {len(texts)} records.", no_logo, "Leave one of them.")]
    if not logo and not certificate:
        return [Finding(SUBJECT, Level.NOTE, f"{host} declines to show a logo.")]
    found = []
    if not (logo.startswith("https://") and logo.lower().split("?")[0].endswith((".svg", ".svgz"))):
        words = f"The logo of {host} is “{logo}”."
        found.append(Finding(SUBJECT, Level.WARNING, words, no_logo, "Name an SVG file by https:// in its l."))
    if policy.lower() not in ("quarantine", "reject"):
        words = f"{host} names a logo, and the DMARC policy is “{policy or 'none'}”."
        todo = "Make the policy quarantine or reject, once its reports show that all your mail passes."
        found.append(Finding(SUBJECT, Level.WARNING, words, no_logo, todo))
    if not certificate:
        words, why = f"{host} names no certificate (its a is empty).", "Gmail and Apple show no logo without one."
        found.append(Finding(SUBJECT, Level.NOTE, words, why, "An authority sells such a certificate (VMC or CMC)."))
    return found or [Finding(SUBJECT, Level.GOOD, f"“{texts[0]}” at {host}.")]
