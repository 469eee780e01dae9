"""The switch for digests: paused and resumed by people and by `auto_pause`, held where the database may be a copy.

A copy knows nothing of what the original has sent since it was made, and would send it again. So while workers run, an
epoch in the database rises, and markers outside the database follow it. Sending is held, until an operator allows it,
in a database that is behind a marker, that a marker places elsewhere, or that worked before and that no marker knows.
"""

import secrets
import uuid
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F

from digests.models import SendingSwitch, SwitchChange
from digests.sending import backup_markers, message_ids
from digests.sending.backup_markers import Marker
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock

BY_ITSELF = "Paper Round itself"
ENDED_EPOCH = 2**62  # of a lineage that was replaced: any database that still has it is a backup
PLACE = """(
    SELECT concat_ws('/', system_identifier, oid) FROM pg_control_system(), pg_database
    WHERE datname = current_database()
)"""
LONGEST_STEP = 1_000_000  # of the epoch: two databases that rise side by side soon differ
# The newest epoch that this process knows of each database.
_newest: dict[str, int] = {}


class SendPermission(NamedTuple):
    is_allowed: bool
    reason: str = ""


class SwitchRow(NamedTuple):
    lineage: str
    epoch: int
    alive_at: datetime
    pause_reason: str
    hold_reason: str
    place: str  # the database server's own number and the database's: a copy has others


def send_permission() -> SendPermission:
    """Return whether a call may be opened now, and if not, why. One query; may record a hold.

    Call it first in the transaction that opens the call: `pause` waits for that transaction, so that once `pause`
    returns, no new call leaves.
    """
    state = _read_row() or _create_row()
    if reason := state.hold_reason or _doubt_about(state):
        if not state.hold_reason:
            _hold(reason)
        return SendPermission(False, reason)
    _newest[state.lineage] = max(state.epoch, _newest.get(state.lineage, 0))
    return SendPermission(not state.pause_reason, state.pause_reason)


def is_paused() -> bool:
    state = _read_row()
    return state is not None and bool(state.pause_reason)


def current_permission() -> SendPermission:
    """Return what `send_permission` would, without writing anything."""
    state = _read_row()
    reason = (state.hold_reason or _doubt_about(state) or state.pause_reason) if state else ""
    return SendPermission(not reason, reason)


def is_held() -> bool:
    state = _read_row()
    return state is not None and bool(state.hold_reason or _doubt_about(state))


def pause(by: str, reason: str, **against: object) -> bool:
    """Stop new calls from now on; False if sending was already paused.

    Outside a transaction, it returns once every call that was allowed before has been opened.
    """
    _create_row()
    with transaction.atomic():
        row = SendingSwitch.objects.filter(pk=1, paused_at=None)
        if not row.update(paused_at=clock.now(), pause_reason=reason):
            return False
        _record(SwitchChange.Act.PAUSED, by, reason, **against)
    with transaction.atomic():
        advisory_locks.wait_in_transaction(Lock.SENDING_SWITCH)
    return True


def resume(by: str) -> bool:
    """Let calls leave again; False if sending was not paused."""
    with transaction.atomic():
        row = SendingSwitch.objects.filter(pk=1).exclude(paused_at=None)
        if not row.update(paused_at=None, pause_reason=""):
            return False
        _record(SwitchChange.Act.RESUMED, by)
    return True


def allow(by: str) -> bool:
    """Let this database send, whatever the markers say; False if nothing held it.

    It gets a new lineage: markers on other machines no longer hold it, and copies of the old database stay held.
    """
    state = _read_row()
    if state is None or not (state.hold_reason or _doubt_about(state)):
        return False
    lineage = uuid.uuid4()
    with transaction.atomic():
        row = SendingSwitch.objects.select_for_update().get(pk=1)
        row.lineage, row.epoch, row.alive_at, row.hold_reason = lineage, 1, clock.now(), ""
        row.message_names = message_ids.with_name(row.message_names, lineage.hex)
        row.save()
        _record(SwitchChange.Act.ALLOWED, by, state.hold_reason)
    ended, begun = Marker(ENDED_EPOCH, state.place), Marker(1, state.place)
    backup_markers.write({state.lineage: ended, str(lineage): begun})
    return True


def raise_epoch() -> None:
    """Raise the epoch, then the markers: in this order, a crash in between holds nothing.

    The markers are read each time: a copy of the server's files stands at the same place, and may have begun at the
    same epoch. One of the two is then behind, and held.
    """
    state = _read_row() or _create_row()
    if state.hold_reason:
        return
    _newest.pop(state.lineage, None)
    if reason := _doubt_about(state):
        _hold(reason)
        return
    row = SendingSwitch.objects.filter(pk=1, lineage=state.lineage, hold_reason="")
    step = 1 + secrets.randbelow(LONGEST_STEP)
    if row.update(epoch=F("epoch") + step, alive_at=clock.now()):
        _newest[state.lineage] = state.epoch + step
        backup_markers.write({state.lineage: Marker(state.epoch + step, state.place)})


def _read_row() -> SwitchRow | None:
    """Read the row once a concurrent pause has committed; None in a database that never sent."""
    with connection.cursor() as cursor:
        # Two statements, so that the row is read after the lock is granted.
        cursor.execute(
            f"{advisory_locks.shared_in_transaction(Lock.SENDING_SWITCH)}; "
            f"SELECT lineage::text, epoch, alive_at, pause_reason, hold_reason, {PLACE} FROM digests_sendingswitch"
        )
        cursor.nextset()
        row = cursor.fetchone()
    return SwitchRow(*row) if row else None


def _create_row() -> SwitchRow:
    """Create the row of a database that is new, and then its first markers, unless another process has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {PLACE}")
        (place,) = cursor.fetchone()
    row = SendingSwitch(pk=1, epoch=1)
    # Markers first: after a crash in between, they know a database that does not exist.
    backup_markers.write({str(row.lineage): Marker(row.epoch, place)})
    SendingSwitch.objects.bulk_create([row], ignore_conflicts=True)
    state = _read_row()
    assert state is not None
    return state


def _doubt_about(state: SwitchRow) -> str:
    """Return why this database may be a copy, or an empty string."""
    known = _newest.get(state.lineage)
    if known is None:
        markers = backup_markers.read(state.lineage)
        if not markers:
            return _doubt_about_stranger(state)
        if any(marker.place not in ("", state.place) for marker in markers):
            return (
                "This database looks like a copy: VAR_DIR or Redis belongs to another database, which is at work. "
                "What is planned here, the other may have sent or may send."
            )
        known = max(marker.epoch for marker in markers)
    if known > state.epoch and known > _read_epoch_again(state):
        return (
            "This database is older than what was sent from it: it looks like a restored backup. "
            "Deliveries it has as planned may have been sent already."
        )
    return ""


def _read_epoch_again(state: SwitchRow) -> int:
    """Read the epoch again after the marker: a heartbeat may have raised both since the first reading.

    Where an operator has allowed sending meanwhile, the old lineage no longer matters.
    """
    fresh = _read_row()
    if fresh is None:
        return state.epoch
    return fresh.epoch if fresh.lineage == state.lineage else ENDED_EPOCH


def _doubt_about_stranger(state: SwitchRow) -> str:
    if not state.epoch:
        return ""
    return (
        f"This database was last at work on {state.alive_at:%-d %B %Y at %H:%M} UTC, and neither this machine’s "
        "VAR_DIR nor its Redis knows it: it may be a copy. What it has as planned, the original may have sent or may "
        "send."
    )


def _hold(reason: str) -> None:
    if SendingSwitch.objects.filter(pk=1, hold_reason="").update(hold_reason=reason):
        _record(SwitchChange.Act.HELD, BY_ITSELF, reason)


def _record(act: SwitchChange.Act, by: str, reason: str = "", **against: object) -> None:
    SwitchChange.objects.create(act=act, by=by, reason=reason, **against)
