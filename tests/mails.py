"""Digests as readers get them, made of the sample that ships with the product; no database is needed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse

from digests.mail import cards as mail_cards
from digests.mail import compose, slots
from digests.mail.masthead import fallback_lead
from digests.mail.reader_words import again_words, describe_choice, words_of
from digests.mail.size_limit import LINES
from digests.mail.subject import subject_of
from digests.models import Digest
from digests.providers.interface import word_slots
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers import data, paper_key
from newsletter.papers.summary.summarize import summarize
from subscribers import tokens
from subscribers.tokens import Purpose

DAY = date(2026, 5, 4)
INTRO = (
    "Much of today’s list is about doing more with one card. If you read a single paper, let it be the first: "
    "short, clear, and useful the same afternoon."
)
NOTE = "The reason why one card on a desk is enough."
LISTINGS = "Hugging Face daily papers, arXiv cs.CL, arXiv cs.CV, arXiv cs.LG and 3 more of 4 May"
TOPICS = {"cs.CV": "Computer vision", "cs.CL": "Language models", "cs.RO": "Robotics", "cs.LG": "Learning"}
WORDS = words_of(describe_choice(["Robotics", "Agents"]), "weekdays", 0, time(7), "Asia/Tokyo")
LONG_TITLE = (
    "On the unreasonable effectiveness of long titles, or: how we learned to stop worrying about the width of a "
    "telephone and to name a paper after everything that happens in it, including Pneumonoultramicroscopicsilico"
    "volcanoconiosis and https://example.org/an/address/that/no/line/can/hold/and/that/nobody/would/ever/break"
)
LONG_NAME = "Maximiliana-Theodora von und zu Wolkenstein-Hohenfels-Oberursel"


@dataclass(frozen=True, slots=True)
class Mail:
    """What arrives."""

    subject: str
    html: str
    text: str


def digest_of(count: int, detail: str = LINES) -> Mail:
    """Return a digest of `count` papers of the sample, with what an editor adds."""
    papers = json.loads(resources.files(data).joinpath("sample.json").read_text("utf-8"))["papers"]
    cards = [card_of(paper) for paper in papers[:count]]
    return mail_of(issue_of(INTRO if count > 1 else ""), cards, NOTE if count > 1 else "", detail)


def digest_of_kind(kind: Digest.Kind, since: date | None = None, reason: str = "") -> Mail:
    """Return a digest of three papers that covers several days, or is a reader's first."""
    papers = json.loads(resources.files(data).joinpath("sample.json").read_text("utf-8"))["papers"]
    cards = [card_of(paper) for paper in papers[:3]]
    return mail_of(issue_of(""), cards, kind=kind, first_day=since, lead=fallback_lead(reason) if reason else "")


def long_digest() -> Mail:
    """Return a digest whose papers have titles, names and addresses as long as they come."""
    papers = json.loads(resources.files(data).joinpath("sample.json").read_text("utf-8"))["papers"]
    cards = [card_of(paper) for paper in papers[:4]]
    changes: list[dict[str, Any]] = [
        {"title": LONG_TITLE},
        {"authors": [LONG_NAME] * 300},
        {"authors": [LONG_NAME] * 3, "code_url": "https://example.org/" + "code/" * 60, "comments": 12_345},
        {"title": "A_name_without_any_place_to_break_it_" * 5, "summary": "x" * 2_000},
    ]
    cards = [card | change for card, change in zip(cards, changes, strict=True)]
    return mail_of(issue_of(f"{INTRO}\n\n{INTRO}"), cards, " ".join([NOTE] * 5))


def issue_of(intro: str) -> Issue:
    editor = User(first_name="Mara", last_name="Lindqvist") if intro else None
    return Issue(date=DAY, intro=intro, listings=LISTINGS, curated_by=editor)


def card_of(paper: dict[str, Any]) -> dict[str, Any]:
    """Return what readers see of a paper of the sample."""
    key = f"arxiv:{paper['id']}"
    links = {"url": paper_key.abs_url(key), "pdf_url": paper_key.pdf_url(key)}
    return paper | links | {"brief": summarize(paper["summary"], paper["title"])}


def digest_that_repeats() -> Mail:
    """Return a digest of two days, the first of which the reader may have had."""
    papers = json.loads(resources.files(data).joinpath("sample.json").read_text("utf-8"))["papers"]
    cards, monday = [card_of(paper) for paper in papers[:3]], datetime.combine(DAY, time(7), UTC)
    again = again_words(monday - timedelta(days=1), monday, "UTC")
    return mail_of(issue_of(""), cards, again=again, kind=Digest.Kind.DAYS, first_day=DAY - timedelta(days=1))


def mail_of(
    issue: Issue, cards: list[dict[str, Any]], note: str = "", detail: str = LINES, *, again: str = "", **above: Any
) -> Mail:
    """Return the mail of `cards`; an editor picked the first, and wrote `note` below it."""
    subject = subject_of(issue, cards[0]["title"], len(cards))
    parts = compose.compose_items(issue, list(items_of(issue, cards, note, detail)), subject, **above)
    values = {**reader_links(), **word_slots((*WORDS[:2], ("again", again)))}
    return Mail(subject, slots.fill(parts.html, values), slots.fill(parts.text, values))


def items_of(issue: Issue, cards: list[dict[str, Any]], note: str, detail: str) -> Iterator[mail_cards.EntryToRender]:
    for number, card in enumerate(cards):
        is_pick = bool(note) and number == 0
        category = card["primary_category"]
        reason = f"{TOPICS.get(category, 'Machine learning')}: arXiv {category} · {card['votes']} votes"
        entry = IssueEntry(
            pk=1_000_000 + number,
            paper_id=1,
            issue=issue,
            position=number + 1,
            is_pick=is_pick,
            note=note if is_pick else "",
        )
        reason = f"{mail_cards.PICK} · {reason}" if is_pick else reason
        yield mail_cards.EntryToRender(entry, card, reason, detail)


def reader_links() -> dict[str, str]:
    pages = {
        "preferences_url": ("subscribers:preferences", Purpose.PREFERENCES),
        "pause_url": ("subscribers:pause", Purpose.PAUSE),
        "unsubscribe_url": ("subscribers:unsubscribe", Purpose.UNSUBSCRIBE),
        "view_url": ("digests:view", Purpose.VIEW),
        "propose_url": ("digests:propose", Purpose.PROPOSE),
        "vote_url": ("digests:vote", Purpose.VOTE),
    }
    return {
        slot: settings.SITE_URL + reverse(page, args=[tokens.sign(purpose, 1_000_000)])
        for slot, (page, purpose) in pages.items()
    }
