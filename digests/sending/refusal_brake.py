"""Pauses sending when receivers refuse our mail for a fault of ours: it would be refused everywhere, and do harm."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from digests.models import ProviderEvent, ProviderEventQuerySet, SwitchChange
from digests.sending import switch
from newsletter import clock
from newsletter.mail.refusal import Blame, read_refusal
from newsletter.mail.refusal_advice import advise, explain_refusal, receiver_of
from newsletter.mail.refusal_words import Cause
from newsletter.number_text import pluralize

HOUR = timedelta(hours=1)
LAST = 20  # answers, of which a share may be refusals
READ = 200  # of the newest refusals, of which the commonest reason is told; of the newest reports, one a reader
Kind = ProviderEvent.Kind
ANSWERS = (Kind.DELIVERED, Kind.BOUNCED, Kind.SOFT_BOUNCED)


class RefusalSummary(NamedTuple):
    """Refusals for a fault of ours, and the commonest of their reasons."""

    mails: int
    domains: int
    receiver: str
    cause: Cause
    answer: str  # the receiver's own sentence, maybe empty

    @property
    def sentence(self) -> str:
        """Say who refuses what and why, how often, in the receiver's own words, and what to do."""
        said = f" It says: “{self.answer.rstrip('.')}”." if self.answer else ""
        where = f" at {pluralize(self.domains, 'domain')}" if self.domains > 1 else ""
        count = (
            f"{pluralize(self.mails, 'mail')}{where} {'was' if self.mails == 1 else 'were'} refused for our faults."
        )
        return f"{explain_refusal(self.receiver, self.cause)}{said} {count} {advise(self.receiver, self.cause)}"


def refusals_since(since: datetime, until: datetime | None = None) -> "ProviderEventQuerySet":
    """Return the refusals for a fault of ours that happened, and were reported, since a moment."""
    events = ProviderEvent.objects.counted().filter(blame=Blame.US, received_at__gte=since, happened_at__gte=since)
    return events.filter(happened_at__lt=until) if until else events


def count_refusals(since: datetime, until: datetime | None = None) -> int:
    """Count the mails refused for a fault of ours; several events of one mail count once."""
    return refusals_since(since, until).values("delivery_id", "letter_id", "address_hash").distinct().count()


def count_readers(since: datetime) -> int:
    """Count the readers whose mails were refused for a fault of ours; those without an address count as one.

    A reader, who knows the envelope addresses of all digests ever received, can send a report of each.
    """
    return refusals_since(since).values("address_hash").distinct().count()


def summarize(since: datetime, until: datetime | None = None) -> RefusalSummary | None:
    """Return what receivers refused for a fault of ours since a moment, None for nothing."""
    newest = list(refusals_since(since, until).order_by("-pk")[:READ])
    if not newest:
        return None
    reasons = [reason_of(event) for event in newest]
    receiver, cause = Counter(reasons).most_common(1)[0][0]
    said = newest[reasons.index((receiver, cause))].answer
    domains = len({event.domain for event in newest if event.domain})
    return RefusalSummary(count_refusals(since, until), domains, receiver, cause, said)


def reason_of(event: ProviderEvent) -> tuple[str, Cause]:
    """Return who refused a mail and why. What never left the provider was refused by the provider."""
    by = event.provider if event.kind == Kind.REJECTED else event.domain
    return receiver_of(event.answer, by), read_refusal(event.answer).cause or Cause.POLICY


def watched_since(span: timedelta = HOUR) -> datetime:
    """Return the moment from which refusals count: so long ago, or when somebody last resumed sending."""
    resumed = SwitchChange.objects.filter(act=SwitchChange.Act.RESUMED).first()
    return max(clock.now() - span, resumed.at) if resumed else clock.now() - span


def pause_if_refused(last_answers: Sequence[bool] = ()) -> bool:
    """Pause sending after PAUSE_REFUSALS readers of an hour, or where too many of the last twenty answers refuse us.

    `last_answers` are those that a worker had from the provider itself, True for a refusal; the others are reports.
    Return True when this call paused sending.
    """
    since = watched_since()
    count = count_readers(since)
    is_many = bool(settings.PAUSE_REFUSALS) and count >= settings.PAUSE_REFUSALS
    if not count or not (is_many or is_over_share(last_answers) or is_over_share(last_reports(since))):
        return False
    summary = summarize(since)
    assert summary is not None
    reason = (
        f"{summary.sentence} No address is suppressed for this, and the papers of those readers come with their next "
        "digest."
    )
    return switch.pause(switch.BY_ITSELF, reason, kind=Kind.REJECTED, count=count)


def last_reports(since: datetime) -> list[bool]:
    """Return for the last twenty readers with a report whether it refuses us; none where no delivery is reported."""
    reports = ProviderEvent.objects.counted().filter(kind__in=ANSWERS, received_at__gte=since, happened_at__gte=since)
    # By an index that ends at `since`: by their ids, a quiet hour would have all events of months read.
    newest = reports.order_by("-received_at", "-pk").values_list("address_hash", "kind", "blame")[:READ]
    of_readers: dict[str, tuple[str, str]] = {}
    for address_hash, kind, blame in newest:
        of_readers.setdefault(address_hash, (kind, blame))
    last = list(of_readers.values())[:LAST]
    return [blame == Blame.US for _, blame in last] if any(kind == Kind.DELIVERED for kind, _ in last) else []


def is_over_share(answers: Sequence[bool]) -> bool:
    """Return whether the last twenty answers refuse us as often as PAUSE_REFUSALS_PERCENT allows, or more.

    Fewer answers tell nothing.
    """
    last = list(answers)[-LAST:]
    return len(last) == LAST and sum(last) * 100 >= LAST * settings.PAUSE_REFUSALS_PERCENT
