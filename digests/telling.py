"""What operators must hear of at once, by mail."""

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from newsletter import mail
from newsletter.papers import watching


def tell_operators(subject: str, *paragraphs: str, page: str = "admin:index") -> None:
    """Mail editors and operators once the transaction is committed; `page` names where to act on it."""
    page_url = settings.SITE_URL + reverse(page)
    context: dict[str, object] = {"subject": subject, "paragraphs": paragraphs, "page_url": page_url}
    transaction.on_commit(lambda: mail_everyone(context), robust=True)


def mail_everyone(context: dict[str, object]) -> None:
    for address in watching.addresses():
        mail.hand_over(mail.compose("digests/alert", context, address, tag="alert"))
