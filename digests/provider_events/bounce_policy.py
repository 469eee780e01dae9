"""Suppresses addresses that are gone, that bounce again and again, that complained, or that the provider has stopped.

Only the address's own fault suppresses at once; a refusal of our mail never does (`sending.refusal_brake` counts it).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, Value
from django.db.models.functions import Coalesce

from digests.models import Delivery, ProviderEvent, ProviderEventQuerySet
from digests.models.delivery_state import IS_CONTACTED
from digests.monitoring import notices
from newsletter import clock
from newsletter.mail.refusal import Blame
from subscribers.models import LiftedSuppression, Subscriber, Suppression
from subscribers.subscription import opt_in
from subscribers.subscription.suppression import NewSuppression, Reason, suppress

NEVER = datetime(1, 1, 1, tzinfo=UTC)
SOFT_DAYS = 5
SOFT_SPAN = timedelta(days=14)
# Where a whole domain bounces, its addresses are probably fine.
TROUBLE_SPAN = timedelta(hours=1)
TROUBLE_RECIPIENTS = 20
TROUBLE_PERCENT = 10

Kind = ProviderEvent.Kind
Stop = ProviderEvent.Stop
BOUNCES = (Kind.BOUNCED, Kind.SOFT_BOUNCED)
# These end the reader's subscription, too.
ENDING = {Kind.COMPLAINED, Kind.UNSUBSCRIBED, Stop.COMPLAINED, Stop.UNSUBSCRIBED}


class ReaderEvent(NamedTuple):
    """An event with the reader it concerns."""

    event: ProviderEvent
    address_hash: str
    subscriber_id: int | None


class MailFacts(NamedTuple):
    """When mails to one reader bounced although the address may be fine, and when they were delivered."""

    soft: list[datetime]
    delivered: list[datetime]


def apply_policy(news: list[ReaderEvent]) -> None:
    """Suppress and unsubscribe by the policy. Runs in the caller's transaction; safe to repeat."""
    # In order of readers, so that two transactions that change readers cannot deadlock.
    news = sorted((item for item in news if item.address_hash), key=lambda item: item.subscriber_id or 0)
    news = without_overtaken(news)
    for event, address_hash, _ in news:
        if {event.kind, event.stopped_for} & ENDING:
            unsubscribe(address_hash)
    complaints = [item for item in news if item.event.kind == Kind.COMPLAINED]
    suppress([NewSuppression(item.address_hash, Reason.COMPLAINT, item.event.happened_at) for item in complaints])
    suppress([suppression_of_stop(item) for item in news if item.event.stopped_for])
    for item in find_suppressed_since(news):
        lift_if_delivered(item)
    suppress_unless_held([(item, at) for item in news if (at := suppress_since(item)) is not None])


def suppression_of_stop(item: ReaderEvent) -> NewSuppression:
    """Return the suppression of an address that the provider no longer mails, with the provider's reason."""
    event = item.event
    reason = Reason.COMPLAINT if event.stopped_for == Stop.COMPLAINED else Reason.PROVIDER
    note = f"{event.provider}: {event.get_stopped_for_display()} ({event.provider_word or event.stopped_for})"
    return NewSuppression(item.address_hash, reason, event.happened_at, note)


def without_overtaken(news: list[ReaderEvent]) -> list[ReaderEvent]:
    """Leave out reports that are older than a lift of the suppression or a confirmation by the reader."""
    since = latest_permissions({item.address_hash for item in news if is_outweighed_later(item.event)})
    return [
        item
        for item in news
        if not (is_outweighed_later(item.event) and item.event.happened_at < since.get(item.address_hash, NEVER))
    ]


def latest_permissions(hashes: set[str]) -> dict[str, datetime]:
    """Return when an operator or the reader last allowed mail to each address, by its hash."""
    lifted = LiftedSuppression.objects.filter(address_hash__in=hashes).values_list("address_hash", "lifted_at")
    readers = Subscriber.objects.filter(address_hash__in=hashes)
    allowed = [*lifted, *readers.values_list("address_hash", Coalesce("confirmed_at", Value(NEVER)))]
    return dict(sorted(allowed, key=lambda row: row[1]))


def is_outweighed_later(event: ProviderEvent) -> bool:
    """Return whether a later permission outweighs the event. A complaint stands for good."""
    if Kind.COMPLAINED in (event.kind, event.stopped_for):
        return False
    return event.kind in (Kind.BOUNCED, Kind.UNSUBSCRIBED) or bool(event.stopped_for)


def suppress_unless_held(reasons: list[tuple[ReaderEvent, datetime]]) -> None:
    """Suppress addresses, each since its moment; hold those of a troubled domain for an operator."""
    domains = {item.event.domain for item, _ in reasons} - {""}
    troubled = {domain for domain in domains if is_in_trouble(domain)}
    for domain in troubled:
        hold_bounces(domain)
    bounces = []
    for (event, address_hash, _), at in reasons:
        if event.domain in troubled:
            event.held = ProviderEvent.Held.WAITING
        else:
            bounces.append(NewSuppression(address_hash, Reason.BOUNCE, at))
    suppress(bounces)


def suppress_since(news: ReaderEvent) -> datetime | None:
    """Return since when the address of a bounce is to be suppressed, None if it is not."""
    event = news.event
    if event.kind not in BOUNCES or event.blame == Blame.US:
        return None
    if event.kind == Kind.BOUNCED and event.blame == Blame.ADDRESS:
        return event.happened_at
    return fifth_soft_day(load_facts(news.subscriber_id)) if news.subscriber_id else None


def load_facts(subscriber_id: int) -> MailFacts:
    rows = list(Delivery.objects.filter(subscriber_id=subscriber_id).values_list("soft_bounced_at", "delivered_at"))
    return MailFacts([soft for soft, _ in rows if soft], [delivered for _, delivered in rows if delivered])


def bounces_of_address(address_hash: str, subscriber_id: int) -> list[datetime]:
    """Return when mails to one reader bounced because the address is gone."""
    mine = Delivery.objects.filter(subscriber_id=subscriber_id, bounced_at__isnull=False).values("pk")
    events = ProviderEvent.objects.counted().filter(delivery_id__in=mine, address_hash=address_hash)
    return list(events.filter(kind=Kind.BOUNCED, blame=Blame.ADDRESS).values_list("happened_at", flat=True))


def fifth_soft_day(facts: MailFacts) -> datetime | None:
    """Return when mail bounced softly on a fifth day within fourteen, with no delivery in between; otherwise None."""
    days: list[date] = []
    for moment, is_soft in sorted([(at, False) for at in facts.delivered] + [(at, True) for at in facts.soft]):
        if not is_soft:
            days = []
        elif moment.date() not in days:
            days.append(moment.date())
            if len(days) >= SOFT_DAYS and days[-1] - days[-SOFT_DAYS] < SOFT_SPAN:
                return moment
    return None


def find_suppressed_since(news: list[ReaderEvent]) -> list[ReaderEvent]:
    """Return the reports of delivery whose addresses are suppressed for bounces."""
    delivered = [item for item in news if item.event.kind == Kind.DELIVERED and item.subscriber_id]
    hashes = {item.address_hash for item in delivered}
    bounced = Suppression.objects.filter(reason=Reason.BOUNCE, address_hash__in=hashes)
    suppressed = set(bounced.values_list("address_hash", flat=True))
    return [item for item in delivered if item.address_hash in suppressed]


def lift_if_delivered(news: ReaderEvent) -> None:
    """Lift a suppression for soft bounces if this late report puts a delivery in between."""
    assert news.subscriber_id is not None
    facts = load_facts(news.subscriber_id)
    without = facts._replace(delivered=[at for at in facts.delivered if at != news.event.happened_at])
    since, was_since = fifth_soft_day(facts), fifth_soft_day(without)
    if was_since is None or since == was_since:
        return
    lifted = Suppression.objects.filter(reason=Reason.BOUNCE, address_hash=news.address_hash, at=was_since)
    if not lifted.delete()[0]:
        return
    if reasons := [*bounces_of_address(news.address_hash, news.subscriber_id), *([since] if since else [])]:
        suppress([NewSuppression(news.address_hash, Reason.BOUNCE, min(reasons))])


def is_in_trouble(domain: str) -> bool:
    """Return whether more than TROUBLE_PERCENT of the domain's recipients bounced within the hour.

    Recipients are those with an event, or if there are more, those contacted: not every provider reports deliveries.
    """
    recipients = recent_events(domain).aggregate(
        all=Count("address_hash", distinct=True),
        bounced=Count("address_hash", distinct=True, filter=Q(kind__in=BOUNCES) & ~Q(blame=Blame.US)),
    )
    heard_of, bounced = int(recipients["all"]), int(recipients["bounced"])
    if heard_of < TROUBLE_RECIPIENTS or bounced * 100 <= heard_of * TROUBLE_PERCENT:
        return False
    enough = bounced * 100 // TROUBLE_PERCENT
    return count_contacted(domain, enough) < enough


# The limit stops the count once the answer is clear.
CONTACTED_AT_DOMAIN = f"""
SELECT count(*) FROM (
    SELECT 1
    FROM digests_batch b
    JOIN digests_delivery d ON d.batch_id = b.id
    JOIN subscribers_subscriber reader ON reader.id = d.subscriber_id
    WHERE b.started_at IS NOT NULL AND coalesce(b.finished_at, b.lease_until) >= %(since)s
      AND {IS_CONTACTED} AND split_part(reader.canonical, '@', 2) = %(domain)s
    LIMIT %(most)s
) found
"""


def count_contacted(domain: str, at_most: int) -> int:
    """Count the readers at a domain contacted within the hour, up to `at_most`."""
    values: dict[str, Any] = {"since": clock.now() - TROUBLE_SPAN, "domain": domain, "most": at_most}
    with connection.cursor() as cursor:
        cursor.execute(CONTACTED_AT_DOMAIN, values)
        return int(cursor.fetchone()[0])


def recent_events(domain: str) -> ProviderEventQuerySet:
    return ProviderEvent.objects.counted().filter(domain=domain, received_at__gte=clock.now() - TROUBLE_SPAN)


def hold_bounces(domain: str) -> None:
    """Hold the domain's bounces of the last hour, lifting their suppressions; notify operators the first time."""
    if not ProviderEvent.objects.held().filter(domain=domain).exists():
        notices.notify_operators(
            f"many addresses at {domain} bounce",
            f"More than {TROUBLE_PERCENT} % of the recipients at {domain} bounced within an hour. The domain, or our "
            "standing with it, is the likely cause, so none of these addresses is suppressed until you decide.",
            "Under “Provider events” you can suppress them or let them go. Until then they are still mailed.",
            page="admin:digests_providerevent_changelist",
        )
    hasty = recent_events(domain).filter(kind=Kind.BOUNCED, blame=Blame.ADDRESS, held="").exclude(applied_at=None)
    for address_hash, at in hasty.values_list("address_hash", "happened_at"):
        made = Suppression.objects.filter(reason=Reason.BOUNCE, address_hash=address_hash)
        made.filter(at__gte=at).delete()
    hasty.update(held=ProviderEvent.Held.WAITING)


def decide_held_bounce(event: ProviderEvent, is_suppressed: bool) -> bool:
    """Carry out an operator's decision on a held bounce; False if it was already decided."""
    word = ProviderEvent.Held.SUPPRESSED if is_suppressed else ProviderEvent.Held.LET_GO
    if not ProviderEvent.objects.held().filter(pk=event.pk).update(held=word):
        return False
    if is_suppressed:
        suppress([NewSuppression(event.address_hash, Reason.BOUNCE, event.happened_at)])
    return True


def unsubscribe(address_hash: str) -> None:
    for subscriber in Subscriber.objects.filter(address_hash=address_hash):
        opt_in.unsubscribe(subscriber, ip=None)
