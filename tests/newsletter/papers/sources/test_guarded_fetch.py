import gzip
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.sources import guarded_fetch
from newsletter.papers.sources.errors import SourceError
from newsletter.papers.sources.guarded_fetch import Policy, check_address, get
from tests.newsletter.papers.sources.conftest import Reply, ScriptedServer

THIS_MACHINE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://[::1]/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
]
INSIDE = [
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::7f00:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::1]/",
    "http://[2001:0:7f00:1::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[5f00::1]/",
]
NO_ADDRESS = [
    "",
    "feed",
    "file:///etc/passwd",
    "ftp://8.8.8.8/",
    "gopher://8.8.8.8/",
    "//8.8.8.8/",
    "http://",
    "http:///feed",
    "http://user@8.8.8.8/",
    "http://8.8.8.8@127.0.0.1/",
    "http://8.8.8.8\\@127.0.0.1/",
    "http://8.8.8.8:99999/",
    "http://8.8.8.8:http/",
    "http://exa mple.org/",
    "http://exam%70le.org/",
    "http://example.org\\.evil.example/",
    "http://[::1/",
    "http://[::1%25eth0]/",
    "http://" + "a" * 70 + "é.example/",
]


@pytest.mark.parametrize("url", [*THIS_MACHINE, *INSIDE])
def test_nothing_is_fetched_from_inside(url: str) -> None:
    with pytest.raises(SourceError, match=r"not on the public internet|not known|no address"):
        get(url, Policy(user_agent="test"))


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_web_address_is_refused_for_good(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        get(url, Policy(user_agent="test"))

    assert caught.value.permanent


@pytest.mark.parametrize("url", INSIDE)
def test_allowing_loopback_allows_nothing_else(url: str, policy: Policy) -> None:
    with pytest.raises(SourceError, match="not on the public internet"):
        get(url, policy)


def test_other_ports_are_refused() -> None:
    with pytest.raises(SourceError, match="Port 22"):
        get("http://8.8.8.8:22/", Policy(user_agent="test"))


def test_an_answer_carries_body_and_validators(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/feed?a=1"] = Reply(b"hello", headers={"ETag": '"1"', "Last-Modified": "yesterday"})

    answer = get(f"{server.url}/feed?a=1", policy)

    assert (answer.status, answer.body, answer.unchanged) == (200, b"hello", False)
    assert (answer.etag, answer.last_modified) == ('"1"', "yesterday")
    assert answer.url == f"{server.url}/feed?a=1"


def test_the_request_says_who_asks_and_what_is_known(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/feed"] = Reply(status=304)

    answer = get(f"{server.url}/feed", policy, etag='W/"1"', last_modified="Mon, 27 Apr 2026 04:00:00 GMT")

    [(_, headers)] = server.requests
    assert answer.unchanged
    assert headers["user-agent"] == "Paper Round (+https://papers.example)"
    assert headers["if-none-match"] == 'W/"1"'
    assert headers["if-modified-since"] == "Mon, 27 Apr 2026 04:00:00 GMT"
    assert headers["host"] == f"127.0.0.1:{server.port}"


def test_a_publication_may_bear_any_name(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(b"ok")

    get(server.url, replace(policy, user_agent="Täglich\r\nX-Evil: 1"))

    assert server.requests[0][1]["user-agent"] == "T?glich??X-Evil: 1"


def test_redirects_are_followed_five_times(server: ScriptedServer, policy: Policy) -> None:
    for hop in range(7):
        server.replies[f"/{hop}"] = Reply(status=302, headers={"Location": f"/{hop + 1}"})
    server.replies["/7"] = Reply(b"there")

    assert get(f"{server.url}/2", policy).url == f"{server.url}/7"
    with pytest.raises(SourceError, match="more than 5 times"):
        get(f"{server.url}/1", policy)


@pytest.mark.parametrize(
    "location", ["http://10.0.0.1/", "file:///etc/passwd", "//169.254.169.254/", "http://[::1", ""]
)
def test_every_hop_is_checked(location: str, server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(status=301, headers={"Location": location})

    with pytest.raises(SourceError):
        get(server.url, policy)


def test_a_name_is_looked_up_once_and_connected_to_as_checked(
    server: ScriptedServer, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "feeds.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    server.replies["/"] = Reply(b"first")

    assert get(f"http://feeds.example:{server.port}/", policy).body == b"first"
    assert server.requests[0][1]["host"] == f"feeds.example:{server.port}"
    assert len(asked) == 1
    with pytest.raises(SourceError, match="not on the public internet"):
        get(f"http://feeds.example:{server.port}/", policy)


def test_one_forbidden_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

    with pytest.raises(SourceError, match="not on the public internet"):
        get("http://feeds.example/", Policy(user_agent="test"))


def test_a_look_up_that_hangs_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch, policy: Policy) -> None:
    let_go, came_back = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        let_go.wait(600)
        came_back.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(SourceError, match="in time"):
        get("http://feeds.example/", replace(policy, deadline_seconds=0.3))

    assert not came_back.is_set()
    let_go.set()


@pytest.mark.parametrize("body", [b"x" * 1000, b""])
def test_a_server_that_drips_is_left_at_the_deadline(body: bytes, server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(body, drip=0.05, headers={"X-Long": "y" * (0 if body else 5000)})

    with pytest.raises(SourceError, match=r"longer than 0\.5 s"):
        get(server.url, replace(policy, deadline_seconds=0.5))

    assert server.dripped < 1000, "the whole answer was waited for"


def test_the_deadline_covers_all_hops_together(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(status=302, headers={"Location": "/"}, drip=0.01)

    with pytest.raises(SourceError, match=r"longer than 0\.7 s"):
        get(server.url, replace(policy, deadline_seconds=0.7))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:]),
    "deflate": zlib.compress,
    "DEFLATE": lambda body: zlib.compress(body)[2:-4],
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_packed_answers_are_unpacked(encoding: str, server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(PACKERS[encoding](b"hello world"), headers={"Content-Encoding": encoding})

    assert get(server.url, policy).body == b"hello world"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_stops_at_the_limit(encoding: str, server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(PACKERS[encoding](bytes(200_000_000)), headers={"Content-Encoding": encoding})
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="longer than 5,120 KB"):
            get(server.url, replace(policy, deadline_seconds=600))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 40_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_what_cannot_be_unpacked_is_refused(encoding: str, server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(b"not packed at all", headers={"Content-Encoding": encoding})

    with pytest.raises(SourceError, match=r"packed"):
        get(server.url, policy)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "DEFLATE"]), st.data())
def test_a_compressed_body_that_is_cut_short_never_passes_as_whole(
    body: bytes, encoding: str, data: st.DataObject
) -> None:
    packed = PACKERS[encoding](body)
    cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
    policy = Policy(user_agent="test")

    assert guarded_fetch._unpack(packed, encoding, policy) == (body, True)
    with suppress(SourceError):
        plain, is_whole = guarded_fetch._unpack(cut, encoding, policy)
        assert not is_whole
        assert body.startswith(plain)


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_web_address_is_refused_beforehand_in_the_words_of_a_fetch(url: str) -> None:
    policy = Policy(user_agent="test")
    with pytest.raises(SourceError) as fetched:
        get(url, policy)
    with pytest.raises(SourceError) as checked:
        check_address(url, policy)

    assert (str(checked.value), checked.value.permanent) == (str(fetched.value), True)


@pytest.mark.parametrize("url", [*THIS_MACHINE, *INSIDE])
def test_a_machine_inside_is_refused_beforehand(url: str) -> None:
    with pytest.raises(SourceError, match="not on the public internet"):
        check_address(url, Policy(user_agent="test"))


@pytest.mark.parametrize("url", ["https://rss.arxiv.org/rss/cs.CL", "http://8.8.8.8/feed", "https://example.org:443/"])
def test_what_may_be_fetched_is_not_refused_beforehand(url: str) -> None:
    check_address(url, Policy(user_agent="test"))


def test_no_refusal_names_an_internal_address(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(status=302, headers={"Location": "http://10.0.0.5/"})

    with pytest.raises(SourceError) as caught:
        get(server.url, policy)

    assert "10.0.0.5" not in str(caught.value)


def test_an_endless_answer_is_cut_off(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(bytes(6 << 20))

    with pytest.raises(SourceError, match="longer than"):
        get(server.url, policy)


def test_a_broken_off_answer_is_no_answer(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(b"half", headers={"Content-Length": "8"})

    with pytest.raises(SourceError, match="connection failed"):
        get(server.url, policy)


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (404, True), (410, True), (403, False), (429, False), (503, False)]
)
def test_a_refusal_says_whether_asking_again_helps(
    status: int, permanent: bool, server: ScriptedServer, policy: Policy
) -> None:
    server.replies["/"] = Reply(status=status)

    with pytest.raises(SourceError, match=str(status)) as caught:
        get(server.url, policy)

    assert caught.value.permanent is permanent


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("120", 120),
        ("Mon, 27 Apr 2026 04:02:00 GMT", 120),
        ("Mon, 27 Apr 2026 03:00:00 GMT", 0),
        ("99999999999999999999", 86_400),
        ("soon", None),
        ("-5", None),
        ("Mon, 99 Apr 2026 04:02:00 GMT", None),
    ],
)
def test_the_pause_a_server_asks_for_is_passed_on(
    wish: str, seconds: int | None, server: ScriptedServer, policy: Policy
) -> None:
    headers = {"Retry-After": wish, "Date": "Mon, 27 Apr 2026 04:00:00 GMT"}
    server.replies["/"] = Reply(status=429, headers=headers)

    with pytest.raises(SourceError) as caught:
        get(server.url, policy)

    assert caught.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_the_message_for_a_busy_server_is_plain(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/"] = Reply(status=429, headers={"Retry-After": "120"})

    with pytest.raises(SourceError) as caught:
        get(server.url, policy)

    assert str(caught.value) == ("The server answered 429: too many requests. It asks for a pause of 120 s.")


def test_a_closed_port_is_a_source_error(policy: Policy) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="connection failed"):
            get(f"http://127.0.0.1:{closed.getsockname()[1]}/", policy)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Write a certificate for localhost that nobody has signed, with its key, into one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path / "localhost.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    return file


@pytest.fixture
def tls_server(server: ScriptedServer, certificate: Path) -> ScriptedServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    server.replies["/"] = Reply(b"secret")
    return server


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server: ScriptedServer, policy: Policy) -> None:
    with pytest.raises(SourceError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"https://localhost:{tls_server.port}/", policy)


def test_the_certificate_is_checked_against_the_name_not_the_address(
    tls_server: ScriptedServer, policy: Policy, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    guarded_fetch._ssl_context.cache_clear()

    assert get(f"https://localhost:{tls_server.port}/", policy).body == b"secret"
    with pytest.raises(SourceError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"https://127.0.0.1:{tls_server.port}/", policy)

    guarded_fetch._ssl_context.cache_clear()


def test_a_probe_reads_nothing_and_asks_with_get_where_head_is_not_known(
    server: ScriptedServer, policy: Policy
) -> None:
    server.replies["/page"] = Reply(b"x" * 10, headers={"Content-Length": str(10**9)})
    server.replies["/moved"] = Reply(status=302, headers={"Location": "/page"})
    guarded_fetch.probe(f"{server.url}/moved", policy)
    assert [asked for asked, _ in server.requests] == ["/moved", "/page"]


def test_a_probe_says_what_leads_nowhere(server: ScriptedServer, policy: Policy) -> None:
    server.replies["/busy"] = Reply(status=503)
    server.replies["/round"] = Reply(status=302, headers={"Location": "/round"})
    for page, is_permanent in (("/gone", True), ("/busy", False), ("/round", False)):
        with pytest.raises(SourceError) as caught:
            guarded_fetch.probe(server.url + page, policy)
        assert caught.value.permanent == is_permanent


def test_a_probe_goes_to_no_address_inside(policy: Policy) -> None:
    with pytest.raises(SourceError, match="not on the public internet"):
        guarded_fetch.probe("http://10.0.0.1/", policy)
