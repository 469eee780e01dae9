"""The recorded days served to the six readers, and their mails written into files."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from digests.assembly import assemble
from digests.mail import compose, slots
from digests.models import Delivery, Digest
from newsletter import clock
from subscribers.models import Subscriber
from tests.benchmarks.papers.choosing import published_days
from tests.benchmarks.papers.shelf import listing_days
from tests.digests_to_read import readers

DAYS = 10
DAYS_BEFORE = 5  # served before them, so that a week's papers lie behind every reader


class Row(NamedTuple):
    """One paper of one mail as it stands in the table. A person fills in the verdict, and a word why."""

    reader: str
    day: str
    place: int
    paper: str
    title: str
    reason: str
    verdict: str = ""
    why: str = ""


def write_digests(folder: Path, until: str) -> Iterator[Row]:
    """Serve the recorded days to `until`, write the mails of the last ten of them, and yield the papers in them."""
    days = [day for day in listing_days(1) if day <= until][-(DAYS_BEFORE + DAYS) :]
    known: dict[str, Subscriber] = {}
    for number, published in enumerate(published_days(days, "digests to read")):
        known = known or readers.make_readers()
        deliveries = serve(known, published.issue.date)
        if number >= DAYS_BEFORE:
            for name, delivery in deliveries.items():
                yield from write_mail(folder / name, name, published.issue.date, delivery)


def serve(known: dict[str, Subscriber], day: date) -> dict[str, Delivery]:
    """Assemble the digests of one morning; return each reader's delivery by name."""
    slot = datetime.combine(day, readers.HOUR, UTC)
    Subscriber.objects.update(next_digest_at=slot)
    with clock.at(slot):
        assemble.assemble_due_digests()
    made = {row.subscriber_id: row for row in Delivery.objects.filter(slot=slot).select_related("digest__issue")}
    return {name: made[reader.pk] for name, reader in known.items()}


def write_mail(folder: Path, name: str, day: date, delivery: Delivery) -> Iterator[Row]:
    folder.mkdir(parents=True, exist_ok=True)
    digest = delivery.digest
    if digest is None:
        (folder / f"{day}.txt").write_text(f"No digest: {delivery.get_reason_display()}\n", "utf-8")
        return
    parts = compose.compose(digest)
    links = dict.fromkeys(slots.READER_SLOTS, "#")
    (folder / f"{day}.html").write_text(slots.fill(parts.html, links), "utf-8")
    (folder / f"{day}.txt").write_text(f"Subject: {digest.subject}\n\n{slots.fill(parts.text, links)}", "utf-8")
    yield from rows_of(digest, name, day)


def rows_of(digest: Digest, name: str, day: date) -> Iterator[Row]:
    for place, card in enumerate(digest.cards, start=1):
        paper = card.entry.paper
        key = paper.key if paper else ""
        yield Row(name, day.isoformat(), place, key, card.entry.snapshot["title"], card.reason)
