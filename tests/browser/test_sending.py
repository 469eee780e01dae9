"""An operator stops the mail, and lets it go on."""

import time

import pytest
import redis
from playwright.sync_api import expect

from newsletter.runtime import embedded_servers
from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import log_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]


def test_sending_is_paused_and_resumed_on_the_desk(open_page: Open, product: Product, shot: Shot) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    page.goto("/admin/digests/sendingswitch/")
    expect(page.get_by_text("Digests are sent.")).to_be_visible()
    page.get_by_role("textbox", name="Why").fill("A wrong link in the issue.")
    shot(page, "sending")
    page.get_by_role("button", name="Pause sending").click()
    shot(page, "pause")
    page.get_by_role("button", name="Yes, pause it").click()
    expect(page.get_by_text("No digest is sent", exact=True)).to_be_visible()
    shot(page, "paused")
    page.get_by_role("button", name="Resume sending").click()
    page.get_by_role("button", name="Yes, resume it").click()
    expect(page.get_by_text("Digests are sent.")).to_be_visible()


def test_a_failing_provider_is_named_on_every_page_with_its_reason(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 1000})
    log_in(page, product.password)
    now = round(time.time() * 1000)
    breaker = {"since": now, "shut_until": now + 600_000, "reason": "The provider does not accept our key (401)."}
    with redis.Redis.from_url(embedded_servers.redis_url(product.var_dir)) as client:
        client.hset("pace:{mailbox}:breaker", mapping=breaker)
        for path, name in [("", "home"), ("papers/source/", "other"), ("subscribers/suppression/", "suppressions")]:
            page.goto(f"/admin/{path}")
            shot(page, f"failing-{name}")
            expect(page.get_by_label("What keeps digests back")).to_contain_text("does not accept our key (401)")
        page.get_by_role("link", name="Lift all of a day").first.click()
        shot(page, "lift-day")
        page.goto("/admin/digests/sendingswitch/")
        shot(page, "failing-sending")
        expect(page.get_by_text("mailbox has taken no mail since").first).to_be_visible()
        expect(page.get_by_text("Digests are sent.")).to_have_count(0)
        client.delete("pace:{mailbox}:breaker")
    page.goto("/admin/")
    expect(page.get_by_label("What keeps digests back")).to_have_count(0)
