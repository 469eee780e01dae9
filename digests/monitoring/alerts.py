"""Notifies operators of each trouble once when it begins and once when it is over.

Every round reads what is wrong from rows and from the breaker, so nothing is missed while a process is down.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Greatest

from digests.models import Alert, Delivery, ProviderEvent, ProviderLookup, SwitchChange
from digests.monitoring import notices, obstacles, return_mailbox
from digests.sending import switch
from newsletter import clock
from newsletter.mail.refusal import Blame
from newsletter.mail.throttle import RedisAway
from newsletter.number_text import pluralize
from newsletter.papers.ingest import source_alerts
from newsletter.papers.models import Source
from subscribers.models import Letter

# A trouble that comes back within this time is the same trouble.
QUIET_TIME = timedelta(minutes=5)
UNCERTAIN_PATIENCE = timedelta(hours=1)  # provider events settle most deliveries sooner
LETTER_PATIENCE = timedelta(minutes=10)
SIGNATURE_WORRY = timedelta(days=1)
SENDING_PAGE = "admin:digests_sendingswitch_changelist"
Kind = Alert.Kind


@dataclass(frozen=True, slots=True)
class Trouble:
    key: str  # distinguishes it from others of its kind
    subject: str
    paragraphs: tuple[str, ...]
    over: str
    page: str
    query: str = ""
    is_mailed: bool = True  # False when another part of the product mails it

    @property
    def url(self) -> str:
        return notices.absolute_url(self.page, self.query)


def update_alerts() -> None:
    """Open alerts for new troubles and close those that are over. Safe to repeat, and to run twice at once."""
    for kind, find in FINDERS.items():
        try:
            troubles = {trouble.key: trouble for trouble in find()}
        except RedisAway:
            continue  # the state is unknown, so the alerts stay as they are
        update_alerts_of_kind(kind, troubles)


def update_alerts_of_kind(kind: Kind, troubles: dict[str, Trouble]) -> None:
    open_alerts = {alert.key: alert for alert in Alert.objects.open().filter(kind=kind)}
    for key, trouble in troubles.items():
        if key not in open_alerts:
            open_alert(kind, trouble)
        elif open_alerts[key].gone_at:
            Alert.objects.open().filter(pk=open_alerts[key].pk).update(gone_at=None)
    for key, alert in open_alerts.items():
        if key not in troubles:
            close_alert_once_quiet(alert)


@transaction.atomic
def open_alert(kind: Kind, trouble: Trouble) -> None:
    words = {"over_words": trouble.over[:300], "url": trouble.url}
    _, is_new = Alert.objects.get_or_create(kind=kind, key=trouble.key, over_at=None, defaults=words)
    if is_new:
        notices.write_notice(trouble.subject, *trouble.paragraphs, url=trouble.url, by_mail=trouble.is_mailed)


@transaction.atomic
def close_alert_once_quiet(alert: Alert) -> None:
    """Record that the trouble is gone; close the alert and notify once it has been gone for QUIET_TIME."""
    rows = Alert.objects.open().filter(pk=alert.pk)
    if alert.gone_at is None:
        rows.update(gone_at=clock.now())
    elif alert.gone_at <= clock.now() - QUIET_TIME and rows.update(over_at=alert.gone_at):
        duration = f"It began on {alert.since:%-d %B %Y at %H:%M} UTC, and was over at {alert.gone_at:%H:%M} UTC."
        notices.write_notice(alert.over_words, duration, url=alert.url)


def find_automatic_pause() -> Iterator[Trouble]:
    """Yield an automatic pause of sending. A pause by hand needs no alert."""
    change = SwitchChange.objects.filter(act=SwitchChange.Act.PAUSED).first()
    if change and change.by == switch.BY_ITSELF and switch.is_paused():
        yield Trouble(
            str(change.pk),
            "sending has paused itself",
            (
                change.reason,
                "Nothing more is sent until somebody resumes it."
                + (" Going on may harm the reputation of your domain." if change.kind else ""),
            ),
            "over: sending had paused itself, and goes on",
            SENDING_PAGE,
        )


def find_hold() -> Iterator[Trouble]:
    change = SwitchChange.objects.filter(act=SwitchChange.Act.HELD).first()
    if change and switch.is_held():
        yield Trouble(
            str(change.pk),
            "nothing is sent until you say so",
            (
                change.reason,
                "Look at what was sent last. If it is right to go on, run “manage.py allow_sending”.",
            ),
            "over: sending is allowed again",
            SENDING_PAGE,
        )


def find_open_breakers() -> Iterator[Trouble]:
    """Yield the providers whose breaker is open because they fail. Raise RedisAway."""
    for obstacle in obstacles.find_failing_providers():
        yield Trouble(
            obstacle.provider,
            f"{obstacle.provider} fails, and mail waits",
            (obstacle.headline, obstacle.text),
            f"over: {obstacle.provider} works again",
            SENDING_PAGE,
        )


def find_used_up_cap() -> Iterator[Trouble]:
    """Yield a daily cap that leaves readers waiting, once a day. Raise RedisAway."""
    for obstacle in obstacles.find_slow_pace():
        if obstacle.key == "cap":
            yield Trouble(
                f"{clock.today()}",
                "the daily cap leaves readers waiting",
                (obstacle.text,),
                "over: no reader waits for the daily cap",
                SENDING_PAGE,
            )


def find_refused_mails() -> Iterator[Trouble]:
    """Yield that many mails of a day were refused for faults of ours. A pause for them is told instead."""
    is_told = switch.is_paused() and not Alert.objects.open().filter(kind=Kind.REFUSED).exists()
    for obstacle in [] if is_told else obstacles.find_refusals():
        yield Trouble(
            "",
            "many mails are refused",
            (obstacle.headline, obstacle.text),
            "over: mails are taken again",
            "admin:digests_providerevent_changelist",
            f"?blame__exact={Blame.US}",
        )


def find_failing_sources() -> Iterator[Trouble]:
    """Yield the failing sources. `newsletter.papers` mails editors about them itself."""
    for source in Source.objects.fetched():
        if source_alerts.is_troubled(source):
            error = source.last_error or "It answers, with a listing older than a day."
            yield Trouble(
                str(source.pk),
                f"the source “{source.name}” brings nothing",
                (error, "Issues are made without it. If its address has changed, correct it under “Sources”."),
                f"over: the source “{source.name}” brings papers again",
                "admin:papers_source_changelist",
                is_mailed=False,
            )


def find_uncertain_deliveries() -> Iterator[Trouble]:
    old = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN, made_at__lt=clock.now() - UNCERTAIN_PATIENCE)
    if count := old.count():
        yield Trouble(
            "",
            pluralize(count, "delivery is uncertain", "deliveries are uncertain"),
            (
                "A worker stopped or the provider’s answer was unclear while they were being sent, and for an hour no "
                "provider event has said whether they arrived. They are not sent again on a guess.",
                *last_answer_about(old),
                "Look at the provider’s own log, and settle them in the admin. What is not settled when it expires is "
                "given up: its papers may come once more with the reader’s next digest.",
            ),
            "over: no delivery is uncertain any more",
            "admin:digests_delivery_changelist",
            "?status__exact=uncertain",
        )


def last_answer_about(deliveries: QuerySet[Delivery]) -> Iterator[str]:
    """Yield a sentence about the last answer to the question what became of these, if one was asked."""
    asked = ProviderLookup.objects.filter(delivery_id__in=deliveries.values("pk")).exclude(asked_at=None)
    for provider, said in asked.order_by("-asked_at").values_list("provider", "said")[:1]:
        yield f"{provider.capitalize()} was asked what became of them. Its last answer: {said}"


def find_stuck_letters() -> Iterator[Trouble]:
    sending = Letter.objects.filter(status=Letter.Status.SENDING)
    since = Greatest("created_at", Coalesce("not_before", "created_at"))
    if count := sending.alias(ready_at=since).filter(ready_at__lt=clock.now() - LETTER_PATIENCE).count():
        yield Trouble(
            "",
            pluralize(count, "letter is stuck", "letters are stuck"),
            (
                "A worker stopped while it was sending a confirmation or a link. Whether it arrived is not known, so "
                "it is not sent again.",
                "A reader who got none can ask for another on the subscribe page.",
            ),
            "over: no letter is stuck any more",
            "admin:subscribers_subscriber_changelist",
        )


def find_refused_signatures() -> Iterator[Trouble]:
    replays = ProviderEvent.objects.filter(put_aside=ProviderEvent.Aside.REFUSED)
    if replays.filter(received_at__gt=clock.now() - SIGNATURE_WORRY).exists():
        yield Trouble(
            "",
            "a provider’s signature came again, with other content or too late",
            (
                "Somebody posted to the webhook under a genuine signature that was used before for other content, or "
                "that is older than the provider repeats its posts. The post was refused, and nothing of it applied.",
                "If this machine’s clock is right, somebody can read what your provider posts: change WEBHOOK_SECRET "
                "and the provider’s signing key. “Provider events” shows what was posted.",
            ),
            "over: no signature has come again for a day",
            "admin:digests_providerevent_changelist",
            f"?put_aside__exact={ProviderEvent.Aside.REFUSED}",
        )


def find_failing_mailbox() -> Iterator[Trouble]:
    if mailbox := return_mailbox.failing_mailbox():
        yield Trouble(
            "",
            "bounces are not read: the mailbox does not answer",
            (
                mailbox.fault,
                f"Since {mailbox.failing_since:%-d %B, %H:%M} UTC no returned mail was read, so addresses that are "
                "gone are mailed meanwhile. What waits in the mailbox is read once BOUNCE_MAILBOX is right again.",
            ),
            "over: returned mail is read again",
            "admin:digests_returnedmail_changelist",
        )


FINDERS: dict[Kind, Callable[[], Iterator[Trouble]]] = {
    Kind.PAUSED: find_automatic_pause,
    Kind.HELD: find_hold,
    Kind.BREAKER: find_open_breakers,
    Kind.REFUSED: find_refused_mails,
    Kind.CAP: find_used_up_cap,
    Kind.SOURCE: find_failing_sources,
    Kind.UNCERTAIN: find_uncertain_deliveries,
    Kind.LETTERS: find_stuck_letters,
    Kind.SIGNATURE: find_refused_signatures,
    Kind.RETURNED: find_failing_mailbox,
}
