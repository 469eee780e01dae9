"""The product in a folder of its own, and Chromium before it."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.product import Product

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A folder for a picture of every page the tests see; none are taken where it is not set.
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")

Open = Callable[..., Page]
Shot = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("There is no Chromium here. Debian, Ubuntu: apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def product(chromium: str) -> Iterator[Product]:
    """The whole product, one for each file of tests; it is stopped by Ctrl-C and has to leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="paper-round-") as folder:
        product = Product(Path(folder))
        process = product.up()
        try:
            yield product
        finally:
            status = product.stop(process)
        assert status == 0, product.output()


# Not for the session: while Playwright runs, Django believes to be in an event loop and bars the database.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, product: Product) -> Iterator[Open]:
    """Open pages, each as in a browser that was never here, of somebody in Berlin.

    At the end, no script, frame or request of any page may have been refused by its content policy; a style may.
    """
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text and "style-src" not in message.text:
            refused.append(f"{message.page.url if message.page else ''}: {message.text}")

    with ExitStack() as stack:

        def open_(**options: Any) -> Page:
            usual = {"timezone_id": "Europe/Berlin", "locale": "en-GB", "reduced_motion": "reduce"}
            options = usual | {"base_url": product.url} | options
            context = browser.new_context(**options)
            stack.callback(context.close)
            context.set_default_timeout(10_000)
            context.on("console", listen)
            return context.new_page()

        yield open_
    assert refused == []


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Shot:
    """Take a picture of a page, where a folder for pictures is set."""

    def take(page: Page, name: str) -> None:
        if SCREENSHOTS:
            file = re.sub(r"\W+", "-", f"{request.node.name}-{name}")
            page.screenshot(path=Path(SCREENSHOTS) / f"{file}.png", full_page=True)

    return take
