"""How soon each list of the admin answers at 100,000 papers, a million readers and a month of their mail."""

import os
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from newsletter import clock
from newsletter.papers.topics.tagging import load_topics
from subscribers import synthetic_subscribers
from tests.benchmarks.delivery.digests import NOW
from tests.benchmarks.delivery.planned import make_digests
from tests.benchmarks.registry import Figure, bench, shown

PAPERS, READERS, DAYS = 100_000, 1_000_000, 30
# Deliveries on disk: ten days of all readers stand for a month, and fit on a small disk.
DAYS_STORED = 10
ROUNDS = 5
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
TARGET_MS = 300
# What somebody asks of a list, beside its first page; {n} is a number in the middle.
ASKED = {
    "papers.paper": (
        "q=matters", "q=case {p} diffusion", "q=2605", "topic={topic}", "listed_on_in=7", "state=merged", "p=200",
    ),
    "subscribers.subscriber": (
        "q=reader{n}@trial.example", "q=reader12", "q=@trial.example", "q=@nowhere.example", "status__exact=active",
        "status__exact=pending", "frequency__exact=weekly", "p=200",
    ),
    "subscribers.suppression": ("q=reader{n}@trial.example", "reason__exact=complaint", "at_in=7"),
    "digests.delivery": (
        "q=reader{n}@trial.example", "q={n}", "q=no-such-id", "status__exact=uncertain", "status__exact=skipped",
        "status__exact=abandoned", "reason__exact=paused", "made_at_in=1", "p=200",
    ),
    "digests.batch": ("status__exact=done", "status__exact=dropped"),
    "digests.providerevent": (
        "q={n}", "q=trial.example", "kind__exact=bounced", "kind__exact=unsubscribed", "held__exact=let_go",
        "put_aside__exact=unknown", "received_at_in=7",
    ),
}  # fmt: skip

MAKE_SOURCES = """
INSERT INTO papers_source (name, kind, url, weight, every, is_active, created_at, validators, last_error,
    failure_count, listing_size, usual_size, is_empty, new_count)
SELECT 'Source ' || n, 'arxiv', 'https://feeds.example.org/' || n, 1, '1 hour', true, now(), '{}', '', 0, 0, 0,
       false, 0
FROM generate_series(1, 30) n
"""
MAKE_PAPERS = """
INSERT INTO papers_paper (key, version, title, abstract, authors, categories, primary_category, url, code_url,
    project_url, proposed_by, first_seen_at, listed_on, stands_alone, origins, votes, comments, score)
SELECT 'arxiv:2605.' || n, 1,
       'On ' || (ARRAY['diffusion', 'a world model', 'proteins', 'watermarks'])[1 + n %% 4] || ', and why case ' || n
           || ' matters more than it seems', repeat('We show that what holds for small models holds for large. ', 20),
       ARRAY['Author ' || n %% 600, 'Author ' || n %% 599], ARRAY['cs.CL'], 'cs.CL',
       'https://arxiv.org/abs/2605.' || n, '', '', '', day, day::date, false, '{}', n %% 90, 0, n %% 1000
FROM generate_series(1, %(papers)s) n, LATERAL (SELECT %(now)s - (n / 500) * interval '1 day') AS d(day)
"""
MAKE_REST = """
INSERT INTO papers_papertopic (paper_id, topic_id, origin, fit, evidence)
SELECT paper.id, topic.id, 'rule', 1, ARRAY['cs.CL'] FROM papers_paper paper JOIN (
    SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS count FROM papers_topic) topic
    ON topic.place IN (1 + paper.id %% topic.count, 1 + paper.id * 7 %% topic.count)
ON CONFLICT DO NOTHING;
INSERT INTO papers_sighting (paper_id, source_id, seen_at, votes)
SELECT paper.id, source.id, paper.first_seen_at + visit * interval '1 hour', visit
FROM papers_paper paper, (SELECT id FROM papers_source LIMIT 3) source, generate_series(1, 2) visit;
INSERT INTO subscribers_suppression (address_hash, reason, at, note)
SELECT md5(n::text), CASE WHEN n %% 100 = 0 THEN 'complaint' ELSE 'bounce' END, %(now)s - n * interval '1 minute', ''
FROM generate_series(1, %(readers)s / 20) n;
INSERT INTO digests_batch (lane, status, position, open_calls, attempt, made_at, provider)
SELECT 'merge', 'done', 1, 0, 1, %(now)s - n * interval '1 minute', 'mailgun'
FROM generate_series(1, greatest(1, %(readers)s / 1000 * %(days)s)) n
"""
MAKE_DELIVERIES = """
INSERT INTO digests_delivery (subscriber_id, slot, digest_id, preferences_id, batch_id, call_no, status, reason, note,
    provider_id, made_at, expires_at, delivered_at)
SELECT id, %(at)s, CASE WHEN id %% 20 > 0 THEN %(digest)s END, preferences_id,
       CASE WHEN id %% 20 > 0 THEN %(batch)s END, 0,
       CASE WHEN id %% 20 = 0 THEN 'skipped' WHEN id %% 1001 = 0 THEN 'rejected' END,
       CASE WHEN id %% 20 = 0 THEN 'nothing_matched' ELSE '' END, '', '', %(at)s, %(at)s, %(at)s
FROM subscribers_subscriber
"""
MAKE_EVENTS = """
INSERT INTO digests_providerevent (provider, key, kind, body, delivery_id, message_id, address_hash, domain,
    happened_at, received_at, applied_at, put_aside, held)
SELECT 'Mailgun', 'e' || id, CASE WHEN id %% 300 = 0 THEN 'bounced' ELSE 'delivered' END, '{}', id, '', '',
       'trial.example', made_at, made_at, made_at, '', ''
FROM digests_delivery WHERE status IS NULL AND made_at > %(now)s - interval '2 days'
"""


class Took(NamedTuple):
    """Hold milliseconds that passed for one page, and those of our processor: the rest is PostgreSQL’s, or waiting."""

    ms: float
    ours: float


@bench("lists", unit="ms", target=TARGET_MS, higher_is_better=False)
def lists(scale: float) -> Figure:
    """Open each list as somebody who may do everything, then its searches and filters; the slowest counts."""
    papers, readers = round(PAPERS * scale), round(READERS * scale)
    settings.ALLOWED_HOSTS, settings.TWO_FACTOR = ["testserver"], False
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}  # nothing is collected here
    with clock.at(NOW):
        make_all(papers, readers)
        took = {asked: median_ms(client, path) for client, asked, path in shown(questions(papers, readers), "lists")}
    slow = sorted(took.items(), key=lambda item: -item[1].ms)
    firsts = [one.ms for asked, one in slow if "?" not in asked]
    return Figure(
        slow[0][1].ms,
        f"{papers:,} papers, {readers:,} readers, {readers * DAYS_STORED:,} deliveries ({DAYS_STORED} days of all "
        f"readers), median of {ROUNDS} for each of {len(took)} pages; first pages {statistics.median(firsts):.0f} ms, "
        f"the slowest of them {max(firsts):.0f} ms; slowest of all: "
        + ", ".join(f"{asked} {one.ms:.0f} ms (ours {one.ours:.0f})" for asked, one in slow[:8])
        + f"; the machine’s load at {os.getloadavg()[0]:.1f}",
        missed=tuple(asked for asked, one in slow if one.ms > TARGET_MS),
    )


def make_all(papers: int, readers: int) -> None:
    load_topics()
    for _ in shown(
        synthetic_subscribers.make_subscribers(readers, due_at=NOW),
        "readers",
        -(-readers // synthetic_subscribers.CHUNK),
    ):
        pass
    (digest,) = make_digests(1)
    values: dict[str, Any] = {"papers": papers, "readers": readers, "days": DAYS, "now": NOW, "digest": digest}
    with connection.cursor() as cursor:
        cursor.execute(MAKE_SOURCES)
        cursor.execute(MAKE_PAPERS, values)
        for statement in MAKE_REST.split(";"):
            cursor.execute(statement, values)
        for ago in shown(range(DAYS_STORED - 1, -1, -1), "deliveries", DAYS_STORED):
            day = {"at": NOW - timedelta(days=ago), "batch": 1}
            cursor.execute(MAKE_DELIVERIES, values | day)
        cursor.execute(MAKE_EVENTS, values)
        cursor.execute("VACUUM ANALYZE")


def questions(papers: int, readers: int) -> Iterator[tuple[Client, str, str]]:
    """Yield each question by its name and its address, and a client that is logged in."""
    client = Client()
    client.force_login(get_user_model()._default_manager.create(username="a", is_staff=True, is_superuser=True))
    words = {"n": readers // 2, "p": papers // 2, "topic": "language"}
    for model in admin.site._registry:
        label = model._meta.label_lower
        path = f"/admin/{label.replace('.', '/')}/"
        yield client, label, path
        for asked in ASKED.get(label, ()):
            query = asked.format(**words)
            yield client, f"{label}?{query}", f"{path}?{query}"


def median_ms(client: Client, path: str) -> Took:
    one_ms(client, path)  # templates and the plan's tables are read once
    return sorted(one_ms(client, path) for _ in range(ROUNDS))[ROUNDS // 2]


def one_ms(client: Client, path: str) -> Took:
    started, processor = time.perf_counter(), time.process_time()
    answer = client.get(path)
    is_beyond = "?p=" in path and answer.status_code == 302  # fewer pages at a small scale
    assert answer.status_code == 200 or is_beyond, f"{path}: {answer.status_code}"
    return Took((time.perf_counter() - started) * 1000, (time.process_time() - processor) * 1000)
