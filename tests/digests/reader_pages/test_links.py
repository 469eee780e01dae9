"""All links that mails hold, against all pages that links lead to."""

import logging
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings, settings
from django.test import Client

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.sending import send_batch
from newsletter import clock
from newsletter.issues.models import IssueEntry
from newsletter.log_redaction import TOKEN_PATHS, RedactingFormatter
from newsletter.papers.models import Paper, Proposal, Vote
from subscribers import tokens
from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, Subscriber
from subscribers.tokens import Purpose
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import follow, press
from tests.provider import sent
from tests.rows import rows_of
from tests.subscribers.signups import answers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
CODE = "https://github.com/example/engine"
NETWORK = "93.184.216.34"
DIRECT = ("digest", "not-me")  # pages whose own address holds the token
ADDRESS, NEW = "ada.reader@example.org", "ada.moves@example.org"


@pytest.fixture
def links(set_clock: object) -> dict[str, str]:
    """Return a link of each kind, all of one reader, by the page it leads to."""
    topic = TopicFactory(slug="vision")
    published_issue(MONDAY, PaperFactory(topics=[topic], code_url=CODE))
    reader = SubscriberFactory(email=ADDRESS, topics=[topic])
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())
    signed = {
        "preferences": tokens.sign(Purpose.PREFERENCES, reader.pk),
        "pause": tokens.sign(Purpose.PAUSE, reader.pk),
        "unsubscribe": tokens.sign(Purpose.UNSUBSCRIBE, reader.pk),
        "digest": tokens.sign(Purpose.VIEW, Delivery.objects.get().pk),
        "vote": tokens.sign(Purpose.VOTE, reader.pk),
        "propose": tokens.sign(Purpose.PROPOSE, reader.pk),
        "address": of_letter(reader, Letter.Kind.ADDRESS, NEW),
        "data": of_letter(reader, Letter.Kind.EXPORT),
        "erase": of_letter(reader, Letter.Kind.ERASE),
        "confirm": of_letter(reader, Letter.Kind.CONFIRM),
        "not-me": tokens.sign_address(tokens.LetterAddress(reader.pk, hash_address(NEW))),
    }
    assert set(signed) == set(TOKEN_PATHS)
    asked = {"vote": f"?entry={IssueEntry.objects.get().pk}"}
    return {page: f"/{page}/{token}/{asked.get(page, '')}" for page, token in signed.items()}


def of_letter(reader: Subscriber, kind: Letter.Kind, address: str = "") -> str:
    token = tokens.random_token()
    made = {"sending_at": clock.now(), "token_hash": tokens.hash_token(token)}
    reader.letters.create(kind=kind, address=address, **made)
    return token


def test_a_link_of_each_kind_opens_its_own_page_and_no_other(links: dict[str, str]) -> None:
    before = rows_of("subscribers", "digests", "papers")
    for page, link in links.items():
        assert Client().get(link, follow=True).status_code == 200
        for other in links.keys() - {page}:
            wrong = link.replace(f"/{page}/", f"/{other}/", 1)
            assert Client().get(wrong).status_code == Client().head(wrong).status_code == 404, wrong
            assert Client().post(wrong).status_code in {404, 405}, wrong
    assert rows_of("subscribers", "digests", "papers") == before


def test_no_page_of_a_reader_is_kept_by_anybody_and_no_line_of_a_log_tells_of_one(
    links: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(RedactingFormatter("%(name)s %(message)s"))
    browser = Client(REMOTE_ADDR=NETWORK)
    direct = [browser.get(links[page]) for page in DIRECT]
    knocked = [browser.get(link) for page, link in links.items() if page not in DIRECT]
    entered = [browser.get(answer["Location"]) for answer in knocked]
    shown = [*direct, *knocked, *entered]
    shown += [follow(browser, link) for page, link in links.items() if page not in DIRECT]
    shown += acts(browser, links)
    secrets = [link.split("/")[2] for link in links.values()]

    for answer in shown:
        assert answer.status_code < 400, (answer.request["PATH_INFO"], answer.content)
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "no-referrer"
    for answer in entered:
        assert not any(secret in answer["Location"] for secret in secrets)
    browser.post("/subscribe/", answers(email=NEW))
    browser.post("/subscribe/", answers(email=f"{NEW}@"))
    assert caplog.records
    for secret in (*secrets, "ada.", NETWORK):
        assert secret not in caplog.text


def acts(browser: Client, links: dict[str, str]) -> list[Any]:
    """Press each button that a reader can, the end last, and return what each is answered with."""
    choices, leave = links["preferences"], links["unsubscribe"]
    pressed = [
        press(browser, choices, {**answers(), "email": ""}),
        press(browser, choices, {"email": NEW}, at="/preferences/address/"),
        press(browser, choices, {"what": "export"}, at="/preferences/data/"),
        press(browser, links["vote"], {"entry": IssueEntry.objects.get().pk, "act": "vote"}),
        press(browser, links["propose"], {"paper": "https://arxiv.org/abs/2605.00658", "because": "It is short."}),
        press(browser, links["pause"]),
        press(browser, links["address"]),
        press(browser, links["confirm"]),
        press(browser, links["data"]),
        browser.post("/preferences/link/", answers(email=NEW)),
        browser.post(leave),
        press(browser, leave, {"how_long": "week"}, at="/unsubscribe/pause/"),
        press(browser, leave),
        press(browser, leave, {"reason": "other", "words": "Farewell"}, at="/unsubscribe/reason/"),
        press(browser, f"/erase/{of_letter(Subscriber.objects.get(), Letter.Kind.ERASE)}/"),
    ]
    assert (Vote.objects.count(), Proposal.objects.count()) == (1, 1)
    assert not Subscriber.objects.exists()
    return pressed


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_of_each_kind_is_verified_by_old_keys_until_they_are_retired(
    purpose: Purpose, settings: LazySettings, links: dict[str, str]
) -> None:
    link = links["digest" if purpose == Purpose.VIEW else purpose.value]
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a newer key"
    settings.SECRET_KEY_FALLBACKS = ["a new key", old]
    assert Client().get(link, follow=True).status_code == 200
    settings.SECRET_KEY_FALLBACKS = ["a new key"]
    assert Client().get(link).status_code == 404


@pytest.mark.usefixtures("links")
def test_a_digest_loads_nothing_and_its_links_go_straight_to_the_papers() -> None:
    (mail,) = sent()
    html = str(mail.alternatives[0][0])
    assert not re.search(r"<(?!a\b)[^>]*\b(?:src|href|srcset|background)\s*=|url\(|@import", html, re.IGNORECASE)
    targets = set(re.findall(r'href="([^"]+)"', html))
    elsewhere = {link for link in targets if not link.startswith(settings.SITE_URL)}
    paper = Paper.objects.get().url
    assert elsewhere == {paper, paper.replace("/abs/", "/pdf/"), CODE}
    own = {urlsplit(link).path.split("/")[1] for link in targets - elsewhere}
    ways = {"preferences", "pause", "unsubscribe", "digest", "vote", "propose"}
    assert own <= ways | {"issues", "papers", "privacy", ""}
