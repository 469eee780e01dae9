"""The client's address, as trusted proxies report it, and the network it belongs to."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV4_PREFIX = 24  # roughly one household or office
IPV6_PREFIX = 48
UNKNOWN = "unknown"


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address, or None where it is unknown, as on a Unix socket."""
    return trusted_address(request.META.get("HTTP_X_FORWARDED_FOR", ""), request.META.get("REMOTE_ADDR", ""))


def trusted_address(forwarded_for: str, peer: str) -> str | None:
    """Return the client's address by the header X-Forwarded-For and the connection's own address.

    Each trusted proxy appends its peer's address to X-Forwarded-For. Everything further left may be forged.
    python-ipware skips a hop that it cannot read and so may return a forged one; this falls back to the peer.
    """
    hops = forwarded_for.split(",")
    trusted = settings.TRUSTED_HOPS
    reported = parse_hop(hops[-trusted]) if 0 < trusted <= len(hops) else None
    address = reported or parse_hop(peer)
    return str(address) if address else None


def network_of(address: str | None) -> str:
    """Return the network that an address counts for, such as “192.0.2.0/24”, or UNKNOWN."""
    known = parse_hop(address or "")
    if known is None:
        return UNKNOWN
    prefix = IPV4_PREFIX if known.version == 4 else IPV6_PREFIX
    return str(ip_network((known, prefix), strict=False))


def parse_hop(text: str) -> IPv4Address | IPv6Address | None:
    """Parse the address of a hop, with or without a port or brackets; return None for anything else."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
