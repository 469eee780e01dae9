import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.mail_setup.dkim_key import KeyFault, read_key
from digests.mail_setup.dkim_signature import Signature, verify_signatures
from digests.mail_setup.resolver import Resolver
from tests.digests.mail_setup.setup import resolving, sound_zone
from tests.digests.mail_setup.signing import EDWARDS_KEY, signed

# Signed by dkimpy in all four canonical forms, with blanks and folds of every kind.
RECORDED = Path(__file__).parents[2] / "payloads" / "mails" / "signed-by-dkimpy.eml"
SELECTORS = ("bare", "mixed", "simple", "relaxed")
# Of 512 bits, which no library makes any more.
SHORT = (
    "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKdjOP1JTam60FFJGu0QAX7y3uvV4fXev4h8U3X6mW5TrZdYBakGYUZkZqUP+sjY1z9x"
    "d10Eu7QsWoTkfbhclzcCAwEAAQ=="
)
MAIL = b"From: papers@example.org\nTo: a@example.net\nSubject:  One\n two\n\nHello \n\n\n"


def recorded_zone() -> dict[str, list[str]]:
    key = RECORDED.with_suffix(".key.txt").read_text("utf-8").strip()
    return {f"{selector}._domainkey.example.org": [key] for selector in SELECTORS}


def verified(mail: bytes, zone: dict[str, list[str]] | None = None) -> list[Signature]:
    with resolving(sound_zone() if zone is None else zone) as resolver:
        return list(verify_signatures(mail, resolver))


def trouble(mail: bytes, zone: dict[str, list[str]] | None = None) -> str:
    (signature,) = verified(mail, zone)
    return signature.trouble


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_signatures_of_another_library_hold_in_every_canonical_form(line_end: bytes) -> None:
    mail = RECORDED.read_bytes().replace(b"\n", line_end)
    assert [(one.selector, one.trouble, one.bits) for one in verified(mail, recorded_zone())] == [
        (selector, "", 2048) for selector in SELECTORS
    ]


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        (b"<p>Papers  of", b"<p>Papers of", {"mixed", "simple"}),
        (b"<p>Papers", b"<p>Paper", {"bare", "mixed", "simple", "relaxed"}),
        (b"   and   four", b" and four", {"bare", "simple"}),
        (b"One-Click", b"Two-Clicks", {"mixed", "simple", "relaxed"}),
        (b"MIME-Version:", b"X-Absent: added\nMIME-Version:", {"mixed", "simple", "relaxed"}),
        (b"MIME-Version:", b"From: forger@example.org\nMIME-Version:", {"bare", "mixed", "simple", "relaxed"}),
    ],
)
def test_a_change_breaks_the_signatures_that_cover_it(before: bytes, after: bytes, broken: set[str]) -> None:
    mail = RECORDED.read_bytes()
    assert before in mail
    signatures = verified(mail.replace(before, after, 1), recorded_zone())
    assert {signature.selector for signature in signatures if not signature.is_valid} == broken


def test_an_ed25519_signature_holds() -> None:
    zone = {"ed._domainkey.example.org": [f"v=DKIM1; k=ed25519; p={EDWARDS_KEY}"]}
    assert trouble(signed(MAIL, selector="ed", algorithm="ed25519-sha256"), zone) == ""
    assert "published key is for ed25519" in trouble(signed(MAIL, selector="ed"), zone)


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        (signed(MAIL).replace(b"v=1;", b"v=2;"), "has the version “2”"),
        (signed(MAIL).replace(b"a=rsa-sha256", b"a=rsa-sha1"), "is made with rsa-sha1"),
        (signed(MAIL, covered=("to", "subject")), "does not cover From"),
        (signed(MAIL, more=" i=@other.org;"), "speaks for other.org, which is not under example.org"),
        (signed(MAIL, more=" x=1000000000;"), "has expired"),
        (signed(MAIL).replace(b"s=pm;", b""), "lacks s"),
        (signed(MAIL).replace(b"bh=", b"bh=!"), "holds a value that is not base64"),
        (signed(MAIL, selector="gone"), "the key at gone._domainkey.example.org is not there"),
        (signed(MAIL, bits=1024), "does not fit the header and the published key"),
    ],
)
def test_why_a_signature_does_not_hold(mail: bytes, words: str) -> None:
    assert words in trouble(mail)


def test_a_signature_by_a_short_key_is_not_trusted() -> None:
    with resolving({"pm._domainkey.example.org": [SHORT]}) as resolver:
        (signature,) = verify_signatures(signed(MAIL), resolver)
    assert "a key of 512 bits" in signature.trouble


def test_a_subdomain_of_the_signing_domain_may_be_named() -> None:
    assert trouble(signed(MAIL, more=" i=@mail.example.org;")) == ""


def test_a_silent_name_server_leaves_it_open() -> None:
    (signature,) = verified(signed(MAIL), {"pm._domainkey.example.org": ["SERVFAIL"]})
    assert not signature.is_known
    assert not signature.is_valid


def test_what_is_added_below_a_partial_signature_is_not_noticed() -> None:
    (signature,) = verified(signed(MAIL, more=" l=7;") + b"Buy!\n")
    assert signature.is_valid
    assert signature.is_partial


TAG_VALUES = st.text(alphabet=st.characters(max_codepoint=255, exclude_characters=";\r\n"), max_size=20)


@given(st.dictionaries(st.sampled_from(["v", "a", "b", "bh", "c", "d", "h", "s", "i", "l", "x", "t"]), TAG_VALUES))
def test_no_signature_breaks_the_reading_of_it(tags: dict[str, str]) -> None:
    sound = {"v": "1", "a": "rsa-sha256", "b": "AA==", "bh": "AA==", "d": "example.org", "h": "from", "s": "pm"}
    field = "; ".join(f"{name}={value}" for name, value in (sound | tags).items())
    mail = b"DKIM-Signature: " + field.encode("latin-1") + b"\n" + MAIL
    (signature,) = verify_signatures(mail, Resolver("127.0.0.1:9", seconds=0))
    assert not signature.is_valid


@given(
    st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(base64.b64encode)),
    st.sampled_from(["rsa", "ed25519"]),
)
def test_no_key_record_breaks_the_reading_of_it(data: bytes, kind: str) -> None:
    try:
        key = read_key([f"v=DKIM1; k={kind}; p={data.decode('latin-1')}"])
    except KeyFault:
        return
    assert key.algorithm == kind


def test_of_many_signatures_ten_are_looked_at() -> None:
    mail = MAIL
    for _ in range(12):
        mail = signed(mail)
    assert len(verified(mail)) == 10


def test_a_line_of_a_mailbox_file_is_no_part_of_the_mail() -> None:
    assert trouble(b"From papers@example.org Mon May  4 06:00:00 2026\n" + signed(MAIL)) == ""
