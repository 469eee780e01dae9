"""Notices to operators: written as rows, then mailed and posted until they arrive.

A row is not lost with a process, and a transaction that rolls back sends no notice.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.mail import get_connection
from django.urls import reverse

from digests.models import Notice
from digests.monitoring import webhook_post
from newsletter import clock
from newsletter.mail import message
from newsletter.mail.refusal import Blame
from newsletter.papers.ingest import source_alerts

RETRY_AFTER = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=1)
KEEP_FOR = timedelta(days=90)
MARKUP = str.maketrans("<>", "‹›")
logger = logging.getLogger(__name__)


def notify_operators(subject: str, *paragraphs: str, page: str = "admin:index", query: str = "") -> None:
    """Notify operators by mail and webhook within half a minute; `page` is the URL name of the page to act on."""
    write_notice(subject, *paragraphs, url=absolute_url(page, query))


def absolute_url(page: str, query: str = "", args: Sequence[object] = ()) -> str:
    return settings.SITE_URL + reverse(page, args=args) + query


def write_notice(
    title: str, *paragraphs: str, url: str, by_mail: bool = True, to: Sequence[str] | None = None
) -> None:
    """Store a notice to all operators, or, with `to`, to these addresses only and by mail only."""
    recipients = operator_addresses() if by_mail else []
    logger.warning("Notice to operators: %s. %s", title, paragraphs[0] if paragraphs else "")
    Notice.objects.create(
        title=title,
        text="\n\n".join(paragraphs),
        url=url,
        to_mail=recipients if to is None else list(to),
        is_to_post=to is None and bool(settings.ALERT_WEBHOOK),
    )


def undelivered_titles() -> list[str]:
    """Return the titles of notices that could not be mailed for over a minute, newest first, three at most."""
    tried = Notice.objects.filter(told_at=None, made_at__lt=clock.now() - RETRY_AFTER).exclude(to_mail=[])
    return list(tried.order_by("-pk").values_list("title", flat=True)[:3])


def operator_addresses() -> list[str]:
    """Return the operators' addresses; if none are set, those of all staff accounts."""
    return [address for _, address in settings.ADMINS] or source_alerts.addresses()


def deliver_notices() -> None:
    """Mail and post waiting notices. Failures are retried at growing intervals for a day. Safe to run twice at once.

    An unclear answer counts as a failure, so operators may get a notice more than once.
    """
    for notice in Notice.objects.undelivered().order_by("pk"):
        age = clock.now() - notice.made_at
        if Notice.objects.undelivered().filter(pk=notice.pk).update(not_before=clock.now() + age + RETRY_AFTER):
            deliver_notice(notice)
    Notice.objects.filter(told_at__lt=clock.now() - KEEP_FOR).delete()


def deliver_notice(notice: Notice) -> None:
    left = [address for address in notice.to_mail if not mail_notice(notice, address)]
    is_to_post = notice.is_to_post and not post_notice(notice)
    is_given_up = notice.made_at < clock.now() - GIVE_UP_AFTER
    if is_given_up and (left or is_to_post):
        logger.error("Notice %s is given up: it could not be delivered to everybody within a day", notice.pk)
    is_done = is_given_up or not (left or is_to_post)
    told_at = clock.now() if is_done else None
    Notice.objects.filter(pk=notice.pk).update(to_mail=left, is_to_post=is_to_post, told_at=told_at)


def mail_notice(notice: Notice, address: str) -> bool:
    """Mail a notice to one address; return whether it needs no retry. An unclear answer is retried.

    So is a refusal for a fault of ours: the very trouble that a notice tells of may keep it back.
    It goes the way of letters, which may have a provider of their own that works while that of digests fails.
    """
    context = {"subject": notice.title, "paragraphs": notice.text.split("\n\n"), "page_url": notice.url}
    mail = message.compose("digests/alert", context, address, tag="alert")
    message.name_message(mail, settings.EMAIL_LETTERS_PROVIDER)
    outcome = message.hand_over(mail, get_connection(settings.EMAIL_LETTERS_BACKEND))
    if not outcome.is_accepted:
        logger.warning("Notice %s could not be mailed: %s", notice.pk, outcome.reason)
    return outcome.is_accepted or (outcome.is_refused and outcome.blame is not Blame.US)


def post_notice(notice: Notice) -> bool:
    if not settings.ALERT_WEBHOOK:  # removed since the notice was written
        return True
    title = f"{settings.PUBLICATION_NAME}: {notice.title}"
    text = without_markup(notice.text)
    body: dict[str, object] = {"title": without_markup(title), "text": text, "url": notice.url}
    return webhook_post.post_json(settings.ALERT_WEBHOOK, body)


def without_markup(text: str) -> str:
    """Return `text` without what chats take for links and calls: it may quote mail servers of strangers.

    >>> without_markup("<https://example.org|log in> <!channel> [log in](https://example.org)")
    '‹https://example.org|log in› ‹!channel› [log in] (https://example.org)'
    """
    return text.translate(MARKUP).replace("](", "] (")
