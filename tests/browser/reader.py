"""What a reader does in the browser."""

import time
from collections.abc import Collection

from playwright.sync_api import FrameLocator, Locator, Page

PATIENCE_SECONDS = 60  # on a busy machine; how soon such a mail leaves is measured by `make bench ONLY=letters`


def subscribe(page: Page, address: str, topics: Collection[str]) -> None:
    """Fill in the box of the home page, which has to be unfolded on a phone, and press its button."""
    page.goto("/")
    box = page.get_by_role("complementary", name="Subscribe")
    if not box.get_by_label("Email address").is_visible():
        box.locator("summary").first.click()
    box.get_by_label("Email address").fill(address)
    for topic in topics:
        box.get_by_label(topic, exact=True).check()
    box.get_by_role("button", name="Subscribe").click()
    page.wait_for_url("**/subscribe/check-your-inbox/")


def topics_of_the_leader(page: Page) -> list[str]:
    """Return the topics of the first paper on the home page that has some."""
    page.goto("/")
    return page.locator(".paper:has(.topic)").first.locator(".topic").all_inner_texts()


def open_mail(page: Page, address: str, tag: str) -> FrameLocator:
    """Look into the mailbox until the newest mail to `address` with `tag` is there; return its HTML part."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    page.goto("/mailbox/")
    while not (found := mails(page, address, tag)).count():
        assert time.monotonic() < deadline, f"No mail “{tag}” within {PATIENCE_SECONDS} seconds"
        page.reload()
    found.first.get_by_role("link").click()
    page.wait_for_url("**/mailbox/*/")
    return page.frame_locator("iframe")


def mails(page: Page, address: str, tag: str) -> Locator:
    return page.locator(".mails li").filter(has_text=f"To {address} ").filter(has_text=f"· {tag}")
