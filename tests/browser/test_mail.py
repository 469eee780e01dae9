"""The digest as mail programs show it: at three widths, light and dark, on its own, without a product behind it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from digests.models import Digest
from tests import mails
from tests.browser.conftest import Shot

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]

WIDTHS = (320, 390, 600)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEAST_TEXT, LEAST_TARGET = 16, 44  # px
AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")

FIND_TROUBLE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
}"""

FIND_SMALL_TEXT = """(least) => [...document.body.querySelectorAll("*")]
  .filter((element) => element.checkVisibility() && parseFloat(getComputedStyle(element).fontSize) < least)
  .map((element) => element.outerHTML.slice(0, 160))"""

FIND_SMALL_TARGETS = """(least) => [...document.querySelectorAll(".l a, .foot a")]
  .filter((link) => { const {width, height} = link.getBoundingClientRect(); return width < least || height < least; })
  .map((link) => link.outerHTML.slice(0, 160))"""

COLOURS = """() => [".sheet", ".s"].map((name) => {
  const {backgroundColor, color} = getComputedStyle(document.querySelector(name));
  return name === ".s" ? color : backgroundColor;
})"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["1", "5", "10", "30", "long"])
def test_a_digest_is_whole_readable_and_easy_to_hit(name: str, page: Page, shot: Shot) -> None:
    html = (mails.long_digest() if name == "long" else mails.digest_of(int(name))).html
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(html)
    page.evaluate(AXE)
    found = list[str]()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{width}: {wide} px too wide"] * (wide > 0)
        found += [f"{width}, small text: {what}" for what in page.evaluate(FIND_SMALL_TEXT, LEAST_TEXT)]
        found += [f"{width}, small target: {what}" for what in page.evaluate(FIND_SMALL_TARGETS, LEAST_TARGET)]
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{width}, {scheme}: {trouble}" for trouble in page.evaluate(FIND_TROUBLE)]
            shot(page, f"{width}-{scheme}")

    assert found == []
    assert asked == []
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("kind", Digest.Kind)
@pytest.mark.parametrize("width", [390, 600])
def test_the_foot_has_two_rows_of_links_and_one_line_of_listings(page: Page, width: int, kind: Digest.Kind) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(mails.digest_of_kind(kind, mails.DAY - timedelta(days=3)).html)
    tops = page.evaluate("[...document.querySelectorAll('.ways a')].map((link) => link.getBoundingClientRect().top)")
    assert len(tops) == 6
    assert len(set(tops)) == 2
    assert page.evaluate("document.querySelector('.from').getBoundingClientRect().height") < 40


def test_a_digest_is_dark_where_the_reader_is(page: Page) -> None:
    page.set_content(mails.digest_of(5).html)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(COLOURS) == ["rgb(251, 250, 247)", "rgb(28, 27, 25)"]
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(COLOURS) == ["rgb(22, 21, 19)", "rgb(236, 233, 226)"]


def test_a_digest_reads_well_without_its_style_sheet(page: Page) -> None:
    """Some programs drop it, and keep what stands in each element."""
    page.set_content(mails.digest_of(5).html)
    page.evaluate("document.querySelector('style').remove()")
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.evaluate(FIND_SMALL_TARGETS, LEAST_TARGET) == []
    assert page.evaluate(COLOURS) == ["rgb(251, 250, 247)", "rgb(28, 27, 25)"]
    assert not page.locator(".unseen").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_digest_tells_a_screen_reader_its_language_and_its_headings(page: Page) -> None:
    page.set_content(mails.digest_of(5).html)
    mail = page.get_by_role("article", name="Paper Round: Monday, 4 May 2026")
    assert (mail.get_attribute("lang"), mail.get_attribute("dir")) == ("en", "ltr")
    assert mail.get_by_role("heading", level=1).inner_text() == "Monday, 4\u00a0May 2026"
    assert mail.get_by_role("heading", level=2).count() == 5
    assert mail.get_by_role("table").count() == 0
