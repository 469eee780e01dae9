"""What the settings say about who sends: the domains whose records receivers look up."""

from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings

# The domain that a provider's own SPF record stands at, to be included where mail returns to a domain of the sender's.
PROVIDER_SPF = {
    "amazon_ses": "amazonses.com",
    "brevo": "spf.brevo.com",
    "mailersend": "_spf.mailersend.net",
    "mailgun": "mailgun.org",
    "mailjet": "spf.mailjet.com",
    "mandrill": "spf.mandrillapp.com",
    "postmark": "spf.mtasv.net",
    "resend": "amazonses.com",
    "sendgrid": "sendgrid.net",
}
# Selectors that providers give to everybody, tried where DKIM_SELECTOR is not set.
PROVIDER_SELECTORS = {
    "brevo": ("brevo1", "brevo2", "mail"),
    "mailersend": ("mlsend2", "mlsend"),
    "mailgun": ("mx", "smtp", "k1", "pic", "mailo"),
    "mailjet": ("mailjet",),
    "mandrill": ("mte1", "mte2", "mandrill"),
    "resend": ("resend",),
    "sendgrid": ("s1", "s2"),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Domains are in lower case. `return_domain` is where bounces go (SPF's), empty where only the provider knows."""

    provider: str
    from_address: str
    reply_to: str
    bounce_address: str  # where an SMTP sender’s undelivered mail is read from
    return_domain: str
    dkim_domain: str
    selectors: tuple[str, ...]
    sending_addresses: tuple[str, ...]
    is_relayed: bool  # by SMTP through a server of somebody else, who asks for a password
    site_url: str

    @property
    def from_domain(self) -> str:
        return domain_of(self.from_address)

    @property
    def is_smtp(self) -> bool:
        return self.provider == "smtp"


def configured_sender() -> Sender:
    from_address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return Sender(
        provider=settings.EMAIL_PROVIDER,
        from_address=from_address,
        reply_to=parseaddr(settings.REPLY_TO)[1],
        bounce_address=settings.BOUNCE_ADDRESS.lower(),
        return_domain=return_domain(domain_of(from_address)),
        dkim_domain=(settings.DKIM_DOMAIN or mailgun_domain() or domain_of(from_address)).lower(),
        selectors=tuple(settings.DKIM_SELECTOR),
        sending_addresses=tuple(settings.SENDING_ADDRESSES),
        is_relayed=bool(settings.EMAIL_HOST_USER),
        site_url=settings.SITE_URL,
    )


def return_domain(from_domain: str) -> str:
    """Return the domain that undelivered mail goes back to, or an empty string where only the provider knows it."""
    if settings.RETURN_PATH_DOMAIN:
        return str(settings.RETURN_PATH_DOMAIN).lower()
    if settings.EMAIL_PROVIDER == "smtp":
        return domain_of(settings.BOUNCE_ADDRESS) or from_domain
    return mailgun_domain()


def mailgun_domain() -> str:
    """Return the domain that Mailgun signs with and has mail returned to; empty with another provider."""
    is_mailgun = settings.EMAIL_PROVIDER == "mailgun"
    return str(settings.ANYMAIL.get("MAILGUN_SENDER_DOMAIN", "")).lower() if is_mailgun else ""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()
