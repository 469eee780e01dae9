"""How fast a million readers are served, up to the mails that are ready to be handed over."""

import multiprocessing
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.mail import EmailMultiAlternatives
from django.db import connection, connections
from django.template.loader import render_to_string

from digests.assembly import assemble as assembly
from digests.mail import cards as mail_cards
from digests.mail import compose, slots
from digests.models import Card, Delivery, Digest
from digests.selection import rules, spans
from newsletter import clock
from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.issues.publish import publish
from newsletter.mail import message as mail
from newsletter.papers.models import Paper, PaperTopic, Topic
from newsletter.papers.topics.tagging import load_topics
from subscribers import synthetic_subscribers
from subscribers.models import Preferences, Subscriber
from tests.benchmarks.registry import Figure, bench, peak_of_this_process, shown

READERS = 1_000_000
FRONT, SHELF = 40, 700
ASSEMBLERS = 2  # as the digests' worker has
SAMPLE = 50  # mails made the naive way, to compare with
NOW = clock.moment("2026-05-04T05:00")
SUBJECTS = ("diffusion", "gaussian splatting", "protein", "reward model", "watermark", "world model")
SENTENCE = "We study {} and show that what holds for small models holds for large ones, with bounds that are tight. "


def make_issue(*, publishes: bool = True) -> Issue:
    """Make an issue of FRONT and SHELF papers with topics by Zipf's law, and publish it or leave it a draft."""
    load_topics()
    dice, topics = random.Random(2), list(Topic.objects.order_by("slug"))
    odds = [1 / rank for rank in range(1, len(topics) + 1)]
    papers = Paper.objects.bulk_create(make_paper(dice, number) for number in range(FRONT + SHELF))
    PaperTopic.objects.bulk_create(
        PaperTopic(paper=paper, topic=topic, evidence=["cs.CL"])
        for paper in papers
        for topic in set(dice.choices(topics, odds, k=dice.randint(1, 3)))
    )
    issue = Issue.objects.create(date=NOW.date(), cutoff_at=cutoff_of(NOW.date()))
    shelves = [IssueEntry.Shelf.FRONT] * FRONT + [IssueEntry.Shelf.SHELF] * SHELF
    IssueEntry.objects.bulk_create(
        IssueEntry(issue=issue, paper=paper, position=place, shelf=shelf)
        for place, (paper, shelf) in enumerate(zip(papers, shelves, strict=True))
    )
    if publishes:
        publish(issue)
    return issue


def make_paper(dice: random.Random, number: int) -> Paper:
    subject = dice.choice(SUBJECTS)
    return Paper(
        key=f"arxiv:2605.{number:05}",
        title=f"On {subject}, and why case {number} matters more than it seems",
        abstract=SENTENCE.format(subject) * 10,
        authors=[f"Author {dice.randint(1, 600)}" for _ in range(4)],
        url=f"https://arxiv.org/abs/2605.{number:05}",
        code_url=f"https://github.com/example/case-{number}",
        listed_on=NOW.date(),
        votes=dice.randint(0, 90),
        score=1000.0 - number,
    )


def make_readers(count: int) -> None:
    """Make readers who are all due now, and let PostgreSQL count them."""
    chunks = range(0, count, synthetic_subscribers.CHUNK)
    for _ in shown(synthetic_subscribers.make_subscribers(count, due_at=NOW), "readers", len(chunks)):
        pass
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


@bench("assemble", unit="s", target=60, higher_is_better=False, peak_target_mb=300)
def assemble(scale: float) -> Figure:
    """Serve a million due readers from a published issue: digests, deliveries and batches on disk.

    A tenth of them is served before, alone, and forgotten: the cost of a reader must not grow with their number.
    """
    readers = round(READERS * scale)
    with clock.at(NOW):
        issue = make_issue()
        make_readers(readers // 10)
        of_a_tenth = run_assemblers()[0] / (readers // 10)
        with connection.cursor() as cursor:
            cursor.execute(FORGET)
        make_readers(readers)
        seconds, peak_mb = run_assemblers()
    planned = Delivery.objects.exclude(digest=None).count()
    assert planned == readers, f"{planned} of {readers} readers have a digest"
    naive = naive_rate(issue, list(Digest.objects.order_by("content_key")[:SAMPLE]))
    return Figure(
        seconds,
        f"{readers:,} readers with {Preferences.objects.count():,} preferences, {Digest.objects.count():,} digests of "
        f"{Card.objects.count():,} cards; {ASSEMBLERS} processes; {seconds / readers * 1e6:.0f} µs a reader, "
        f"{of_a_tenth * 1e6:.0f} µs where there are {readers // 10:,} (target: within 1.5 times); "
        f"{readers / seconds / naive:.0f} times one template and one message a reader ({naive:.0f}/s); "
        "peak of one assembler (target 300 MB)",
        peak_mb,
        missed=("cost of a reader",) * (seconds / readers > 1.5 * of_a_tenth),
    )


FORGET = """
TRUNCATE digests_delivery, digests_batch, digests_assembly, digests_digest, digests_card,
         subscribers_subscriber, subscribers_preferences CASCADE
"""


def run_assemblers(now: datetime = NOW) -> tuple[float, float]:
    """Run as many assemblers at once as production does; return their seconds and the peak of the largest in MB."""
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    peaks = fork.Queue()
    processes = [fork.Process(target=run_assembler, args=(peaks, now)) for _ in range(ASSEMBLERS)]
    started = time.perf_counter()
    for process in processes:
        process.start()
    peak_mb = max(peaks.get() for _ in processes)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - started, peak_mb


def run_assembler(peaks: "multiprocessing.Queue[float]", now: datetime) -> None:
    with clock.at(now):
        assembly.assemble_due_digests()
    peaks.put(peak_of_this_process())


@bench("select", unit="preferences/s", target=10_000)
def select(scale: float) -> Figure:
    with clock.at(NOW):
        issue = make_issue()
        make_readers(round(100_000 * scale))
        ids = list(Preferences.objects.values_list("pk", flat=True))
        choices = list(spans.choices_of(ids).values())
        span = spans.Spans(NOW)
        started = time.perf_counter()
        chosen = [rules.select(span.of(None, choice).index, choice) for choice in choices]
        seconds = time.perf_counter() - started
        naive = naive_rate(issue, [digest_of(issue, make_cards()[:12])] * SAMPLE)
    papers, rate = sum(len(one) for one in chosen) / len(chosen), len(choices) / seconds
    return Figure(
        rate,
        f"{len(choices):,} distinct preferences on {FRONT} + {SHELF} papers, phrases and authors looked up; "
        f"{papers:.1f} papers each; {rate / naive:.0f} times one template and one message a reader ({naive:.0f}/s)",
    )


@bench("render", unit="digests/s", target=20_000)
def render(scale: float) -> Figure:
    count = max(1, round(50_000 * scale))
    with clock.at(NOW):
        issue, cards = make_issue(), make_cards()
        cold = time.perf_counter()
        mail_cards.card_templates([card.pk for card in cards])
        cold = time.perf_counter() - cold
        dice = random.Random(3)
        digests = [digest_of(issue, dice.sample(cards, 12)) for _ in range(count)]
        compose.compose(digests[0])
        started = time.perf_counter()
        for digest in digests:
            compose.compose(digest)
        rate = count / (time.perf_counter() - started)
        naive = naive_rate(issue, digests[: max(1, round(50 * scale))])
    return Figure(
        rate,
        f"complete digests of 12 papers, HTML and text, cards known; {rate / naive:.0f} times one template and one "
        f"message a reader ({naive:.0f}/s); {len(cards)} cards rendered in {cold:.2f} s (target 1 s)",
        missed=("cards",) * (cold > 1),
    )


def make_cards() -> list[Card]:
    entries = IssueEntry.objects.front().order_by("position")
    return Card.objects.bulk_create(Card(entry=entry, reason="Computer vision · 41 votes") for entry in entries)


def digest_of(issue: Issue, cards: Sequence[Card]) -> Digest:
    return Digest(issue=issue, card_ids=[card.pk for card in cards], subject="A subject")


def naive_rate(issue: Issue, digests: Sequence[Digest]) -> float:
    """Return how many mails a second the usual way makes: everything rendered for each reader."""
    entries = {card.pk: card.entry for card in Card.objects.select_related("entry")}
    started = time.perf_counter()
    for digest in digests:
        parts = [naive_part(issue, [entries[pk] for pk in digest.card_ids], kind) for kind in ("html", "txt")]
        message = EmailMultiAlternatives(digest.subject, parts[1], to=["reader@example.org"])
        message.attach_alternative(parts[0], "text/html")
        message.message().as_bytes()
    return len(digests) / (time.perf_counter() - started)


def naive_part(issue: Issue, entries: Sequence[IssueEntry], kind: str) -> str:
    cards = [
        render_to_string(
            f"digests/mail/card.{kind}",
            {"entry": entry, "card": entry.snapshot, "why": "Computer vision", "number": number, "size": "full"},
        )
        for number, entry in enumerate(entries, start=1)
    ]
    links = dict.fromkeys(slots.READER_SLOTS, "https://papers.example.org/a/token/")
    context = mail.publication() | links | {"issue": issue, "cards": "".join(cards), "count": "12 papers"}
    return render_to_string(f"digests/mail/body.{kind}", context)


@bench("due", unit="ms", target=5, higher_is_better=False)
def due(scale: float) -> Figure:
    readers, rounds = round(READERS * scale), 50
    with clock.at(NOW):
        make_issue()
        make_readers(readers)
    Subscriber.objects.update(next_digest_at=NOW + timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE subscribers_subscriber")
    with clock.at(NOW):
        assembly.assemble_due_digests()
        started = time.perf_counter()
        for _ in range(rounds):
            assembly.assemble_due_digests()
        milliseconds = (time.perf_counter() - started) / rounds * 1000
    return Figure(milliseconds, f"a look at who is due among {readers:,} readers, with nobody due; mean of {rounds}")
