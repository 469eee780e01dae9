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
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Nothing is written yet. The import")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("row", name="malformed")).to_be_visible()
    assert_it_fits_a_phone(page)
    shot(page, "import-checked")
    page.get_by_role("button", name="Import it: 1 new reader").click()
    expect(page.get_by_text("These are its results")).to_be_visible(timeout=30_000)
    page.goto("/admin/subscribers/subscriber/?q=Imported@Example.org")
    page.get_by_role("link", name="imported@example.org").click()
    expect(page.get_by_text("members.example.org")).to_be_visible()
    shot(page, "reader-history")


MIXED = """sep=;

E-Mail;Full name;Topics;Weekday;Hour;Opt-in source;Bounce count;Themen
ada@example.org;Ada;vision;Fri;7:00 AM;web;0;
bo@example.org;Bo;astrology;5;25:00;web;0;
cy@example.org;Cy;;;;fair;4;
no address;Di;;;;web;0;

fay@example.org;"Fay;vision
gus@example.org;Gus;;;;web;0;
"""


def test_columns_that_may_keep_readers_out_are_explained_before_a_file_is_imported(
    open_page: Open, product: Product, shot: Shot, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(MIXED)
    page = open_page(viewport=DESK)
    log_in(page, product.password)
    page.goto("/admin/subscribers/importrun/add/")
    page.get_by_text("Which columns are read").click()
    assert_it_fits_a_phone(page)
    shot(page, "import-columns")
    page.get_by_label("Where these readers agreed").fill("old.example.org")
    page.get_by_label("Latest date they agreed").fill("2026-01-31")
    page.get_by_role("group", name="Topics").get_by_role("checkbox").first.check()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Waiting for an answer")).to_be_visible(timeout=30_000)
    assert_it_fits_a_phone(page)
    shot(page, "import-asking")
    page.get_by_role("group", name="Opt-in source").get_by_label("Not a reason").check()
    page.get_by_role("group", name="Bounce count").get_by_label("when it is set").check()
    page.get_by_role("button", name="Check the file with these answers").click()
    expect(page.get_by_role("button", name="Import it: 2 new readers")).to_be_visible(timeout=30_000)
    for outcome in ("left out", "malformed", "unreadable", "empty"):
        expect(page.get_by_role("rowheader", name=outcome, exact=True)).to_be_visible()
    expect(page.get_by_text("Weekday “5” (write Monday to Sunday, or Mon to Sun)")).to_be_visible()
    assert_it_fits_a_phone(page)
    shot(page, "import-explained")


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
