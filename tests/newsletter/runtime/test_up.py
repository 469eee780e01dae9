"""The product as a whole: started, asked, stopped and killed as a person or a machine would."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import SECONDS, Product, wait_until


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product whose first run is over."""
    with tempfile.TemporaryDirectory(prefix="paper-round-") as folder:
        product = Product(Path(folder))
        process = product.up()
        product.first_output = product.output()
        stop(process, signal.SIGTERM)
        wait_until(product.is_gone, lambda: str(product.processes()))
        yield product


def stop(process: "subprocess.Popen[bytes]", signum: signal.Signals) -> int:
    process.send_signal(signum)
    return process.wait(SECONDS)


def status_of(product: Product, path: str) -> int:
    ask = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    try:
        ask.request("GET", path)
        return ask.getresponse().status
    finally:
        ask.close()


def test_the_first_run_ends_with_the_addresses_and_the_editors_password(product: Product) -> None:
    lines = [line.split() for line in product.first_output.splitlines() if line.strip()]

    assert ["Mailbox", f"http://localhost:{product.port}/mailbox/"] in lines[-6:]
    assert ["Admin", f"http://localhost:{product.port}/admin/"] in lines[-6:]
    assert lines[-2:-1] == [["Name", "editor"]]
    assert lines[-1][0] == "Password"
    assert len(lines[-1][1]) >= 16


def test_a_later_run_serves_pages_and_ctrl_c_leaves_no_process_behind(product: Product) -> None:
    process = product.up()
    found = [status_of(product, path) for path in ("/healthz", "/", "/mailbox/", "/admin/login/")]
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(SECONDS) == 0
    assert found == [200, 200, 200, 200]
    output = product.output()
    assert "`make password` sets a new one" in output
    assert "Stopping. Running work has" in output
    assert "web has stopped" in output
    assert " ended " not in output
    wait_until(product.is_gone, lambda: str(product.processes()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_killed_outright_it_leaves_nothing_that_hinders_the_next_start(product: Product) -> None:
    process = product.up()
    stop(process, signal.SIGKILL)
    wait_until(product.is_gone, lambda: str(product.processes()))

    assert stop(product.up(), signal.SIGTERM) == 0
    wait_until(product.is_gone, lambda: str(product.processes()))


def test_a_taken_port_is_one_sentence_with_the_way_out(product: Product) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = product.run("up", PORT=port)

    assert result.returncode == 1
    assert re.fullmatch(rf"Cannot listen on port {port} of 127\.0\.0\.1 .*PORT=9000 make run.*\n", result.stderr)


def test_a_port_that_is_no_number_is_one_sentence(product: Product) -> None:
    result = product.run("up", PORT="eighty")

    assert result.returncode == 1
    assert "PORT" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_unwritable_folder_is_one_sentence_with_the_way_out(product: Product) -> None:
    # Below a file, where not even root can write.
    result = product.run("up", VAR_DIR=str(product.log / "var"))

    assert result.returncode == 1
    assert re.fullmatch(r"Cannot write to .*: set VAR_DIR to a folder that you may write to\.\n", result.stderr)


@pytest.mark.parametrize(
    ("variable", "address"),
    [("DATABASE_URL", "postgres://127.0.0.1:1/papers"), ("REDIS_URL", "redis://:secret@127.0.0.1:1/0")],
)
def test_an_unreachable_server_is_one_sentence_that_names_its_setting(
    product: Product, variable: str, address: str
) -> None:
    result = product.run("up", **{variable: address, "DEBUG": "1"})

    assert result.returncode == 1
    assert re.fullmatch(rf"\w+ does not answer at .*127\.0\.0\.1:1/.*: correct {variable}.*\n", result.stderr)
    assert "secret" not in result.stderr


@pytest.mark.parametrize("part", ["all", "web", "worker", "beat"])
def test_missing_settings_are_named_at_start(product: Product, part: str) -> None:
    result = product.run("up", part, DEBUG="0", SECRET_KEY="x" * 50)

    assert result.returncode == 1
    assert "DATABASE_URL, REDIS_URL, ALLOWED_HOSTS, SITE_URL" in result.stderr
    assert "SECRET_KEY" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_password_sets_a_new_one_each_time(product: Product) -> None:
    results = [product.run("password") for _ in range(2)]
    passwords = {result.stdout.removeprefix("The new password of editor: ") for result in results}

    assert [result.returncode for result in results] == [0, 0]
    assert len(passwords) == 2


def test_password_for_nobody_is_one_sentence(product: Product) -> None:
    result = product.run("password", "--user", "nobody")

    assert result.returncode == 1
    assert "There is no account named nobody." in result.stderr


def test_the_admin_page_lets_the_new_password_in(product: Product) -> None:
    new = product.run("password").stdout.split()[-1]
    check = "from django.contrib.auth import authenticate as a; from django.http import HttpRequest; import sys; "
    check += f"sys.exit(a(HttpRequest(), username='editor', password='{new}') is None)"

    assert product.run("shell", "-c", check).returncode == 0
