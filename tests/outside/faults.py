"""What goes wrong, and when: a plan is a list of rules, each for some requests, some time or some addresses."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from zlib import crc32


class Fault(StrEnum):
    SLOW = "slow"
    STATUS = "status"
    CUT = "cut"
    TRUNCATED = "truncated"  # the connection is whole, its JSON is not
    BROKEN_OFF = "broken_off"  # the connection ends within the answer
    FOREIGN = "foreign"  # a page of something that stands between
    REFUSED = "refused"  # one recipient among others: known not to want mail
    INVALID = "invalid"  # one recipient among others: no address


DOT = "dot"  # the whole call has been read, and waits for its answer
OF_RECIPIENTS = {Fault.REFUSED, Fault.INVALID}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One fault and its conditions, all of which must hold.

    Counts and shares are of requests, of which one holds where any of its addresses matches; for refused and invalid
    recipients they are of recipients, and the same addresses are chosen at every repetition.
    """

    fault: Fault
    accepts: bool = False  # the mail is accepted before the fault
    status: int = 500
    words: str = ""  # SMTP alone: what the answer says
    retry_after: str = ""  # seconds or a date, as it stands in the header
    delay: float = 0.0  # seconds
    at: str = DOT  # SMTP alone: greeting, rcpt, data or dot
    after: int = 0  # lets this many matching requests pass first
    times: int | None = None
    share: float = 1.0
    seconds: float | None = None  # from when the plan is made
    addresses: str = "*"
    seed: int = 0


def slow(delay: float, **limits: object) -> Rule:
    return rule(Fault.SLOW, delay=delay, **limits)


def throttled(retry_after: str = "1", **limits: object) -> Rule:
    return rule(Fault.STATUS, status=429, retry_after=retry_after, **limits)


def failing(status: int = 503, **limits: object) -> Rule:
    return rule(Fault.STATUS, status=status, **limits)


def cut(**limits: object) -> Rule:
    return rule(Fault.CUT, **limits)


def truncated(**limits: object) -> Rule:
    return rule(Fault.TRUNCATED, accepts=True, **limits)


def broken_off(**limits: object) -> Rule:
    return rule(Fault.BROKEN_OFF, accepts=True, **limits)


def foreign(**limits: object) -> Rule:
    return rule(Fault.FOREIGN, **limits)


def refused(addresses: str = "*", **limits: object) -> Rule:
    return rule(Fault.REFUSED, addresses=addresses, **limits)


def invalid(addresses: str = "*", **limits: object) -> Rule:
    return rule(Fault.INVALID, addresses=addresses, **limits)


def rule(fault: Fault, **limits: object) -> Rule:
    return Rule(fault=fault, **limits)  # type: ignore[arg-type]


@dataclass(slots=True)
class Active:
    """A rule at work, with what it has seen so far."""

    rule: Rule
    since: float = field(default_factory=time.monotonic)
    seen: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.rule.seed)

    def holds_for(self, addresses: Iterable[str]) -> bool:
        matches = self.rule.addresses == "*" or any(map(self.matches, addresses))
        return self.is_open and matches and self.is_drawn() and self.counts()

    def holds_for_recipient(self, address: str) -> bool:
        return self.is_open and self.matches(address) and self.is_chosen(address) and self.counts()

    @property
    def is_open(self) -> bool:
        return self.rule.seconds is None or time.monotonic() < self.since + self.rule.seconds

    def matches(self, address: str) -> bool:
        return self.rule.addresses == "*" or fnmatchcase(address, self.rule.addresses)

    def is_drawn(self) -> bool:
        return self.rule.share >= 1 or self.chance.random() < self.rule.share

    def is_chosen(self, address: str) -> bool:
        return self.rule.share >= 1 or crc32(f"{self.rule.seed} {address}".encode()) < self.rule.share * 2**32

    def counts(self) -> bool:
        self.seen += 1
        last = None if self.rule.times is None else self.rule.after + self.rule.times
        return self.seen > self.rule.after and (last is None or self.seen <= last)


class Plan:
    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        active = [Active(rule) for rule in rules]
        self.of_recipients = [one for one in active if one.rule.fault in OF_RECIPIENTS]
        self.of_calls = [one for one in active if one.rule.fault not in OF_RECIPIENTS]

    def delay(self, addresses: Sequence[str], at: str = DOT) -> float:
        """Return the seconds that a request has to wait."""
        return sum(one.rule.delay for one in self.slow if one.rule.at == at and one.holds_for(addresses))

    def fault(self, addresses: Sequence[str], at: str = DOT) -> Rule | None:
        """Return the first rule that holds for a request; only this rule counts as used."""
        found = (one.rule for one in self.others if one.rule.at == at and one.holds_for(addresses))
        return next(found, None)

    def trouble(self, address: str) -> str:
        """Return what is wrong with one recipient, or an empty string."""
        return next((one.rule.fault.value for one in self.of_recipients if one.holds_for_recipient(address)), "")

    @property
    def slow(self) -> list[Active]:
        return [one for one in self.of_calls if one.rule.fault is Fault.SLOW]

    @property
    def others(self) -> list[Active]:
        return [one for one in self.of_calls if one.rule.fault is not Fault.SLOW]
