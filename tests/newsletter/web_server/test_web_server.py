"""What strangers may do to the server's sockets: others are served all the same."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.newsletter.web_server.server import HEALTH, SLOW_BODY, WebServer, drip, read_until_closed
from tests.product import wait_until

pytestmark = pytest.mark.django_db
STRANGERS = 200
HEADERS = b"HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """A server that anybody reaches directly, with short deadlines and no limit of a network."""
    limits = {"CONNECTIONS_PER_NETWORK": "0", "WEB_HEADER_SECONDS": "3", "WEB_BODY_SECONDS": "4"}
    with WebServer(tmp_path_factory.mktemp("web"), **limits).running() as server:
        yield server


@pytest.mark.parametrize(
    "sent",
    [
        SLOW_BODY,
        b"POST /subscribe/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nemail=\r\n",
        b"POST /admin/subscribers/importrun/add/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n",
        b"POST /anymail/mailgun/tracking/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n{",
        b"GET / HTTP/1.1\r\nHost: local",
        b"",
    ],
    ids=["slow bodies", "slow chunks", "uploads", "webhooks", "slow headers", "silence"],
)
def test_health_is_answered_within_a_second_beside_200_slow_clients(server: WebServer, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(STRANGERS):
            stack.enter_context(server.connect(sent))
        assert server.seconds_of_health() < 1


def test_clients_that_read_slowly_occupy_no_thread(server: WebServer) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            request = b"GET /static/unfold/css/styles.css " + HEADERS + b"\r\n"
            stack.enter_context(server.connect(request, receive_bytes=2_000))
        assert server.seconds_of_health() < 1


def test_a_body_that_drips_is_answered_408_when_its_time_is_over(server: WebServer) -> None:
    with server.connect(SLOW_BODY) as client:
        assert drip(client).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local", HEALTH], ids=["silent", "slow", "idle"])
def test_a_connection_without_a_next_request_is_closed(server: WebServer, sent: bytes) -> None:
    with server.connect(sent) as client:
        assert (b"200 OK" in read_until_closed(client)) == (sent == HEALTH)


def test_headers_that_drip_are_cut_off_also_those_of_a_second_request(server: WebServer) -> None:
    with server.connect(b"GET / HTTP/1.1\r\nX: ") as client:
        assert drip(client) == b""
    with server.connect(HEALTH) as client:
        assert drip(client).count(b"HTTP/1.1 200 ") == 1


def test_headers_that_are_too_large_are_refused(server: WebServer) -> None:
    with server.connect(b"GET / " + HEADERS + b"X-Large: ") as client:
        with suppress(ConnectionError):
            client.sendall(b"x" * 1_000_000)
        assert b" 200 " not in read_until_closed(client)


def test_requests_in_one_packet_are_answered_one_after_the_other(server: WebServer) -> None:
    with server.connect(HEALTH * 20) as client:
        received = b""
        while received.count(b"HTTP/1.1 200 ") < 20:
            received += client.recv(65_536)


def test_what_may_not_be_uploaded_is_refused_before_it_is_sent_and_leaves_no_file(server: WebServer) -> None:
    headers = HEADERS + b"Cookie: csrftoken=" + b"a" * 32 + b"\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    upload = b"POST /admin/subscribers/importrun/add/ " + headers + b"Content-Length: 60000000\r\n\r\n--b\r\n"
    assert server.answer(upload).startswith(b"HTTP/1.1 403 ")
    with server.connect(upload + b"x" * 3_000_000) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 403 ")
    assert not list(server.temporary.iterdir())


@pytest.mark.parametrize("length", [b"Content-Length: 300000", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_too_large_for_a_form_is_answered_413(server: WebServer, length: bytes) -> None:
    body = b"493E0\r\n" + b"x" * 300_000 + b"\r\n0\r\n\r\n" if b"chunked" in length else b""
    assert server.answer(b"POST /subscribe/ " + HEADERS + length + b"\r\n\r\n" + body).startswith(b"HTTP/1.1 413 ")


def test_clients_of_one_network_displace_their_own_oldest_connection(django_db_setup: None, tmp_path: Path) -> None:
    with WebServer(tmp_path, CONNECTIONS_PER_NETWORK="10").running() as server, ExitStack() as stack:
        clients = [stack.enter_context(server.connect(SLOW_BODY)) for _ in range(30)]
        assert server.seconds_of_health() < 1
        assert all(read_until_closed(client) == b"" for client in clients[:20])
        clients[-1].sendall(b"x" * 994)
        assert clients[-1].recv(100).startswith(b"HTTP/1.1 422 ")


def test_behind_a_proxy_the_reported_network_is_limited_and_never_the_proxy(
    django_db_setup: None, tmp_path: Path
) -> None:
    proxied = {"CONNECTIONS_PER_NETWORK": "10", "BEHIND_PROXY": "1"}
    slow = b"POST /subscribe/ " + HEADERS + b"Content-Length: 1000\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\nemail="
    other = slow.replace(b"192.0.2.%d", b"198.51.100.1")
    with WebServer(tmp_path, **proxied).running() as server, ExitStack() as stack:
        guest = stack.enter_context(server.connect(other))
        clients = [stack.enter_context(server.connect(slow % number)) for number in range(30)]
        assert [client.recv(100)[:13] for client in clients[:20]] == [b"HTTP/1.1 408 "] * 20
        for client in (guest, *clients[20:]):
            client.sendall(b"x" * 994)
            assert client.recv(100).startswith(b"HTTP/1.1 422 ")


def test_headers_with_underscores_are_dropped(django_db_setup: None, tmp_path: Path) -> None:
    request = b"GET /subscribe/ HTTP/1.1\r\nHost: localhost\r\n%s: https\r\n\r\n"
    secure = {"BEHIND_PROXY": "1", "SITE_URL": "https://localhost"}
    with WebServer(tmp_path, **secure).running() as server:
        assert server.answer(request % b"X_Forwarded_Proto").startswith(b"HTTP/1.1 301 ")
        assert server.answer(request % b"X-Forwarded-Proto").startswith(b"HTTP/1.1 200 ")


def test_it_stops_beside_slow_clients_and_writes_no_error(django_db_setup: None, tmp_path: Path) -> None:
    with WebServer(tmp_path).running() as server, ExitStack() as stack:
        for sent in (SLOW_BODY, b"GET", b""):
            stack.enter_context(server.connect(sent))
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_a_process_that_is_killed_is_replaced(server: WebServer) -> None:
    before = {child.pid: child for child in psutil.Process(server.process.pid).children()}
    for child in before.values():
        child.send_signal(signal.SIGKILL)
    psutil.wait_procs(before.values(), timeout=60)
    wait_until(server.is_listening, server.log.read_text)
    assert server.answer(HEALTH).startswith(b"HTTP/1.1 200 ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_killed_outright_it_leaves_no_process_that_holds_its_port(django_db_setup: None, tmp_path: Path) -> None:
    with WebServer(tmp_path).running() as server:
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
