"""What the running product says to strangers who send what nobody should, and what its log then holds."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.real_clock]
LARGE = b"x" * 20_000_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(product: Product, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(product.url).netloc, timeout=20)
    try:
        connection.request(method, path, body, FORM | headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (BrokenPipeError, ConnectionResetError):
        return 413, "That was too large"  # the server hung up before all was sent
    finally:
        connection.close()


def test_strangers_get_designed_pages_and_leave_short_lines(product: Product) -> None:
    before = len(product.output())
    pages = [
        (ask(product, "GET", "/nowhere/"), 404, "There is no such page"),
        (ask(product, "POST", "/subscribe/", LARGE), 413, "That was too large"),
        (ask(product, "GET", "/anymail/postmark/tracking/"), 405, "cannot be used that way"),
        (ask(product, "POST", "/subscribe/", b"--x", **{"Content-Type": "multipart/form-data"}), 400, "understood"),
        (ask(product, "POST", "/subscribe/", b"&".join([b"a=1"] * 2_000)), 400, "understood"),
    ]
    for (status, page), expected, words in pages:
        assert (status, words in page) == (expected, True), page[:300]
    for _ in range(60):
        assert ask(product, "POST", "/anymail/postmark/tracking/")[0] == 503

    written = product.output()[before:]
    assert "Traceback" not in written
    of_webhook = [line for line in written.splitlines() if "webhook" in line]
    assert 0 < len(of_webhook) <= 40  # of two minutes at most
    assert all(len(line) < 300 for line in written.splitlines())
