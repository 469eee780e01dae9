"""One run, from assembly until the counts close."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, islice
from pathlib import Path

from django.conf import settings

from digests import tasks
from digests.assembly import assemble
from newsletter import clock
from newsletter.papers.models import Topic
from subscribers.models import Preferences
from subscribers.synthetic_subscribers import write_readers
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Books, Ledger, broken, broken_after_reports, is_finished, read_books
from tests.chaos.troubles import Size, Troubles
from tests.factories import PaperFactory, TopicFactory, published_issue
from tests.outside.events import post
from tests.outside.ledger import read
from tests.outside.provider import Provider

TOPICS = 26
READERS_A_DIGEST = 50
REPORTED = 0.03  # of the mails about which nothing is in doubt
LOOK_SECONDS = 0.05
TAKEN = b'"accepted":true'


@dataclass
class Report:
    """What happened, in words, and which promises are broken."""

    facts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        width = max(map(len, self.facts))
        yield from (f"{name:{width}}  {value}" for name, value in self.facts.items())
        yield from (f"BROKEN: {words}" for words in self.broken)
        yield "Broken." if self.broken else "Every promise was kept."


class Flow:
    def __init__(self, deployment: Deployment, provider: Provider, size: Size) -> None:
        self.deployment, self.provider, self.size = deployment, provider, size
        self.troubles = Troubles(deployment, provider, size)
        self.report = Report({"provider": provider.name, "readers": f"{size.readers:,}"})
        self.lines = lines_of(provider.ledger_path)

    def run(self) -> Report:
        self.assemble()
        self.provider.plan(*self.troubles.usual())
        self.deployment.start()
        started = time.monotonic()
        end = started + self.size.most_seconds
        self.break_things(end)
        finished = wait_for(lambda: when_answering(is_finished), end)
        self.report.facts["seconds"] = round(time.monotonic() - started)
        ledger, books = self.settle()
        self.judge(ledger, books)
        if finished and self.provider.name != "smtp":  # which reports on nothing
            self.post_reports(books)
            wait_for(lambda: not broken_after_reports(ledger, read_books()), time.monotonic() + 120)
            self.report.broken += broken_after_reports(ledger, read_books())
        self.count()
        return self.report

    def assemble(self) -> None:
        """Publish an issue, create due readers, and queue the tasks of workers that are not started yet."""
        topics = [TopicFactory() for _ in range(TOPICS)]
        published_issue(clock.today(), *(PaperFactory(topics=[topic]) for topic in topics))
        write_readers(random.Random(1), self.preferences(topics), 0, clock.now())
        assembled = assemble.assemble_due_digests()
        assert assembled.due == self.size.readers
        self.report.facts["batches"] = len(assembled.batch_ids)
        for batch_id in assembled.batch_ids:
            tasks.send_batch.delay(batch_id)

    def preferences(self, topics: list[Topic]) -> list[int]:
        digests = max(1, self.size.readers // READERS_A_DIGEST)
        choices = islice(combinations(topics, 3), digests)
        ids = [Preferences.objects.for_choice(choice, max_papers=10).pk for choice in choices]
        return [ids[number % len(ids)] for number in range(self.size.readers)]

    def break_things(self, end: float) -> None:
        for share, trouble in self.troubles.timetable():
            wait_for(partial(self.is_out, share), end)
            trouble()

    def is_out(self, share: float) -> bool:
        return next(self.lines) >= share * self.size.readers

    def settle(self) -> tuple[Ledger, Books]:
        return Ledger(read(self.provider.ledger_path)), read_books()

    def judge(self, ledger: Ledger, books: Books) -> None:
        unclear = ledger.unclear_answers(self.troubles.throttled)
        kills = sum(self.troubles.kills.values())
        calls_at_once = settings.SEND_CALLS_AT_ONCE
        readers_a_call = max([*ledger.calls.values(), 2 * settings.SMTP_CONNECTIONS])
        most = (kills * calls_at_once + unclear) * readers_a_call
        self.report.broken += broken(self.size.readers, ledger, books, most)
        self.report.facts |= {
            "kills": ", ".join(f"{count} of a {what}" for what, count in self.troubles.kills.items()),
            "processes started anew": self.deployment.restarts,
            "calls": f"{len(ledger.calls):,}, {readers_a_call} readers at most",
            "unclear answers": unclear,
            "taken": f"{sum(ledger.taken.values()):,}",
            "mailed twice": sum(count > 1 for count in ledger.taken.values()),
            "uncertain": f"{len(books.uncertain)} (at most {most})",
        }

    def post_reports(self, books: Books) -> None:
        """Have the provider report on mails late, twice and in any order; on all those in doubt."""
        dice = random.Random(3)
        events = self.provider.events(copies=2, is_shuffled=True, age=600.0)
        wanted = [event for event in events if event.address in books.uncertain or dice.random() < REPORTED]
        url = f"{self.deployment.url}/anymail/{self.provider.name}/tracking/"
        answers = list(post(url, wanted))
        self.report.facts["reports posted"] = f"{len(answers):,}, {answers.count(200):,} taken"

    def count(self) -> None:
        books = read_books()
        self.report.facts["in the end"] = ", ".join(
            f"{count:,} {what}"
            for what, count in [("sent", len(books.sent)), *((what, len(rows)) for what, rows in books.own.items())]
        )


def wait_for(fact: Callable[[], bool], end: float) -> bool:
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def lines_of(path: Path) -> Iterator[int]:
    """Yield the number of accepted mails in a ledger, again and again; one that two reads split may be missed."""
    path.touch()
    lines = 0
    with path.open("rb") as ledger:
        while True:
            while chunk := ledger.read(1 << 20):
                lines += chunk.count(TAKEN)
            yield lines
