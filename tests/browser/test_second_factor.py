"""The first login where a second factor is asked for, and the next one with its code."""

import re
import tempfile
from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_otp.oath import totp
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")
TROUBLES = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map(found => `${found.id}: ${found.nodes.map(node => node.target).join(" ")}`);
}"""
LOOKS = [("light", 390), ("dark", 390), ("light", 1280), ("dark", 1280)]


@pytest.fixture(scope="module")
def guarded(chromium: str) -> Iterator[Product]:
    """A desk on which a second factor is asked for, as it is in production."""
    with tempfile.TemporaryDirectory(prefix="paper-round-") as folder:
        product = Product(Path(folder))
        product.environment |= {"TWO_FACTOR": "1", "LOGIN_FAILURES": "2"}
        process = product.up()
        try:
            yield product
        finally:
            product.stop(process)


def looks_right(page: Page, shot: Shot, name: str) -> None:
    """Look at a page in all its looks; it is wider than no screen, and everybody can read it."""
    for scheme, width in LOOKS:
        page.evaluate("isDark => document.documentElement.classList.toggle('dark', isDark)", scheme == "dark")
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(AXE)
        assert page.evaluate(TROUBLES) == []
        shot(page, f"{name}-{scheme}-{width}")


def test_the_first_login_sets_up_a_second_factor_and_the_next_shows_it(
    open_page: Open, guarded: Product, shot: Shot
) -> None:
    page = open_page(base_url=guarded.url)
    give_password(page, guarded.password)
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    looks_right(page, shot, "set-up")
    page.goto("/admin/issues/issue/")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()

    key = b32decode(page.locator("#key").inner_text().replace(" ", ""))
    page.get_by_role("textbox", name="Code").fill("12345")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not the current code")).to_be_visible()
    looks_right(page, shot, "wrong")
    page.get_by_role("textbox", name="Code").fill(f"{totp(key):06}")
    page.keyboard.press("Enter")
    expect(page.locator("#codes li")).to_have_count(10)
    looks_right(page, shot, "codes")
    codes = page.locator("#codes li").all_inner_texts()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save them as a file").click()
    assert codes[0] in Path(saved.value.path()).read_text()
    page.get_by_role("link", name="I have kept them, go on").click()
    page.wait_for_url("**/admin/issues/issue/")

    other = open_page(base_url=guarded.url)
    give_password(other, guarded.password)
    expect(other.get_by_role("heading", name="Second factor")).to_be_visible()
    looks_right(other, shot, "enter")
    other.get_by_role("link", name="Use a recovery code").click()
    other.get_by_label("Recovery code").fill(codes[3])
    other.keyboard.press("Enter")
    other.wait_for_url(re.compile("/admin/$"))


def test_who_is_locked_out_reads_why_and_what_to_do(open_page: Open, guarded: Product, shot: Shot) -> None:
    page = open_page(base_url=guarded.url)
    for _ in range(2):
        give_password(page, "wrong", name="nobody")
    expect(page.get_by_text("Wait 15 minutes and try again")).to_be_visible()
    looks_right(page, shot, "locked")


def give_password(page: Page, password: str, name: str = "editor") -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")
