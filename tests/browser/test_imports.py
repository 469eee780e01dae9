"""An operator brings readers in, and takes a suppression away."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.test_desk import log_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def assert_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size(DESK)  # type: ignore[arg-type]


def test_a_file_of_readers_is_looked_through_and_imported(
    open_page: Open, product: Product, shot: Shot, tmp_path: Path
) -> None:
    path = tmp_path / "members.csv"
    path.write_text("email,subscribed_to_emails\nimported@example.org,true\nleft@example.org,false\nnobody,true\n")
    page = open_page(viewport=DESK)
    log_in(page, product.password)
    page.goto("/admin/subscribers/importrun/add/")
    assert_it_fits_a_phone(page)
    shot(page, "import-upload")
    page.get_by_label("From", exact=True).select_option("ghost")
    page.get_by_label("Where these readers agreed").fill("members.example.org")
    page.get_by_label("Latest date they agreed").fill("2026-01-31")
    page.get_by_role("group", name="Topics").get_by_role("checkbox").first.check()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Look through the file").click()
    expect(page.get_by_text("Nothing is written yet. Below")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("row", name="malformed")).to_be_visible()
    assert_it_fits_a_phone(page)
    shot(page, "import-checked")
    page.get_by_role("button", name="Import it: 1 new reader").click()
    expect(page.get_by_text("Below stands what it did")).to_be_visible(timeout=30_000)
    page.goto("/admin/subscribers/subscriber/?q=Imported@Example.org")
    page.get_by_role("link", name="imported@example.org").click()
    expect(page.get_by_text("members.example.org")).to_be_visible()
    shot(page, "reader-history")


def test_a_suppression_is_added_found_by_its_address_and_lifted(open_page: Open, product: Product, shot: Shot) -> None:
    page = open_page(viewport=DESK)
    log_in(page, product.password)
    page.goto("/admin/subscribers/suppression/add/")
    page.get_by_label("Address").fill("Suppressed@Example.org")
    page.get_by_label("Note").fill("Asked by post")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/admin/subscribers/suppression/?q=suppressed@example.org")
    page.locator("#result_list tbody th a, #result_list tbody td a").first.click()
    page.get_by_role("link", name="Lift this suppression").click()
    assert_it_fits_a_phone(page)
    shot(page, "suppression-lift")
    page.get_by_label("Why").fill("Asked again")
    page.get_by_role("button", name="Lift it").click()
    expect(page.get_by_text("Suppression lifted. The address is mailed again")).to_be_visible()
