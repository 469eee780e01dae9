"""What each provider takes in one call and in one minute, as its documentation says. The pace keeps the minute."""

from typing import NamedTuple


class ProviderLimits(NamedTuple):
    """Limits of the endpoint that digests go to; 0 where none is published, and an answer 429 is the only limit."""

    mails: int = 1  # of one call
    call_bytes: int = 0  # of one call's body
    value_bytes: int = 0  # of all readers' values in one call
    calls_a_minute: int = 0
    counts_letters: bool = False  # whether letters are calls of the same count


UNKNOWN = ProviderLimits()
LIMITS = {
    # developers.brevo.com, “Batch send transactional emails” and “Send a transactional email”: of `params` in all
    # versions 1000 KB; a call without versions, as for a letter, has a far higher limit of its own.
    "brevo": ProviderLimits(mails=1_000, value_bytes=1_000_000, calls_a_minute=100),
    # documentation.mailgun.com, “Batch sending” and “Sending messages”: 25 MB before they are compressed.
    "mailgun": ProviderLimits(mails=1_000, call_bytes=25_000_000),
    # dev.mailjet.com, “Send API v3.1”; Anymail speaks no v3, which takes 100.
    "mailjet": ProviderLimits(mails=50),
    # postmarkapp.com, “Send batch emails”
    "postmark": ProviderLimits(mails=500, call_bytes=50_000_000),
    # resend.com, “Send batch emails” and “Usage limits”: five requests a second, of which calls that arrive unevenly
    # may use nine tenths.
    "resend": ProviderLimits(mails=100, calls_a_minute=270, counts_letters=True),
    # developers.mailersend.com, “Rate limits”, for one mail a call.
    "mailersend": ProviderLimits(calls_a_minute=120, counts_letters=True),
}


def limits_of_provider(name: str) -> ProviderLimits:
    """Return the published limits of a provider, by Anymail's name for it."""
    return LIMITS.get(name, UNKNOWN)
