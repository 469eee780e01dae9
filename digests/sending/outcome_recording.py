"""What a call's answer means for its deliveries. Only exceptions are written: an accepted delivery costs no row."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Max

from digests.models import Batch, Delivery, ProviderEvent
from digests.sending.messages import Row
from newsletter import clock
from newsletter.mail.outcome import SendOutcome
from subscribers.addresses.canonical import hash_address

Status = Delivery.Status
Answered = Sequence[tuple[Row, SendOutcome]]


class Kinds(NamedTuple):
    """The answers of a call that are worth writing down, apart by what they mean."""

    refused: list[tuple[Row, SendOutcome]]
    unknown: list[tuple[Row, SendOutcome]]
    not_accepted: list[tuple[Row, SendOutcome]]
    named: list[tuple[Row, SendOutcome]]  # accepted, with an id of the provider's


def sorted_out(answered: Answered) -> Kinds:
    kinds = Kinds([], [], [], [])
    for row, outcome in answered:
        if outcome.is_accepted:
            if outcome.provider_id:
                kinds.named.append((row, outcome))
        elif outcome.is_refused:
            kinds.refused.append((row, outcome))
        elif outcome.is_worth_repeating:
            kinds.not_accepted.append((row, outcome))
        else:
            kinds.unknown.append((row, outcome))
    return kinds


def record(batch: Batch, answered: Answered) -> None:
    """Write the answers of calls that are behind `batch` now, in the caller's transaction."""
    kinds = sorted_out(answered)
    settle(Status.REJECTED, kinds.refused)
    give_back([row.id for row, _ in kinds.refused])
    note_dead_addresses(kinds.refused)
    settle(Status.UNCERTAIN, kinds.unknown)
    plan_again(batch, kinds.not_accepted)
    if batch.lane == "single":
        # Elsewhere events carry the id of the delivery.
        write(
            "UPDATE digests_delivery d SET provider_id = v.text", [(r.id, o.provider_id[:200]) for r, o in kinds.named]
        )


def record_late(batch: Batch, answered: Answered) -> None:
    """Let a worker that lost its batch say what it knows of deliveries that were taken for uncertain meanwhile."""
    uncertain = Delivery.objects.select_for_update().filter(status=Status.UNCERTAIN)
    doubtful = set(uncertain.filter(pk__in=[row.id for row, _ in answered]).values_list("pk", flat=True))
    known = [(row, outcome) for row, outcome in answered if row.id in doubtful]
    settle(Status.SENT, [(row, outcome) for row, outcome in known if outcome.is_accepted])
    record(batch, [(row, outcome) for row, outcome in known if outcome.status in ("refused", "not_accepted")])


def settle(status: Delivery.Status, answered: Answered) -> None:
    update = f"UPDATE digests_delivery d SET status = '{status}', note = v.text"
    write(update, [(row.id, outcome.reason[:300]) for row, outcome in answered])


def write(update: str, values: Sequence[tuple[int, str]]) -> None:
    if values:
        ids, texts = zip(*values, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                f"{update} FROM unnest(%s::bigint[], %s::text[]) AS v(id, text) WHERE d.id = v.id",
                [list(ids), list(texts)],
            )


# In the order of readers, so that two who give back wait for each other and never in a circle.
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


def give_back(delivery_ids: Collection[int]) -> None:
    """Return the spans of deliveries that never left, where no later digest has moved them since."""
    if delivery_ids:
        with connection.cursor() as cursor:
            cursor.execute(GIVE_BACK, [list(delivery_ids)])


def skip(reasons: Mapping[int, str]) -> None:
    """Take deliveries out of the calls ahead, each for its reason."""
    if reasons:
        write("UPDATE digests_delivery d SET status = 'skipped', reason = v.text", list(reasons.items()))
        give_back(reasons.keys())


def plan_again(batch: Batch, answered: Answered) -> None:
    """Put what was not accepted for sure behind the batch; in halves, where one mail had all of its call refused."""
    if not answered:
        return
    is_split = any(outcome.is_worth_splitting for _, outcome in answered)
    not_before = None if is_split else clock.now() + max(outcome.wait for _, outcome in answered)
    later, start = behind(batch, not_before)
    calls = renumbered([row for row, _ in answered], in_halves=is_split)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE digests_delivery d SET status = NULL, note = '', batch_id = %s, call_no = v.call_no "
            "FROM unnest(%s::bigint[], %s::int[]) AS v(id, call_no) WHERE d.id = v.id",
            [later.pk, [row.id for row, _ in answered], [start + call for call in calls]],
        )


def behind(batch: Batch, not_before: datetime | None) -> tuple[Batch, int]:
    """Return the batch of what one worker has to leave of another, and its first free call.

    One takes all that waits, while nobody has begun it; what is tried again at once has its own.
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


def renumbered(rows: Sequence[Row], *, in_halves: bool) -> list[int]:
    """Return a call number for each of `rows`, which keep their calls, or have each cut in two."""
    numbers, seen = dict[tuple[int, bool], int](), dict[int, int]()
    sizes = {call: sum(row.call_no == call for row in rows) for call in {row.call_no for row in rows}}
    result = []
    for row in rows:
        place = seen[row.call_no] = seen.get(row.call_no, -1) + 1
        key = (row.call_no, in_halves and place >= (sizes[row.call_no] + 1) // 2)
        result.append(numbers.setdefault(key, len(numbers)))
    return result


def note_dead_addresses(refused: Answered) -> None:
    """Treat an address that the provider refuses for good as a bounce, by the policy for those."""
    now = clock.now()
    ProviderEvent.objects.bulk_create(
        [
            ProviderEvent(
                provider=settings.EMAIL_PROVIDER,
                key=hashlib.sha256(f"refused:{row.id}".encode()).hexdigest(),
                kind=ProviderEvent.Kind.BOUNCED,
                body={"refused": outcome.reason, "code": outcome.code},
                delivery_id=row.id,
                address_hash=hash_address(row.to),
                domain=row.to.rpartition("@")[2],
                happened_at=now,
                received_at=now,
            )
            for row, outcome in refused
            if outcome.is_permanent and row.to
        ],
        ignore_conflicts=True,
    )


# Who left, is suppressed or would get it too late since it was assembled, and what an editor withdrew.
TAKEN_OUT = """
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


def taken_out(delivery_ids: Iterable[int]) -> dict[int, str]:
    """Return of deliveries that must not leave the reason why not, by their ids."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_OUT, {"now": clock.now(), "ids": list(delivery_ids)})
        return dict(cursor.fetchall())
