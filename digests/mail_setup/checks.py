"""Runs all checks of the mail's setup, one after another, within one total time."""

from collections.abc import Callable, Iterator

from digests.mail_setup.bimi import check_bimi
from digests.mail_setup.dkim import check_dkim
from digests.mail_setup.dmarc import check_dmarc
from digests.mail_setup.exchangers import check_exchangers
from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.own_smtp import check_names, check_tls
from digests.mail_setup.resolver import NoAnswer, Resolver
from digests.mail_setup.sender import Sender
from digests.mail_setup.spf import check_spf

Check = Callable[[Sender, Resolver], list[Finding]]


def check_links(sender: Sender, resolver: Resolver) -> list[Finding]:
    """Check that one click unsubscribes: mailboxes offer it for links by https alone (RFC 8058)."""
    if sender.site_url.startswith("https://"):
        return [Finding("One-click unsubscribing", Level.GOOD, f"The links lead to {sender.site_url}, by https.")]
    return [
        Finding(
            "One-click unsubscribing",
            Level.FAULT,
            f"The links lead to {sender.site_url}, without https.",
            "Gmail and Yahoo refuse bulk mail that cannot be unsubscribed with one click, and follow https alone.",
            "Give the site a certificate, and write SITE_URL with https://.",
        )
    ]


CHECKS: tuple[tuple[str, Check], ...] = (
    ("SPF", check_spf),
    ("DKIM", check_dkim),
    ("DMARC", check_dmarc),
    ("Mail to our own domains", check_exchangers),
    ("BIMI", check_bimi),
    ("PTR", check_names),
    ("TLS to the mail server", check_tls),
    ("One-click unsubscribing", check_links),
)


def run_checks(sender: Sender, resolver: Resolver) -> Iterator[list[Finding]]:
    """Yield the findings of each check as it ends. What DNS does not answer becomes a finding of its own."""
    for subject, check in CHECKS:
        try:
            yield check(sender, resolver)
        except NoAnswer as exc:
            yield [
                Finding(
                    subject,
                    Level.UNKNOWN,
                    f"{exc}.",
                    "So this is not known.",
                    "Check again later; if it stays, ask "
                    "whoever runs the domain’s name servers (a broken DNSSEC looks like this too).",
                )
            ]
