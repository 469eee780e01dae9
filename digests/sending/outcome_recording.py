"""Records the outcomes of calls. Only exceptions are written: an accepted delivery costs no update of its row."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Max

from digests.models import Batch, Delivery, ProviderEvent
from digests.sending.messages import CallDelivery
from newsletter import clock
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.refusal import Blame
from subscribers.addresses.canonical import hash_address

Status = Delivery.Status
Answered = Sequence[tuple[CallDelivery, SendOutcome]]


class OutcomeGroups(NamedTuple):
    """The outcomes of a call that are worth recording, grouped by what is done about them."""

    refused: list[tuple[CallDelivery, SendOutcome]]
    unknown: list[tuple[CallDelivery, SendOutcome]]
    not_accepted: list[tuple[CallDelivery, SendOutcome]]
    with_id: list[tuple[CallDelivery, SendOutcome]]  # accepted, with the provider's own id


def group_outcomes(answered: Answered) -> OutcomeGroups:
    groups = OutcomeGroups([], [], [], [])
    for row, outcome in answered:
        if outcome.is_accepted:
            if outcome.provider_id:
                groups.with_id.append((row, outcome))
        elif outcome.is_refused:
            groups.refused.append((row, outcome))
        elif outcome.is_worth_repeating:
            groups.not_accepted.append((row, outcome))
        else:
            groups.unknown.append((row, outcome))
    return groups


def record_outcomes(batch: Batch, answered: Answered) -> None:
    """Record the outcomes of calls that `batch` has moved past. Runs in the caller's transaction."""
    groups = group_outcomes(answered)
    set_status(Status.REJECTED, groups.refused)
    give_back_spans([row.id for row, _ in groups.refused])
    record_refusals(groups.refused)
    set_status(Status.UNCERTAIN, groups.unknown)
    replan(batch, groups.not_accepted)
    if batch.lane == "single":
        # In the other lanes, events carry the id of the delivery.
        update_each(
            "UPDATE digests_delivery d SET provider_id = v.text",
            [(r.id, o.provider_id[:200]) for r, o in groups.with_id],
        )


def record_late_outcomes(batch: Batch, answered: Answered) -> None:
    """Record outcomes that arrived after the worker lost its lease, for deliveries that are still uncertain."""
    uncertain = Delivery.objects.select_for_update().filter(status=Status.UNCERTAIN)
    doubtful = set(uncertain.filter(pk__in=[row.id for row, _ in answered]).values_list("pk", flat=True))
    known = [(row, outcome) for row, outcome in answered if row.id in doubtful]
    set_status(Status.SENT, [(row, outcome) for row, outcome in known if outcome.is_accepted])
    record_outcomes(batch, [(row, outcome) for row, outcome in known if outcome.status in ("refused", "not_accepted")])


def set_status(status: Delivery.Status, answered: Answered) -> None:
    update = f"UPDATE digests_delivery d SET status = '{status}', note = v.text"
    update_each(update, [(row.id, outcome.reason[:300]) for row, outcome in answered])


def update_each(update: str, values: Sequence[tuple[int, str]]) -> None:
    if values:
        ids, texts = zip(*values, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                f"{update} FROM unnest(%s::bigint[], %s::text[]) AS v(id, text) WHERE d.id = v.id",
                [list(ids), list(texts)],
            )


# Locked in the order of readers, so that two transactions that give spans back cannot deadlock.
GIVE_BACK = """
WITH left_over AS (
  SELECT reader.id, d.covered_from
  FROM subscribers_subscriber reader JOIN digests_delivery d ON d.subscriber_id = reader.id
  WHERE d.id = ANY(%s) AND reader.covered_through = d.covered_to
  ORDER BY reader.id FOR NO KEY UPDATE OF reader
)
UPDATE subscribers_subscriber reader SET covered_through = left_over.covered_from
FROM left_over WHERE reader.id = left_over.id
"""


def give_back_spans(delivery_ids: Collection[int]) -> None:
    """Give readers back the spans of deliveries that never left, unless a later digest has moved `covered_through`."""
    if delivery_ids:
        with connection.cursor() as cursor:
            cursor.execute(GIVE_BACK, [list(delivery_ids)])


def skip_deliveries(reasons: Mapping[int, str]) -> None:
    """Skip deliveries, given as {id: reason}, and give their spans back."""
    if reasons:
        update_each("UPDATE digests_delivery d SET status = 'skipped', reason = v.text", list(reasons.items()))
        give_back_spans(reasons.keys())


def replan(batch: Batch, answered: Answered) -> None:
    """Move deliveries that were surely not accepted to another batch; a call one mail spoilt is split in two."""
    if not answered:
        return
    is_split = any(outcome.is_worth_splitting for _, outcome in answered)
    not_before = None if is_split else clock.now() + max(outcome.wait for _, outcome in answered)
    later, start = leftover_batch(batch, not_before)
    calls = number_calls([row for row, _ in answered], in_halves=is_split)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE digests_delivery d SET status = NULL, note = '', batch_id = %s, call_no = v.call_no "
            "FROM unnest(%s::bigint[], %s::int[]) AS v(id, call_no) WHERE d.id = v.id",
            [later.pk, [row.id for row, _ in answered], [start + call for call in calls]],
        )


def leftover_batch(batch: Batch, not_before: datetime | None) -> tuple[Batch, int]:
    """Return the batch for what a worker leaves over of `batch`, and the first free call number in it.

    All that waits goes into one batch, as long as no worker has begun it; what is tried again at once gets its own.
    """
    waiting = Batch.objects.select_for_update().filter(pk=batch.left_over_id or 0, status=Batch.Status.PLANNED)
    later = waiting.filter(position=0).exclude(not_before=None).first() if not_before else None
    if later is None:
        later = Batch.objects.create(lane=batch.lane, not_before=not_before, made_at=clock.now())
        if not_before:
            batch.left_over_id = later.pk
        return later, 0
    Batch.objects.filter(pk=later.pk).update(not_before=not_before)
    last = Delivery.objects.filter(batch=later).aggregate(last=Max("call_no"))["last"]
    return later, 0 if last is None else last + 1


def number_calls(rows: Sequence[CallDelivery], *, in_halves: bool) -> list[int]:
    """Number the calls of `rows` from 0, keeping them together as they were or splitting each in two."""
    numbers, seen = dict[tuple[int, bool], int](), dict[int, int]()
    sizes = {call: sum(row.call_no == call for row in rows) for call in {row.call_no for row in rows}}
    result = []
    for row in rows:
        place = seen[row.call_no] = seen.get(row.call_no, -1) + 1
        key = (row.call_no, in_halves and place >= (sizes[row.call_no] + 1) // 2)
        result.append(numbers.setdefault(key, len(numbers)))
    return result


KINDS = {
    Blame.ADDRESS: ProviderEvent.Kind.BOUNCED,
    Blame.MAILBOX: ProviderEvent.Kind.SOFT_BOUNCED,
    Blame.US: ProviderEvent.Kind.REJECTED,
}


def record_refusals(refused: Answered) -> None:
    """Store an event for each mail that the provider refused: the policy and the brake decide what follows."""
    now = clock.now()
    ProviderEvent.objects.bulk_create(
        [
            ProviderEvent(
                provider=settings.EMAIL_PROVIDER,
                key=hashlib.sha256(f"refused:{row.id}".encode()).hexdigest(),
                kind=KINDS[outcome.blame],
                blame=outcome.blame,
                answer=outcome.answer,
                body={"refused": outcome.reason, "code": outcome.code},
                delivery_id=row.id,
                address_hash=hash_address(row.to),
                domain=row.to.rpartition("@")[2],
                happened_at=now,
                received_at=now,
            )
            for row, outcome in refused
            if outcome.blame and row.to
        ],
        ignore_conflicts=True,
    )


# Since assembly, a reader may have left or been suppressed, the hour may have passed or the issue been withdrawn.
SKIP_REASONS = """
SELECT delivery.id,
       CASE WHEN delivery.expires_at < %(now)s THEN 'expired'
            WHEN issue.status = 'withdrawn' THEN 'withdrawn'
            WHEN suppression.id IS NOT NULL THEN 'suppressed'
            ELSE 'unsubscribed' END
FROM digests_delivery delivery
JOIN digests_digest digest ON digest.id = delivery.digest_id
JOIN issues_issue issue ON issue.id = digest.issue_id
LEFT JOIN subscribers_subscriber reader ON reader.id = delivery.subscriber_id
LEFT JOIN subscribers_suppression suppression ON suppression.address_hash = reader.address_hash
WHERE delivery.id = ANY(%(ids)s)
  AND (delivery.expires_at < %(now)s OR issue.status = 'withdrawn' OR suppression.id IS NOT NULL
       OR reader.id IS NULL OR reader.status <> 'active')
"""


def find_skip_reasons(delivery_ids: Iterable[int]) -> dict[int, str]:
    """Return {id: reason} for the deliveries that must not be sent any more."""
    with connection.cursor() as cursor:
        cursor.execute(SKIP_REASONS, {"now": clock.now(), "ids": list(delivery_ids)})
        return dict(cursor.fetchall())
