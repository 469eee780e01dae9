"""Determine the result of a row from its content and what is known here. Touches no table."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from subscribers.addresses import bulk_canonical
from subscribers.addresses.canonical import (
    LONGEST_ADDRESS,
    AddressError,
    hash_address,
    is_role,
    refuse_undeliverable,
)
from subscribers.imports.choice_mapping import Choice, ChoiceMapper
from subscribers.imports.file_reader import Row
from subscribers.imports.states import DO_NOT_MAIL, RULES_OUT, SEVERITY, SUPPRESSED, State
from subscribers.subscription.disposable_domains import is_disposable

WITHIN = re.compile(r"[^\s<>()\[\]\"',;:@]+@[^\s<>()\[\]\"',;:@]+")  # an address inside a cell
LONGEST_SEARCHED = 1_000  # characters of such a cell


class RowResult(StrEnum):
    ADDED = "added"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    ALREADY = "already"
    LEFT_HERE = "gone"
    SUPPRESSED_HERE = "held"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    ROLE = "role"
    THROW_AWAY = "throw_away"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    LEFT_OUT = "left_out"
    NO_TOPIC = "no_topic"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


REASONS = {
    RowResult.ADDED: "added; receives papers published from now on, at the chosen hour",
    RowResult.LEFT: "had unsubscribed there; stored as unsubscribed",
    RowResult.SUPPRESSED: "bounced, complained, or was blocked or suppressed there; suppressed here",
    RowResult.ALREADY: "already subscribed here; nothing changes",
    RowResult.LEFT_HERE: "unsubscribed here; only the reader can subscribe again",
    RowResult.SUPPRESSED_HERE: "suppressed here; never mailed",
    RowResult.DUPLICATE: "in the file more than once; a line that rules out mail counts, otherwise the first",
    RowResult.MALFORMED: "we cannot send mail to this address",
    RowResult.ROLE: "the address of a role, not of a person",
    RowResult.THROW_AWAY: "a disposable address",
    RowResult.UNCONFIRMED: "never confirmed there, so has not agreed",
    RowResult.UNKNOWN: "has a state there that this format does not know",
    RowResult.LEFT_OUT: "left out because of your answer about a column",
    RowResult.NO_TOPIC: "has no topic that exists here, and no default topics were chosen",
    RowResult.UNREADABLE: "cannot be read with certainty, so it is not imported",
    RowResult.EMPTY: "an empty line",
}
# The other results deserve a look before an import is confirmed.
EXPECTED = frozenset((RowResult.ADDED, RowResult.LEFT, RowResult.SUPPRESSED, RowResult.ALREADY, RowResult.EMPTY))


class Candidate(NamedTuple):
    """A row with its parsed address and choice.

    `outcome` is set if the database cannot change it; `why` says which cell or fault leads to it.
    """

    row: Row
    canonical: str = ""
    address_hash: str = ""
    choice: Choice | None = None
    outcome: RowResult | None = None
    why: str = ""


class Known(NamedTuple):
    """What the database knows: the standing of readers by canonical address, suppression reasons by hash."""

    readers: Mapping[str, str]
    suppressed: Mapping[str, str]


class CheckedRow(NamedTuple):
    candidate: Candidate
    outcome: RowResult


class RowChecker:
    """Checks the rows of one file, in file order, for everything that needs no database."""

    def __init__(self, mapper: ChoiceMapper, do_not_mail: Mapping[bytes, State]) -> None:
        self.mapper, self.do_not_mail = mapper, do_not_mail
        self.seen: set[bytes] = set()

    def check(self, row: Row) -> Candidate:
        if row.fault:
            return Candidate(row, outcome=RowResult(row.fault), why=row.why)
        try:
            canonical = canonical_of(row)
            if row.state not in DO_NOT_MAIL:
                refuse_undeliverable(canonical)
        except AddressError as exc:
            return Candidate(row, outcome=RowResult.MALFORMED, why=str(exc))
        address_hash = hash_address(canonical)
        key = key_of(address_hash)
        if key in self.seen or self.do_not_mail.get(key, row.state) != row.state:
            return Candidate(row, canonical, outcome=RowResult.DUPLICATE)
        self.seen.add(key)
        choice = self.mapper.choice_of(row.choice)
        outcome = refusal(row.state, canonical, choice)
        why = choice.fault if outcome == RowResult.UNREADABLE else row.why
        return Candidate(row, canonical, address_hash, choice, outcome, why)


def canonical_of(row: Row) -> str:
    """Return a row's canonical address; raise AddressError if it is not valid or too long."""
    canonical = bulk_canonical.canonical(row.address)
    if len(canonical) > LONGEST_ADDRESS:
        raise AddressError("The address is too long.")
    return canonical


def key_of(address_hash: str) -> bytes:
    # Twelve bytes: a million fit into memory, and collisions are negligible.
    return bytes.fromhex(address_hash[:24])


def do_not_mail_states(rows: Iterable[Row]) -> dict[bytes, State]:
    """Return the most severe state of every address that some line rules out, by key_of(address_hash).

    A line that cannot be imported itself, such as one with “Ada <ada@example.org>”, rules out the address in it.
    """
    states: dict[bytes, State] = {}
    for row in rows:
        if row.state not in RULES_OUT:
            continue
        for canonical in addresses_of(row):
            key = key_of(hash_address(canonical))
            states[key] = max(row.state, states.get(key, row.state), key=SEVERITY.__getitem__)
    return states


def addresses_of(row: Row) -> Iterator[str]:
    """Yield a row's canonical address, or those that stand among other signs in its cell."""
    try:
        yield canonical_of(row)
    except AddressError:
        visible = "".join(sign for sign in row.address[:LONGEST_SEARCHED] if sign.isspace() or sign.isprintable())
        for found in WITHIN.findall(visible):
            with suppress(AddressError):
                yield bulk_canonical.canonical(found)


def refusal(state: State, canonical: str, choice: Choice) -> RowResult | None:
    """Return why a row is refused whatever the database says, or None."""
    if state in DO_NOT_MAIL:
        return None
    if state != State.ACTIVE:
        return RowResult(state)
    if is_disposable(canonical):
        return RowResult.THROW_AWAY
    if is_role(canonical.rpartition("@")[0]):
        return RowResult.ROLE
    if choice.fault:
        return RowResult.UNREADABLE
    papers = choice.papers
    return None if papers.topics or papers.followed_phrases or papers.followed_authors else RowResult.NO_TOPIC


def decide(candidate: Candidate, known: Known) -> RowResult:
    if candidate.outcome:
        return candidate.outcome
    state = candidate.row.state
    suppressed = known.suppressed.get(candidate.address_hash)
    if state in SUPPRESSED:
        is_news = suppressed is None or (state == State.COMPLAINED and suppressed != "complaint")
        return RowResult.SUPPRESSED if is_news else RowResult.SUPPRESSED_HERE
    if suppressed:
        return RowResult.SUPPRESSED_HERE
    return result_for_reader(known.readers.get(candidate.canonical, ""), has_left=state == State.LEFT)


def result_for_reader(standing: str, has_left: bool) -> RowResult:
    """Return the result for a reader whose standing here is `standing` (see row_writer.STANDINGS).

    A reader who has only ever been imported, and unsubscribed there since, is unsubscribed here too; a reader who
    signed up here stays.
    """
    match standing:
        case "":
            return RowResult.LEFT if has_left else RowResult.ADDED
        case "imported":
            return RowResult.LEFT if has_left else RowResult.ALREADY
        case "unsubscribed":
            return RowResult.LEFT_HERE
        case _:
            return RowResult.ALREADY
