"""Network connections to checked IP addresses only, each ended by a deadline."""

import logging
import time
from collections.abc import Container, Iterable
from typing import Any

import httpcore

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.ip_rules import IPAddress, is_loopback, is_public, resolve

CONNECT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Deadline:
    """An instant on the monotonic clock by which a whole fetch must be finished."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Return the seconds left, `at_most` if given; raise SourceError when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise SourceError(f"The server took longer than {self.seconds:g} s.")
        return left if at_most is None else min(left, at_most)


class GuardedNetwork(httpcore.SyncBackend):
    """Opens connections to checked IP addresses only; each step gets the time that is left of the deadline."""

    def __init__(self, deadline: Deadline, ports: Container[int], allow_loopback: bool) -> None:
        self.deadline = deadline
        self.ports = ports
        self.allow_loopback = allow_loopback

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        addresses = resolve(host, port, self.deadline.left())
        for address in addresses:
            check_ip(address, host, port, self.ports, self.allow_loopback)
        return self._connect_first(addresses, port)

    def _connect_first(self, addresses: Iterable[IPAddress], port: int) -> httpcore.NetworkStream:
        failure: Exception = SourceError("The server has no address.")
        for address in addresses:
            try:
                timeout = self.deadline.left(at_most=CONNECT_SECONDS)
                return _Stream(super().connect_tcp(str(address), port, timeout), self.deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


def check_ip(address: IPAddress, host: str, port: int, ports: Container[int], allow_loopback: bool) -> None:
    """Raise SourceError where `address` of `host` may not be connected to.

    Editors see the message, so it names no internal address; the log does.
    """
    if allow_loopback and is_loopback(address):
        return
    if not is_public(address):
        logger.warning("Not fetched: %s leads to %s, which is not on the public internet.", host, address)
        raise SourceError("The address leads to a machine that is not on the public internet.", permanent=True)
    check_port(port, ports)


def check_port(port: int, ports: Container[int]) -> None:
    if port not in ports:
        raise SourceError(f"Port {port} is not one that may be fetched from.", permanent=True)


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write times out at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        kwargs["timeout"] = self.deadline.left()
        return _Stream(self.stream.start_tls(*args, **kwargs), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
