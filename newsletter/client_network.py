"""Where a request comes from: the client's address as trusted hops report it, and the network it lies in."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV4_PREFIX = 24  # what one household or office has
IPV6_PREFIX = 48
UNKNOWN = "unknown"


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address; None where the server does not tell.

    Each trusted hop adds at the right of X-Forwarded-For whom it heard. What stands further left anybody may write.
    """
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    trusted = settings.TRUSTED_HOPS
    reported = parse_hop(hops[-trusted]) if 0 < trusted <= len(hops) else None
    address = reported or parse_hop(request.META.get("REMOTE_ADDR", ""))
    return str(address) if address else None


def network_of(address: str | None) -> str:
    """Return the network an address is counted by, as “192.0.2.0/24”."""
    known = parse_hop(address or "")
    if known is None:
        return UNKNOWN
    prefix = IPV4_PREFIX if known.version == 4 else IPV6_PREFIX
    return str(ip_network((known, prefix), strict=False))


def parse_hop(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address of a hop, which may have a port or brackets."""
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
