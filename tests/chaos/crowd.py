"""A crowd of slow clients before the web server: `python -m tests.chaos --scenario crowd`."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.chaos.deployment import Deployment
from tests.outside.provider import Provider

CLIENTS = 200
HEALTH_SECONDS = 1.0
TRIES = 5
SECONDS_TO_START = 120
HOST = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CROWDS = {
    "slow bodies": b"POST /subscribe/" + HOST + b"Content-Length: 1000\r\n\r\nemail=",
    "slow chunks": b"POST /subscribe/" + HOST + b"Transfer-Encoding: chunked\r\n\r\n6\r\nemail=\r\n",
    "large uploads": b"POST /admin/subscribers/importrun/add/" + HOST + b"Content-Length: 60000000\r\n\r\n",
    "slow headers": b"GET /" + HOST + b"X-Slow: ",
    "silent connections": b"",
}


def run(deployment: Deployment, provider: Provider) -> int:
    """Open one crowd after another, then all at once; return 1 if /healthz takes more than a second."""
    deployment.start_web()
    wait_for_web(deployment)
    broken = False
    for name, sent in [*CROWDS.items(), ("all of them", None)]:
        seconds = health_beside(deployment, list(CROWDS.values()) if sent is None else [sent])
        broken = broken or seconds > HEALTH_SECONDS
        print(f"{CLIENTS} {name}: /healthz answered in {seconds:.2f} s", flush=True)
    print("Broken." if broken else "Every promise was kept.", flush=True)
    return int(broken)


def health_beside(deployment: Deployment, crowds: list[bytes]) -> float:
    """Return the median response time of /healthz while the slow clients are connected."""
    with ExitStack() as stack:
        for number in range(CLIENTS):
            client = stack.enter_context(connect(deployment))
            client.sendall(crowds[number % len(crowds)])
        return sorted(times_of_health(deployment))[TRIES // 2]


def times_of_health(deployment: Deployment) -> Iterator[float]:
    for _ in range(TRIES):
        yield health_seconds(deployment)


def wait_for_web(deployment: Deployment) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            health_seconds(deployment)
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, deployment.log[-2000:]
            time.sleep(0.2)


def health_seconds(deployment: Deployment) -> float:
    started = time.monotonic()
    with connect(deployment) as client:
        client.sendall(b"GET /healthz" + HOST + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - started


def connect(deployment: Deployment) -> socket.socket:
    host, _, port = deployment.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=60)
