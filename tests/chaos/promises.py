"""What must hold whatever breaks, checked against the provider's ledger and our database."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from digests.models import Batch, Delivery
from tests.outside.ledger import Entry


class Books(NamedTuple):
    """The deliveries in our database, by address."""

    sent: set[str]
    own: dict[str, set[str]]  # by a status of its own: rejected, skipped, uncertain, abandoned
    planned: set[str]

    @property
    def uncertain(self) -> set[str]:
        return self.own.get("uncertain", set())


def read_books() -> Books:
    books = Books(set(), {}, set())
    rows = Delivery.objects.values_list("subscriber__canonical", "status", "call_no", "batch__position")
    for address, status, call_no, position in rows.iterator(chunk_size=20_000):
        if status == "sent" or (status is None and call_no is not None and call_no < (position or 0)):
            books.sent.add(address or "")
        elif status is not None:
            books.own.setdefault(status, set()).add(address or "")
        else:
            books.planned.add(address or "")
    return books


class Ledger:
    """What the provider accepted and refused."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.taken = Counter[str]()
        self.calls = Counter[int]()
        self.unclear = set[int]()
        self.refused_at: dict[int, float] = {}
        for entry in entries:
            self.calls[entry.request] += 1
            self.taken[entry.address] += entry.accepted
            if entry.why in ("status", "dot cut") and entry.accepted:
                self.unclear.add(entry.request)
            elif entry.why == "status":
                self.refused_at[entry.request] = entry.at

    def unclear_answers(self, throttled: Sequence[tuple[float, float]]) -> int:
        """Count calls that the provider answered with an error of its own; a throttled call, a clear 429, is none."""
        refused = [at for at in self.refused_at.values() if not any(start <= at <= end for start, end in throttled)]
        return len(self.unclear) + len(refused)


def is_finished() -> bool:
    return not Batch.objects.unfinished().exists()


def broken(readers: int, ledger: Ledger, books: Books, most_uncertain: int) -> list[str]:
    """Return a sentence on each broken promise, once the issue is sent and before the provider reports."""
    taken = {address for address, count in ledger.taken.items() if count}
    own = set[str]().union(*books.own.values())
    counted = books.sent | own | books.planned
    found = {
        "addresses were mailed twice": sum(count > 1 for count in ledger.taken.values()),
        "deliveries are still planned": len(books.planned),
        "batches are unfinished": Batch.objects.unfinished().count(),
        "are counted as sent and were never taken": len(books.sent - taken),
        "were taken and are counted as something else": len(taken - books.sent - books.uncertain),
        "readers are in no count": readers - len(counted),
        f"are uncertain, more than {most_uncertain}": max(0, len(books.uncertain) - most_uncertain),
    }
    return [f"{count} {words}" for words, count in found.items() if count]


def broken_after_reports(ledger: Ledger, books: Books) -> list[str]:
    left = sum(ledger.taken[address] > 0 for address in books.uncertain)
    return [f"{left} are uncertain that the provider has reported on"] if left else []
