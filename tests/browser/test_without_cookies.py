"""A reader whose browser blocks every cookie: from the sign-up to the way out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, Shot
from tests.browser.reader import open_mail, subscribe, topics_of_the_leader
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@pytest.fixture
def page(chromium: str, product: Product, tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(BLOCKED))
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=chromium, args=FLAGS, base_url=product.url, timezone_id="Europe/Berlin"
        )
        context.set_default_timeout(10_000)
        yield context.new_page()
        assert context.cookies() == []
        context.close()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def test_the_whole_way_needs_no_cookies(page: Page, shot: Shot) -> None:
    address = "nocookies@example.org"
    topics = topics_of_the_leader(page)
    subscribe(page, address, topics)
    open_mail(page, address, "confirm").get_by_role("link", name="Confirm").click()
    page.get_by_role("button", name="Confirm").click()
    heading(page, "You are subscribed")

    open_mail(page, address, "digest").get_by_role("link", name="Your settings").click()
    heading(page, "Your settings")
    page.locator(".effect .week details").first.wait_for()
    shot(page, "choices")
    page.get_by_label("At most").select_option("5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".state.done")).to_contain_text("Saved.")
    assert page.url.endswith("/preferences/")
    expect(page.get_by_label("At most")).to_have_value("5")

    open_mail(page, address, "digest").get_by_role("link", name="Pause a week").click()
    page.get_by_role("button", name="Pause a week").click()
    heading(page, "Your digest is paused")
    open_mail(page, address, "digest").get_by_role("link", name="Unsubscribe").click()
    heading(page, "Unsubscribe?")
    page.get_by_role("button", name="Unsubscribe").click()
    heading(page, "You are unsubscribed")
    page.get_by_role("button", name="Pause a week").click()
    heading(page, "Your digest is paused")
