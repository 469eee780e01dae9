"""An operator looks at what became of an issue."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import log_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]


def test_the_statistics_of_an_issue_are_one_click_from_the_deliveries(
    open_page: Open, product: Product, shot: Shot
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    page.goto("/admin/digests/delivery/")
    page.get_by_role("link", name="Statistics of the newest issue").click()
    expect(page.get_by_role("heading", name="Statistics of the issue of")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Eligible"))).to_contain_text("readers who were due")
    expect(page.get_by_text("The counts close")).to_be_visible()
    shot(page, "statistics")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="The issue of").click()
    expect(page.get_by_role("link", name="Statistics", exact=True)).to_be_visible()
