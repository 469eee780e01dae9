"""Which IP addresses the guarded fetch may connect to."""

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from queue import Empty, SimpleQueue

from newsletter.papers.sources.errors import SourceError

IPAddress = IPv4Address | IPv6Address

# The only block that IANA allocates for the public IPv6 internet. Everything outside is local, special,
# or embeds an IPv4 address: ::127.0.0.1, ::ffff:127.0.0.1, 64:ff9b::/96, fc00::, fe80::.
PUBLIC_IPV6 = ip_network("2000::/3")

# Special blocks that `is_global` accepts in some Python versions.
SPECIAL = tuple(
    ip_network(block)
    for block in (
        "100.64.0.0/10",  # carrier-grade NAT, also one cloud's metadata server
        "168.63.129.16/32",  # another cloud's host agent, on a public address
        "192.0.0.0/24",  # protocol assignments, also a third cloud's metadata server
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments: Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)


def resolve(host: str, port: int, timeout: float) -> list[IPAddress]:
    """Return every address of `host`, in the system's order of preference.

    Raise SourceError where there is none, or none within `timeout` seconds.
    """
    answers: SimpleQueue[list[IPAddress] | OSError] = SimpleQueue()
    # The system's resolver has no timeout, so a thread calls it and this one waits.
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout, 0))
    except Empty:
        raise SourceError(f"The name {host} could not be looked up in time.") from None
    if isinstance(answer, OSError):
        raise SourceError(f"The name {host} is not known: {answer.strerror}.") from answer
    return answer


def _look_up(host: str, port: int, answers: "SimpleQueue[list[IPAddress] | OSError]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        answers.put(OSError(0, "it is no host name"))
    except OSError as exc:
        answers.put(exc)
    else:
        answers.put(list(dict.fromkeys(ip_address(address[4][0]) for address in found)))


def addresses_without_dns(host: str) -> list[IPAddress]:
    """Return the addresses of an IP literal (127.1 and 0x7f000001 too) or of localhost, [] for other names."""
    host = host.lower().removesuffix(".")
    if host.rpartition(".")[2] == "localhost":
        return [ip_address("127.0.0.1")]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [ip_address(address[4][0]) for address in found]


def is_public(address: IPAddress) -> bool:
    """Return whether `address` is on the public internet and embeds no other address.

    >>> is_public(ip_address("151.101.3.42")), is_public(ip_address("::ffff:151.101.3.42"))
    (True, False)
    """
    if address.version == 6 and address not in PUBLIC_IPV6:
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in block for block in SPECIAL if block.version == address.version)


def is_loopback(address: IPAddress) -> bool:
    """Return whether `address` is this machine, as 127.0.0.0/8 or ::1 (not IPv4-mapped)."""
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
