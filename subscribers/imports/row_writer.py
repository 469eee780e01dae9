"""Write a chunk of rows with a few set-based statements."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time

from django.db import connection

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from subscribers.digest_schedule import Rhythm, next_slot
from subscribers.imports.preferences_store import PreferencesStore
from subscribers.imports.row_outcome import Candidate, CheckedRow, Known, RowResult, decide
from subscribers.imports.states import State
from subscribers.models import ImportRun
from subscribers.subscription import suppression

# "": may be added (unknown, or never confirmed); "imported": only ever imported; "unsubscribed": left here.
STANDINGS = """
SELECT canonical, CASE
    WHEN status = 'pending' AND unsubscribed_at IS NULL THEN ''
    WHEN status <> 'active' THEN 'unsubscribed'
    WHEN (SELECT bool_and(act = 'imported') FROM subscribers_consent consent WHERE consent.subscriber_id = reader.id)
        THEN 'imported'
    ELSE 'active' END
FROM subscribers_subscriber reader
WHERE canonical = ANY(string_to_array(%s, E'\\n'))
"""
SUPPRESSED = """
SELECT address_hash, reason FROM subscribers_suppression WHERE address_hash = ANY(string_to_array(%s, E'\\n'))
"""
ARRIVING = """
CREATE TEMP TABLE IF NOT EXISTS arriving (email text, canonical text, address_hash text, status text,
    preferences_id bigint, frequency text, weekday int, send_time time, timezone text, paused_until date,
    next_digest_at timestamptz)
    ON COMMIT DELETE ROWS;
TRUNCATE arriving
"""
COPY = "COPY arriving FROM STDIN"
# A reader who asked here but never confirmed or left counts as new.
ADD = """
WITH added AS (
    INSERT INTO subscribers_subscriber AS reader (email, canonical, address_hash, status, preferences_id, frequency,
        weekday, send_time, timezone, paused_until, next_digest_at, covered_through, token_epoch, created_at,
        confirmed_at, unsubscribed_at)
    SELECT email, canonical, address_hash, status, preferences_id, frequency, weekday, send_time, timezone,
        paused_until, next_digest_at, %(started)s, 0, %(started)s, CASE status WHEN 'active' THEN %(started)s END,
        CASE status WHEN 'unsubscribed' THEN %(started)s END
    FROM arriving ORDER BY canonical
    ON CONFLICT (canonical) DO UPDATE SET
        email = EXCLUDED.email, status = EXCLUDED.status, preferences_id = EXCLUDED.preferences_id,
        frequency = EXCLUDED.frequency, weekday = EXCLUDED.weekday, send_time = EXCLUDED.send_time,
        timezone = EXCLUDED.timezone, covered_through = EXCLUDED.covered_through, paused_until = EXCLUDED.paused_until,
        next_digest_at = GREATEST(EXCLUDED.next_digest_at, reader.last_slot_at + interval '1 microsecond'),
        confirmed_at = EXCLUDED.confirmed_at,
        unsubscribed_at = EXCLUDED.unsubscribed_at
    WHERE reader.status = 'pending' AND reader.unsubscribed_at IS NULL
    RETURNING id, canonical, status
), consented AS (
    INSERT INTO subscribers_consent (subscriber_id, act, at, text_version, source)
    SELECT id, CASE status WHEN 'active' THEN 'imported' ELSE 'unsubscribed' END,
        CASE status WHEN 'active' THEN %(agreed)s ELSE %(started)s END, '', %(source)s
    FROM added
)
SELECT canonical FROM added
"""
LEAVE = """
WITH left_now AS (
    UPDATE subscribers_subscriber
    SET status = 'unsubscribed', unsubscribed_at = %(now)s, next_digest_at = NULL
    WHERE canonical = ANY(%(canonical)s) AND status = 'active'
    RETURNING id
)
INSERT INTO subscribers_consent (subscriber_id, act, at, text_version, source)
SELECT id, 'unsubscribed', %(now)s, '', %(source)s FROM left_now
"""
REASON = {
    State.REFUSED: suppression.Reason.REFUSED,
    State.BLOCKED: suppression.Reason.MANUAL,
    State.ERASED: suppression.Reason.ERASED,
    State.BOUNCED: suppression.Reason.BOUNCE,
    State.STOPPED: suppression.Reason.PROVIDER,
    State.COMPLAINED: suppression.Reason.COMPLAINT,
}


class RowWriter:
    """Checks and writes the rows of one run."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.stored = PreferencesStore()
        self.slots: dict[Rhythm, datetime] = {}

    def check(self, candidates: Sequence[Candidate]) -> list[CheckedRow]:
        known = look_up([candidate for candidate in candidates if candidate.outcome is None])
        return [CheckedRow(candidate, decide(candidate, known)) for candidate in candidates]

    def write(self, checked: Sequence[CheckedRow]) -> list[CheckedRow]:
        """Write rows in the caller's transaction; return their results, corrected for readers added meanwhile."""
        advisory_locks.wait_in_transaction(Lock.NEW_ADDRESSES)
        self.suppress([one for one, outcome in checked if outcome == RowResult.SUPPRESSED])
        left = [one for one, outcome in checked if outcome == RowResult.LEFT]
        self.leave(left)
        added = self.add([one for one, outcome in checked if outcome in (RowResult.ADDED, RowResult.LEFT)])
        return [
            CheckedRow(one, RowResult.ALREADY) if outcome == RowResult.ADDED and one.canonical not in added else it
            for it in checked
            for one, outcome in (it,)
        ]

    def suppress(self, candidates: list[Candidate]) -> None:
        note, now = f"Imported from {self.run.consent_source}", clock.now()
        suppression.suppress(
            [suppression.NewSuppression(one.address_hash, REASON[one.row.state], now, note) for one in candidates]
        )
        self.leave([one for one in candidates if one.row.state == State.COMPLAINED])

    def leave(self, candidates: list[Candidate]) -> None:
        """Unsubscribe readers who are active here."""
        if not candidates:
            return
        addresses = [one.canonical for one in candidates]
        with connection.cursor() as cursor:
            cursor.execute(LEAVE, {"now": clock.now(), "canonical": addresses, "source": self.source})

    def add(self, candidates: list[Candidate]) -> set[str]:
        """Insert readers, active or unsubscribed as in their rows; return the canonical addresses inserted."""
        if not candidates:
            return set()
        self.stored.store({one.choice.papers for one in candidates if one.choice})
        agreed = datetime.combine(self.run.consent_on, time(), UTC)
        with connection.cursor() as cursor:
            cursor.execute(ARRIVING)
            with cursor.copy(COPY) as copy:
                for one in candidates:
                    copy.write_row(self.columns_of(one))
            cursor.execute(ADD, {"started": self.run.started_at, "agreed": agreed, "source": self.source})
            return {canonical for (canonical,) in cursor.fetchall()}

    def columns_of(self, one: Candidate) -> tuple[object, ...]:
        assert one.choice is not None
        rhythm = one.choice.rhythm
        is_active = one.row.state == State.ACTIVE
        return (
            one.row.address.strip(),
            one.canonical,
            one.address_hash,
            "active" if is_active else "unsubscribed",
            self.stored.ids[one.choice.papers],
            *rhythm,
            self.slot_of(rhythm) if is_active else None,
        )

    def slot_of(self, rhythm: Rhythm) -> datetime:
        if rhythm not in self.slots:
            self.slots[rhythm] = next_slot(rhythm, after=clock.now())
        return self.slots[rhythm]

    @property
    def source(self) -> str:
        return self.run.consent_source


def look_up(candidates: Collection[Candidate]) -> Known:
    # One text joined by newlines is ten times faster to adapt than an array; addresses contain no newline.
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS, ["\n".join([one.canonical for one in candidates])])
        readers = dict(cursor.fetchall())
        cursor.execute(SUPPRESSED, ["\n".join([one.address_hash for one in candidates])])
        return Known(readers, dict(cursor.fetchall()))
