"""Fetch one address without trusting the address or the server."""

import re
import ssl
import zlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import httpcore

from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.guarded_network import Deadline, GuardedNetwork, check_ip, check_port
from newsletter.papers.sources.ip_rules import addresses_without_dns

MAX_HOPS = 5
MAX_BYTES = 5 * 1024 * 1024
DEADLINE_SECONDS = 30.0
MAX_RETRY_AFTER = timedelta(days=1)
MAX_VALIDATOR = 300

DEFAULT_PORTS = {"http": 80, "https": 443}
REDIRECTS = {301, 302, 303, 307, 308}
# Client errors that may be temporary; some servers answer 403 to too many requests.
PASSING = {403, 408, 425, 429}
HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a fetch. `user_agent` names the publication and its site."""

    user_agent: str
    allow_loopback: bool = False
    ports: Container[int] = frozenset({80, 443})
    deadline_seconds: float = DEADLINE_SECONDS
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """The server's response; `url` is the address after redirects, `body` is decompressed."""

    status: int
    body: bytes
    etag: str
    last_modified: str
    url: str
    is_whole: bool = True  # False where the compressed body ends too early

    @property
    def unchanged(self) -> bool:
        return self.status == HTTPStatus.NOT_MODIFIED


def get(url: str, policy: Policy, *, etag: str = "", last_modified: str = "") -> FetchResponse:
    """Fetch `url`; with `etag` or `last_modified` make the request conditional.

    The host of each redirect is resolved once and checked, and the connection uses the checked IP address. The
    deadline covers everything from the first DNS look-up to the last byte. Raise SourceError for any status other
    than 200 and 304. Safe to repeat.
    """
    deadline = Deadline(policy.deadline_seconds)
    headers = _request_headers(policy, etag, last_modified)
    for _ in range(MAX_HOPS + 1):
        status, found, body = _request(url, headers, policy, deadline)
        if status not in REDIRECTS:
            return _make_response(status, found, body, url, policy)
        url = _next_hop(url, found)
    raise SourceError(f"The server redirected more than {MAX_HOPS} times.")


def check_address(url: str, policy: Policy) -> None:
    """Raise SourceError, as a fetch would, where `url` can never be fetched. Looks up no name in the DNS."""
    target, _ = _target(url)
    host, port = target.host.decode("ascii"), target.port
    assert port is not None, "_target sets the default port"
    known = addresses_without_dns(host)
    for address in known:
        check_ip(address, host, port, policy.ports, policy.allow_loopback)
    # Where loopback is allowed, so is every port of a name that may lead to it.
    if not known and not policy.allow_loopback:
        check_port(port, policy.ports)


def probe(url: str, policy: Policy) -> None:
    """Check that `url` answers with a page, without reading the body; raise SourceError where it does not.

    A HEAD request that fails is repeated as GET, because some servers do not support HEAD.
    """
    deadline = Deadline(policy.deadline_seconds)
    headers = _request_headers(policy, "", "")
    for _ in range(MAX_HOPS + 1):
        status, found, _body = _request(url, headers, policy, deadline, "HEAD")
        if status >= HTTPStatus.BAD_REQUEST:
            status, found, _body = _request(url, headers, policy, deadline, "GET", reads=False)
        if status not in REDIRECTS:
            if status >= HTTPStatus.BAD_REQUEST:
                raise _status_error(status, found)
            return
        url = _next_hop(url, found)
    raise SourceError(f"The server redirected more than {MAX_HOPS} times.")


def _request_headers(policy: Policy, etag: str, last_modified: str) -> dict[str, str]:
    headers = {
        "User-Agent": _to_printable_ascii(policy.user_agent),
        "Accept": "application/rss+xml, application/atom+xml, application/json, */*;q=0.5",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "close",
    }
    if etag:
        headers["If-None-Match"] = _to_printable_ascii(etag)
    if last_modified:
        headers["If-Modified-Since"] = _to_printable_ascii(last_modified)
    return headers


def _to_printable_ascii(text: str) -> str:
    """Replace what is not printable ASCII: a publication's name, used in a header, may contain anything."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def _request(
    url: str, headers: dict[str, str], policy: Policy, deadline: Deadline, method: str = "GET", *, reads: bool = True
) -> tuple[int, dict[str, str], bytes]:
    """Make one request; return the status, the headers by lower-case name, and the body as sent."""
    target, host_header = _target(url)
    asked = [("Host", host_header), *headers.items()]
    network = GuardedNetwork(deadline, policy.ports, policy.allow_loopback)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_ssl_context(), network_backend=network) as pool,
            pool.stream(method, target, headers=asked) as response,
        ):
            is_empty = not reads or method == "HEAD" or response.status in REDIRECTS
            body = b"" if is_empty else _read_body(response.iter_stream(), policy)
            return response.status, _headers_by_name(response.headers), body
    except httpcore.TimeoutException as exc:
        deadline.left()
        raise SourceError("The server could not be reached in time.") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as exc:
        raise SourceError(f"The connection failed: {str(exc) or type(exc).__name__}.") from exc


@cache
def _ssl_context() -> ssl.SSLContext:
    """Trust the authorities of certifi and of the system; SSL_CERT_FILE adds to them."""
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


def _headers_by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _target(url: str) -> tuple[httpcore.URL, str]:
    """Parse `url` once, so that the check and the connection see the same host and port."""
    try:
        parts = urlsplit(url.strip())
        host, port = _host(parts), parts.port
    except ValueError as exc:
        raise SourceError(f"This is no address that can be fetched: {exc}.", permanent=True) from exc
    if parts.scheme not in DEFAULT_PORTS:
        raise SourceError("Only addresses with http:// or https:// are fetched.", permanent=True)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?") if parts.query else ""
    shown = f"[{host}]" if ":" in host else host
    target = httpcore.URL(
        scheme=parts.scheme,
        host=host,
        port=DEFAULT_PORTS[parts.scheme] if port is None else port,
        target=path + query,
    )
    return target, shown if port is None else f"{shown}:{port}"


def _host(parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise ValueError("it holds a user name")
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not HOST.fullmatch(host):
        raise ValueError("its host name is not valid")
    return host


def _read_body(chunks: Iterable[bytes], policy: Policy) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > policy.max_bytes:
            raise _size_error(policy)
    return bytes(body)


def _size_error(policy: Policy) -> SourceError:
    return SourceError(f"The answer is longer than {policy.max_bytes // 1024:,} KB.")


def _next_hop(url: str, headers: dict[str, str]) -> str:
    try:
        return urljoin(url, headers["location"])
    except (KeyError, ValueError) as exc:
        raise SourceError("The server redirected, but not to an address.") from exc


def _make_response(status: int, headers: dict[str, str], body: bytes, url: str, policy: Policy) -> FetchResponse:
    if status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        raise _status_error(status, headers)
    plain, is_whole = _unpack(body, headers.get("content-encoding", ""), policy)
    return FetchResponse(
        status=status,
        body=plain,
        etag=_validator(headers, "etag"),
        last_modified=_validator(headers, "last-modified"),
        url=url,
        is_whole=is_whole,
    )


def _validator(headers: dict[str, str], name: str) -> str:
    """Return a validator for the next conditional request, "" where it is too long or not printable."""
    value = headers.get(name, "")
    return value if len(value) <= MAX_VALIDATOR and value == _to_printable_ascii(value) else ""


def _status_error(status: int, headers: dict[str, str]) -> SourceError:
    try:
        reason = HTTPStatus(status).phrase.lower()
    except ValueError:
        reason = "an unknown status"
    pause = _retry_after(headers)
    message = f"The server answered {status}: {reason}."
    if pause is not None:
        message += f" It asks for a pause of {pause.total_seconds():.0f} s."
    permanent = 400 <= status < 500 and status not in PASSING
    return SourceError(message, retry_after=pause, permanent=permanent)


def _retry_after(headers: dict[str, str]) -> timedelta | None:
    """Return the pause of Retry-After, at most a day. A date is compared with the response's own Date header."""
    wish = headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdigit():
        return timedelta(seconds=min(int(wish[:9]), MAX_RETRY_AFTER.total_seconds()))
    until, now = _http_date(wish), _http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta()), MAX_RETRY_AFTER)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _unpack(body: bytes, encoding: str, policy: Policy) -> tuple[bytes, bool]:
    """Return `body` decompressed, and whether it is complete; stop where the result is longer than allowed."""
    packing = encoding.strip().lower()
    try:
        if packing in ("", "identity") or not body:
            plain, is_whole = body, True
        elif packing in ("gzip", "x-gzip"):
            plain, is_whole = _gunzip(body, policy.max_bytes + 1)
        elif packing == "deflate":
            plain, is_whole = _inflate(body, policy.max_bytes + 1)
        else:
            raise SourceError(f"The response is packed in a way that was not asked for: {packing[:40]}.")
    except zlib.error as exc:
        raise SourceError(f"The response could not be unpacked: {exc}.") from exc
    if len(plain) > policy.max_bytes:
        raise _size_error(policy)
    return plain, is_whole


def _gunzip(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Decompress all members of a gzip file, up to `limit` bytes; servers may pad it with zeros."""
    plain = bytearray()
    while body and len(plain) < limit:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        plain += member.decompress(body, limit - len(plain))
        if not member.eof:
            return bytes(plain), False
        body = member.unused_data.lstrip(b"\0")
    return bytes(plain), True


def _inflate(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Undo "deflate", which servers send with zlib's header or without."""
    try:
        stream = zlib.decompressobj()
        plain = stream.decompress(body, limit)
    except zlib.error:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = stream.decompress(body, limit)
    return plain, stream.eof
