"""May digests leave? Paused and resumed by people and by the brakes; held where the database may be a backup.

A backup knows nothing of what was sent after it was made, and would send it again. So while workers run, an epoch in
the database rises, and markers outside of it follow. A database behind its marker, or one that was at work before and
has been silent, on a machine without a marker of it, sends nothing until an operator allows it.
"""

import uuid
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from digests.models import SendingSwitch, SwitchChange
from digests.sending import backup_markers
from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock

ITSELF = "Paper Round itself"
NEVER = 2**62  # the epoch of a lineage that has ended: any database that still bears it is a backup
# The newest epoch that this process knows of each database.
_newest: dict[str, int] = {}


class SendPermission(NamedTuple):
    may: bool
    reason: str = ""


class State(NamedTuple):
    lineage: str
    epoch: int
    alive_at: datetime
    pause_reason: str
    hold_reason: str


def may_send() -> SendPermission:
    """Say whether a call may be opened now, and if not why; one query.

    Ask it inside the transaction that opens the call, and after nothing else: `pause` waits for that transaction,
    so that after its answer no new call leaves.
    """
    state = _read() or _first()
    if reason := state.hold_reason or _doubt(state):
        if not state.hold_reason:
            _hold(reason)
        return SendPermission(False, reason)
    _newest[state.lineage] = max(state.epoch, _newest.get(state.lineage, 0))
    return SendPermission(not state.pause_reason, state.pause_reason)


def is_paused() -> bool:
    state = _read()
    return state is not None and bool(state.pause_reason)


def standing() -> SendPermission:
    """Say the same as `may_send`, and write nothing."""
    state = _read()
    reason = (state.hold_reason or _doubt(state) or state.pause_reason) if state else ""
    return SendPermission(not reason, reason)


def is_held() -> bool:
    state = _read()
    return state is not None and bool(state.hold_reason or _doubt(state))


def pause(by: str, reason: str, **against: object) -> bool:
    """Let no new call leave from now on; False where sending was paused already.

    Outside of a transaction it returns when every call that was allowed before has been opened.
    """
    _first()
    with transaction.atomic():
        row = SendingSwitch.objects.filter(pk=1, paused_at=None)
        if not row.update(paused_at=clock.now(), pause_reason=reason):
            return False
        _record(SwitchChange.Act.PAUSED, by, reason, **against)
    with transaction.atomic():
        advisory_locks.wait_in_transaction(Lock.SENDING_SWITCH)
    return True


def resume(by: str) -> bool:
    """Let calls leave again; False where sending was not paused."""
    with transaction.atomic():
        row = SendingSwitch.objects.filter(pk=1).exclude(paused_at=None)
        if not row.update(paused_at=None, pause_reason=""):
            return False
        _record(SwitchChange.Act.RESUMED, by)
    return True


def allow(by: str) -> bool:
    """Let this database send, whatever the markers say; False where nothing held it.

    It gets a new name, so that markers on other machines hold it no more, and a copy of the old one stays a backup.
    """
    state = _read()
    if state is None or not (state.hold_reason or _doubt(state)):
        return False
    lineage = uuid.uuid4()
    with transaction.atomic():
        SendingSwitch.objects.filter(pk=1).update(lineage=lineage, epoch=1, alive_at=clock.now(), hold_reason="")
        _record(SwitchChange.Act.ALLOWED, by, state.hold_reason)
    backup_markers.write({state.lineage: NEVER, str(lineage): 1})
    return True


def raise_epoch() -> None:
    """Raise the epoch, then the markers: in this order a crash between them raises no doubt."""
    state = _read() or _first()
    if state.hold_reason:
        return
    if reason := _doubt(state):
        _hold(reason)
        return
    row = SendingSwitch.objects.filter(pk=1, lineage=state.lineage, hold_reason="")
    if row.update(epoch=F("epoch") + 1, alive_at=clock.now()):
        _newest[state.lineage] = state.epoch + 1
        backup_markers.write({state.lineage: state.epoch + 1})


def _read() -> State | None:
    """Read the row, after whoever is pausing at this moment; None in a database that never sent."""
    with connection.cursor() as cursor:
        # Two statements, so that the row is read as it is once the lock is held.
        cursor.execute(
            f"{advisory_locks.shared_in_transaction(Lock.SENDING_SWITCH)}; "
            "SELECT lineage::text, epoch, alive_at, pause_reason, hold_reason FROM digests_sendingswitch"
        )
        cursor.nextset()
        row = cursor.fetchone()
    return State(*row) if row else None


def _first() -> State:
    SendingSwitch.objects.bulk_create([SendingSwitch(pk=1)], ignore_conflicts=True)
    state = _read()
    assert state is not None
    return state


def _doubt(state: State) -> str:
    """Say in words why this may be a restored database, or nothing."""
    known = _newest.get(state.lineage)
    if known is None:
        known = backup_markers.read(state.lineage)
    if known is None:
        return _doubt_of_silence(state)
    if known > state.epoch and known > _epoch_by_now(state):
        return (
            "This database is older than what was sent from it: it looks like a restored backup. "
            "What it takes for unsent may have been sent already."
        )
    return ""


def _epoch_by_now(state: State) -> int:
    """Return the epoch read after the marker was: between the two readings a heartbeat may have raised both.

    Where an operator has allowed sending meanwhile, the old name's doubts are over.
    """
    fresh = _read()
    if fresh is None:
        return state.epoch
    return fresh.epoch if fresh.lineage == state.lineage else NEVER


def _doubt_of_silence(state: State) -> str:
    if not state.epoch or state.alive_at > clock.now() - settings.SENDING_SILENCE:
        return ""
    return (
        f"This database was last at work on {state.alive_at:%-d %B %Y at %H:%M} UTC, and not on this machine: "
        "it may be a restored backup. What it takes for unsent may have been sent already."
    )


def _hold(reason: str) -> None:
    if SendingSwitch.objects.filter(pk=1, hold_reason="").update(hold_reason=reason):
        _record(SwitchChange.Act.HELD, ITSELF, reason)


def _record(act: SwitchChange.Act, by: str, reason: str = "", **against: object) -> None:
    SwitchChange.objects.create(act=act, by=by, reason=reason, **against)
