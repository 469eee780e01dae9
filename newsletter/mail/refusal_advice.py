"""Says in words what a receiver does not take of our mail, and what to do about it. Pure."""

import re

from newsletter.mail.refusal_words import Cause

# In the receiver's words, else by the reader's domain.
RECEIVERS = {
    "Gmail": (r"gsmtp|support\.google\.com", ("gmail.com", "googlemail.com")),
    "Outlook": (r"outlook\.com|office\.com|\bs314\d\b|5\.7\.5(?:09|15)", ("outlook.com", "hotmail.com", "live.com")),
    "Yahoo": (r"yahoo|\[(?:tss|ph|bl)\d\d\]", ("yahoo.com", "ymail.com", "aol.com")),
    "Apple": (r"support\.apple\.com|icloud", ("icloud.com", "me.com", "mac.com")),
    "Proofpoint": (r"proofpoint|pphosted", ()),
    "Mimecast": (r"mimecast", ()),
    "Barracuda": (r"barracuda", ()),
}
HELP = {
    "Gmail": "https://support.google.com/mail/answer/81126",
    "Outlook": "https://sendersupport.olc.protection.outlook.com/pm/",
    "Yahoo": "https://senders.yahooinc.com/best-practices/",
    "Apple": "https://support.apple.com/en-us/102322",
    "Proofpoint": "https://ipcheck.proofpoint.com/",
    "Mimecast": "https://community.mimecast.com/docs/DOC-1369",
    "Barracuda": "https://www.barracudacentral.org/lookups",
}
SETUP_CHECK = "“Check the setup” under “Sending”, or `manage.py check_mail`, looks at SPF, DKIM and DMARC."
WHY = {
    Cause.DKIM: "its DKIM signature is missing, broken or not of your From domain",
    Cause.SPF: "its SPF record does not name the server it came from",
    Cause.DMARC: "it does not pass the DMARC check of your From domain",
    Cause.AUTHENTICATION: "neither SPF nor DKIM proves that it comes from your From domain",
    Cause.RELAY: "the mail server does not send mail for you: it does not know your name and password, or your domain",
    Cause.BLOCK_LIST: "the server it comes from, or your domain, stands on a block list",
    Cause.REPUTATION: "your domain or the server it comes from has a bad name there",
    Cause.REVERSE_DNS: "the server it comes from has no name in reverse DNS",
    Cause.TLS: "it came without TLS",
    Cause.SENDER: "it does not take your From address or the address that bounces return to",
    Cause.SIZE: "it is too large",
    Cause.CONTENT: "it takes the content for spam or for dangerous",
}
TO_DO = {
    Cause.DKIM: f"Publish the DKIM key that your provider names, for the domain of FROM_EMAIL. {SETUP_CHECK}",
    Cause.SPF: f"Publish the SPF record that your provider names. {SETUP_CHECK}",
    Cause.DMARC: "Have SPF or DKIM pass for the very domain of FROM_EMAIL, and publish a DMARC record for it. "
    + SETUP_CHECK,
    Cause.AUTHENTICATION: "Publish the SPF record and the DKIM key that your provider names, for the domain of "
    f"FROM_EMAIL. {SETUP_CHECK}",
    Cause.RELAY: "Compare the name and password in EMAIL_URL, and FROM_EMAIL, with what the mail server expects.",
    Cause.BLOCK_LIST: "Follow the address in its answer to be taken off the list; with a provider, ask its support.",
    Cause.REPUTATION: "Ask your provider's support. Send less for some days (SEND_DAILY_CAP), and only to readers who "
    "signed up.",
    Cause.REVERSE_DNS: "Have whoever runs the server set its PTR record to its own name.",
    Cause.TLS: "Let the mail server use TLS, or take a provider that does.",
    Cause.SENDER: "See that the domain of FROM_EMAIL exists, has an MX record, and is confirmed at your provider.",
    Cause.SIZE: "Look at the newest digest, and drop large free items from the issue.",
    Cause.CONTENT: "Look at the newest issue for a free item or a link that filters dislike; with a provider, ask its "
    "support.",
    Cause.POLICY: "Read its answer, and ask your provider's support about it.",
}


def receiver_of(answer: str, domain: str = "") -> str:
    """Return the name of the receiver that wrote `answer`, else the reader's domain, else “A receiver”."""
    text = answer.lower()
    for name, (words, domains) in RECEIVERS.items():
        if re.search(words, text) or domain in domains:
            return name
    return domain or "A receiver"


def explain_refusal(receiver: str, cause: Cause) -> str:
    """Say who refuses our mail and why, in one sentence.

    >>> explain_refusal("Gmail", Cause.TLS)
    'Gmail refuses your mail because it came without TLS.'
    """
    return f"{receiver} refuses your mail {f'because {WHY[cause]}' if cause in WHY else 'for a reason of its own'}."


def advise(receiver: str, cause: Cause) -> str:
    """Say what to do about a refusal, with the receiver's own page for senders where there is one."""
    see = f" See {HELP[receiver]}." if receiver in HELP and cause != Cause.RELAY else ""
    return TO_DO[cause] + see
