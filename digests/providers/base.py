"""The base of all lanes: check each mail before a call, and hand over those that may leave."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Self

from django.conf import settings

from digests.providers.interface import Call, Copy, Mail, SharedBody, Words, slots_of, word_slots
from newsletter.mail.message import identity_gap
from newsletter.mail.provider_answer import SendOutcome

# Safe in HTML, attributes, headers and plain text, and short enough for a line of SMTP.
LINK = re.compile(r"https?://[!#-%'-;=?-~]{1,290}")
LONGEST_SLOT = 300  # bytes of a link, or of a line of words as it stands in HTML
ADDRESS = re.compile(r"[^\s<>()\[\],;:@\"\\\x00-\x20\x7f]+@[^\s<>()\[\],;:@\"\\\x00-\x20\x7f]+")
UNSUBSCRIBE_SLOT = "unsubscribe_url"
METADATA = "delivery"  # the name under which webhooks return a delivery's id
BREAK = re.compile(r"[\r\n\x00]")


class ProviderBase(ABC):
    lane: str
    most = 1
    shares_content = False
    window = 1
    can_repeat = False
    can_overlap = False

    @property
    def longest(self) -> float:
        return float(settings.EMAIL_TIMEOUT)

    def rounds(self, mails: int) -> int:
        return -(-mails // self.most)

    def submit(self, mails: Sequence[Mail], key: str = "") -> list[SendOutcome]:
        """Hand over `mails`, in as many calls as it takes, each under a key of its own."""
        calls = self.split(mails)
        keys = [key and key + "+" * number for number in range(len(calls))]
        return [outcome for call, own in zip(calls, keys, strict=True) for outcome in self.prepare(call)(own)]

    def split(self, mails: Sequence[Mail]) -> list[Sequence[Mail]]:
        """Cut `mails` into what one call takes."""
        return [mails]

    def prepare(self, mails: Sequence[Mail]) -> Call:
        """Build the call for `mails`, and return the function that makes it; see `interface`."""
        if gap := identity_gap():
            outcomes = [SendOutcome("not_accepted", reason=gap)] * len(mails)
            return lambda key: outcomes
        faults = self.faults(mails)
        fit = [mail for mail, fault in zip(mails, faults, strict=True) if fault is None]
        return with_faults(faults, self.build_call(fit)) if fit else with_faults(faults, lambda key: [])

    def faults(self, mails: Iterable[Mail]) -> list[SendOutcome | None]:
        """Return for each mail the refusal that keeps it from leaving, or None."""
        shared: dict[int, tuple[SendOutcome | None, set[str]]] = {}
        result = []
        for content, copy in mails:
            if content.key not in shared:
                shared[content.key] = fault_of_content(content), slots_of(content.html) | slots_of(content.text)
            fault, slots = shared[content.key]
            result.append(fault or fault_of_copy(copy) or fault_of_slots(slots, copy))
        return result

    @abstractmethod
    def build_call(self, mails: Sequence[Mail]) -> Call:
        """Build the call for `mails`, at least one that may leave; making it never raises what a provider caused."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def with_faults(faults: Sequence[SendOutcome | None], call: Call) -> Call:
    """Return a call whose outcomes include those of the mails that were kept out of it."""
    if not any(faults):
        return call

    def make(key: str) -> list[SendOutcome]:
        answers = iter(call(key))
        return [fault or next(answers) for fault in faults]

    return make


def fault_of_content(content: SharedBody) -> SendOutcome | None:
    lines = (content.subject, content.tag, *content.headers, *content.headers.values())
    if any(BREAK.search(line) for line in lines):
        return SendOutcome("refused", reason="A header of this digest holds a line break.", code="header")
    if "list-unsubscribe" in map(str.lower, content.headers):
        return without_unsubscribe()
    return None


def fault_of_copy(copy: Copy) -> SendOutcome | None:
    if not ADDRESS.fullmatch(copy.to):
        return SendOutcome("refused", reason="This is no mail address.", code="address", is_permanent=True)
    if not copy.links.get(UNSUBSCRIBE_SLOT):
        return without_unsubscribe()
    if not all(map(LINK.fullmatch, copy.links.values())):
        return SendOutcome("refused", reason="A link of this mail is not a plain web address.", code="link")
    if not are_short_lines(copy.words):
        return SendOutcome("refused", reason="The words for this reader are not one short line each.", code="words")
    return None


@lru_cache(maxsize=10_000)
def are_short_lines(words: Words) -> bool:
    return all(line.isprintable() and len(line.encode()) <= LONGEST_SLOT for line in word_slots(words).values())


def fault_of_slots(slots: set[str], copy: Copy) -> SendOutcome | None:
    if not slots - copy.links.keys() <= word_slots(copy.words).keys():
        return SendOutcome("refused", reason="A link of this mail is missing.", code="link")
    return None


def without_unsubscribe() -> SendOutcome:
    return SendOutcome("refused", reason="This mail has no List-Unsubscribe of its own.", code="unsubscribe")


def headers_of(content: SharedBody, copy: Copy) -> dict[str, str]:
    return {**content.headers, "List-Unsubscribe": f"<{copy.links[UNSUBSCRIBE_SLOT]}>"}
