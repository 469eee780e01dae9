"""Take pictures of the mails: digests of several sizes, the longest words and the text part, light and dark.

They are made of the sample papers; neither a database nor a running product is needed.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from digests.mail import size_limit
from digests.models import Digest
from tests import mails
from tests.browser.conftest import FLAGS

WIDTHS = (390, 600)
TEXT_WIDTH = 640  # 72 columns
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PLAIN = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>
pre {{ width: 72ch; margin: 16px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 monospace; }}
</style><pre>{}</pre></html>"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var/screenshots"), help="where they go")
    folder = parser.parse_args().folder
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("There is no Chromium here. Debian, Ubuntu: apt-get install chromium", file=sys.stderr)
        return 1
    pages = dict(pages_to_take())
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, html in pages.items():
            for width in WIDTHS if name.startswith("digest") else [TEXT_WIDTH]:
                take(browser, html, width, folder / name)
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder}/")
    return 0


def pages_to_take() -> Iterator[tuple[str, str]]:
    """Yield the name and the HTML of each page."""
    for count in (1, 5, 10, 30):
        yield f"digest-{count:02}", mails.digest_of(count).html
    for detail in (size_limit.TITLE, size_limit.ABSTRACT):
        yield f"digest-10-{detail}", mails.digest_of(10, detail).html
    yield "digest-long", mails.long_digest().html
    for detail in (size_limit.TITLE, size_limit.LINES, size_limit.ABSTRACT):
        yield f"text-{detail}", PLAIN.format(escape(mails.digest_of(10, detail).text))
    for name, mail in mails_by_kind().items():
        yield f"digest-{name}", mail.html
        yield f"text-{name}", PLAIN.format(escape(mail.text))


def mails_by_kind() -> dict[str, mails.Mail]:
    return {
        "week": mails.digest_of_kind(Digest.Kind.WEEK, mails.DAY - timedelta(days=4)),
        "days": mails.digest_of_kind(Digest.Kind.DAYS, mails.DAY - timedelta(days=2)),
        "again": mails.digest_that_repeats(),
        "welcome": mails.digest_of_kind(Digest.Kind.WELCOME),
        "fallback": mails.digest_of_kind(Digest.Kind.WELCOME, reason=Digest.FallbackReason.NO_PAPER),
    }


def take(browser: Browser, html: str, width: int, file: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_content(html)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=file.with_name(f"{file.name}-{width}-{scheme}.png"), full_page=True)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
