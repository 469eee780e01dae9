"""What becomes of a row: from what it says and what is known here. No table is touched."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from subscribers.addresses import bulk_canonical
from subscribers.addresses.canonical import AddressError, hash_address, is_role
from subscribers.imports.choice_mapping import Choice, Choosing
from subscribers.imports.file_reader import Row
from subscribers.imports.formats import LEAVING, SEVERITY, State
from subscribers.subscription.disposable_domains import is_disposable

LONGEST = 320


class RowResult(StrEnum):
    ADDED = "added"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    ALREADY = "already"
    GONE = "gone"
    HELD = "held"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    ROLE = "role"
    THROW_AWAY = "throw_away"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    NO_TOPIC = "no_topic"


REASONS = {
    RowResult.ADDED: "added; gets what is published from now on, at the regular hour",
    RowResult.LEFT: "had left there, and is noted as unsubscribed",
    RowResult.SUPPRESSED: "bounced, complained or was blocked there, and is suppressed here",
    RowResult.ALREADY: "is subscribed here already; nothing is changed",
    RowResult.GONE: "has unsubscribed here; only the reader can come back",
    RowResult.HELD: "is suppressed here, and is never mailed",
    RowResult.DUPLICATE: "stands in the file twice; what keeps mail away counts, else the first line",
    RowResult.MALFORMED: "is no address that mail can be sent to",
    RowResult.ROLE: "is the address of a role, not of a person",
    RowResult.THROW_AWAY: "is a throw-away address",
    RowResult.UNCONFIRMED: "had not confirmed there, so has not agreed",
    RowResult.UNKNOWN: "has a state there that is not known here",
    RowResult.NO_TOPIC: "names no topic that is known here, and no topics are given for such rows",
}
# What deserves a look before an import is confirmed.
EXPECTED = frozenset((RowResult.ADDED, RowResult.LEFT, RowResult.SUPPRESSED, RowResult.ALREADY))


class Candidate(NamedTuple):
    """A row whose address can be looked up; with an outcome where nothing here matters any more."""

    row: Row
    canonical: str = ""
    address_hash: str = ""
    choice: Choice | None = None
    outcome: RowResult | None = None


class Known(NamedTuple):
    """What is known here of some addresses: readers by canonical address, reasons of suppression by hash."""

    readers: Mapping[str, str]
    suppressed: Mapping[str, str]


class Decided(NamedTuple):
    candidate: Candidate
    outcome: RowResult


class Deciding:
    """Looks at the rows of one file in their order."""

    def __init__(self, choosing: Choosing, leaving: Mapping[bytes, State]) -> None:
        self.choosing, self.leaving = choosing, leaving
        self.seen: set[bytes] = set()

    def look_at(self, row: Row) -> Candidate:
        try:
            canonical = canonical_of(row)
        except AddressError:
            return Candidate(row, outcome=RowResult.MALFORMED)
        address_hash = hash_address(canonical)
        key = key_of(address_hash)
        if key in self.seen or self.leaving.get(key, row.state) != row.state:
            return Candidate(row, canonical, outcome=RowResult.DUPLICATE)
        self.seen.add(key)
        choice = self.choosing.of(row.choice)
        return Candidate(row, canonical, address_hash, choice, refusal_of(row.state, canonical, choice))


def canonical_of(row: Row) -> str:
    """Return a row's address as it is stored; raise AddressError where it cannot be."""
    canonical = bulk_canonical.canonical(row.address)
    if len(canonical) > LONGEST:
        raise AddressError("The address is too long.")
    return canonical


def key_of(address_hash: str) -> bytes:
    # Twelve bytes: a million readers fit into memory, and no two share them.
    return bytes.fromhex(address_hash[:24])


def leaving_of(rows: Iterable[Row]) -> dict[bytes, State]:
    """Return those who must not be mailed by what any line says, each with what weighs most."""
    leaving: dict[bytes, State] = {}
    for row in rows:
        if row.state not in LEAVING:
            continue
        try:
            key = key_of(hash_address(canonical_of(row)))
        except AddressError:
            continue
        leaving[key] = max(row.state, leaving.get(key, row.state), key=SEVERITY.__getitem__)
    return leaving


def refusal_of(state: State, canonical: str, choice: Choice) -> RowResult | None:
    """Return why a row is not taken, whoever is known here."""
    if state in LEAVING:
        return None
    if state != State.ACTIVE:
        return RowResult(state)
    if is_disposable(canonical):
        return RowResult.THROW_AWAY
    if is_role(canonical.rpartition("@")[0]):
        return RowResult.ROLE
    return None if choice.topics else RowResult.NO_TOPIC


def decide(candidate: Candidate, known: Known) -> RowResult:
    if candidate.outcome:
        return candidate.outcome
    state = candidate.row.state
    suppressed = known.suppressed.get(candidate.address_hash)
    if state in LEAVING and state != State.LEFT:
        is_news = suppressed is None or (state == State.COMPLAINED and suppressed != "complaint")
        return RowResult.SUPPRESSED if is_news else RowResult.HELD
    if suppressed:
        return RowResult.HELD
    return of_reader(known.readers.get(candidate.canonical, ""), has_left=state == State.LEFT)


def of_reader(standing: str, has_left: bool) -> RowResult:
    """Return what becomes of a reader who stands here as `writing.STANDINGS` tells.

    Who came by an import alone, and left there since, leaves here too; who joined here stays.
    """
    match standing:
        case "":
            return RowResult.LEFT if has_left else RowResult.ADDED
        case "imported":
            return RowResult.LEFT if has_left else RowResult.ALREADY
        case "gone":
            return RowResult.GONE
        case _:
            return RowResult.ALREADY
