"""An operator stops the mail, and lets it go on."""

import pytest
from playwright.sync_api import expect

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
    expect(page.get_by_text("No digest is sent: see “Sending”")).to_be_visible()
    shot(page, "paused")
    page.get_by_role("button", name="Resume sending").click()
    page.get_by_role("button", name="Yes, resume it").click()
    expect(page.get_by_text("Digests are sent.")).to_be_visible()
