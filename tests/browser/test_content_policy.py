"""The admin's pages under their content policy: everything works, and an inline script does not."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open
from tests.browser.test_desk import log_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
# Resolves to the directive that refuses the script, or to the title that the script sets.
INLINE = """() => new Promise(resolve => {
  document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "document.title = 'run'";
  document.body.append(script);
  setTimeout(() => resolve(document.title), 2000);
})"""


@pytest.fixture
def page(open_page: Open, product: Product) -> Page:
    page = open_page(viewport={"width": 1280, "height": 900})
    log_in(page, product.password)
    return page


def test_every_list_and_form_of_the_admin_loads(page: Page) -> None:
    links = page.locator("a[href^='/admin/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    lists = sorted({link for link in links if link.count("/") == 4})
    assert len(lists) > 10
    for path in lists:
        load(page, path)
        rows = page.locator("#result_list a[href*='/change/']")
        if rows.count():
            load(page, str(rows.first.get_attribute("href")))
        page.goto(f"{path}add/")


def load(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer
    assert answer.ok, path


def test_the_account_menu_opens_and_the_theme_changes(page: Page) -> None:
    menu = page.get_by_role("link", name="Change password")
    expect(menu).to_be_hidden()
    page.get_by_text("editor", exact=True).first.click()
    expect(menu).to_be_visible()
    page.get_by_text("Dark", exact=True).first.click()
    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))


def test_a_time_is_picked_from_the_widget(page: Page) -> None:
    page.goto("/admin/issues/cutoff/add/")
    page.locator(".datetimeshortcuts a").nth(1).click()
    page.get_by_role("link", name="Midnight").click()
    expect(page.locator("#id_at")).to_have_value(re.compile("^00:00"))


def test_a_script_that_somebody_injects_is_not_run(browser: Browser, product: Product) -> None:
    page = browser.new_page(base_url=product.url)
    page.goto("/admin/login/")
    assert page.evaluate(INLINE) == "script-src-elem"
    page.close()
