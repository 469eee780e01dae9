"""A message of the SMTP lane, read back by the standard library, is what Django would have sent."""

import re
from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.conf import LazySettings
from hypothesis import example, given
from hypothesis import strategies as st

from digests.providers import SEAM, Copy, SharedBody
from digests.providers.base import LINK, LONGEST_SLOT, headers_of
from digests.providers.byte_template import fill
from digests.providers.mime_message import body_8bit, message_of
from digests.providers.single_lane import fill_slots
from digests.providers.smtp_lane import hole_values
from newsletter.mail import message as mail
from tests.digests.providers.mails import CONTENT, copy_of, titled

DATE = b"Mon, 04 May 2026 07:00:00 +0000"
HEADERS = ("From", "To", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.text(
    st.sampled_from(".\n\r =\té\x00\x0b☃-x"), max_size=120
)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40).filter(str.isprintable)
LINKS = st.from_regex(re.compile(r"https://[a-z.]{1,20}/[a-zA-Z0-9._=%?-]{0,260}"), fullmatch=True)


def wire(content: SharedBody, copy: Copy, *, takes_8bit: bool) -> bytes:
    """Return the message as it goes after DATA, without the last dot."""
    pieces = message_of(content, takes_8bit=takes_8bit)
    return fill(pieces, hole_values(copy, DATE, pieces))


def unstuffed(data: bytes) -> bytes:
    return (b"\r\n" + data).replace(b"\r\n.", b"\r\n")[2:]


def read(data: bytes) -> EmailMessage:
    return message_from_bytes(data, _class=EmailMessage, policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    payload = found.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def djangos(content: SharedBody, copy: Copy) -> EmailMessage:
    parts = (fill_slots(content.text, copy), fill_slots(content.html, copy))
    message = mail.build(copy.to, content.subject, *parts, tag=content.tag, headers=headers_of(content, copy))
    return read(message.message().as_bytes(linesep="\r\n"))


def check(content: SharedBody, copy: Copy, *, takes_8bit: bool) -> None:
    data = wire(content, copy, takes_8bit=takes_8bit)
    lines = data.split(b"\r\n")
    assert b"." not in lines
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert takes_8bit or data.isascii()
    ours, theirs = read(unstuffed(data)), djangos(content, copy)
    for kind in ("plain", "html"):
        assert part(ours, kind) == part(theirs, kind)
    for name in HEADERS:
        assert str(ours[name]) == str(theirs[name])
    assert str(ours["Subject"]) == " ".join(content.subject.split())
    if "=?" not in content.subject:
        # Django begins a long word on a new line, which leaves a space before it.
        assert str(ours["Subject"]) == str(theirs["Subject"]).lstrip()


@given(TEXTS, TEXTS, TEXTS, LINES, LINKS, st.booleans())
def test_any_text_any_subject_and_any_link_arrive_as_django_would_have_sent_them(
    first: str, second: str, third: str, subject: str, link: str, takes_8bit: bool
) -> None:
    assert LINK.fullmatch(link)
    slots = {"view_url": link, "unsubscribe_url": link + "u"}
    parts = (first, "view_url", second, "unsubscribe_url", third)
    content = replace(CONTENT, subject=subject or "x", html=parts, text=parts[::-1][:1] + parts[1:])
    check(content, Copy(7, "ada@example.org", slots, "message7"), takes_8bit=takes_8bit)


@pytest.mark.parametrize("takes_8bit", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        ".",
        "..",
        ".\n.\n..\n",
        "a\n.",
        "x" * 2000,
        "é" * 999,
        "a \nb\t\n",
        "=3D=\n",
        "\x00",
        "From me",
        "--=",
        "\r\r\n",
        "",
    ],
)
def test_texts_that_break_simple_encoders_arrive_letter_by_letter(text: str, takes_8bit: bool) -> None:
    parts = (text, "view_url", text, "unsubscribe_url", text)
    check(replace(CONTENT, html=parts, text=parts), copy_of(1), takes_8bit=takes_8bit)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?no?= code",
        "ü" * 300,
        "a" * 2000,
        "word " * 400,
        'Let\'s <think> "twice"',
        "a, b; c: d",
        "\N{SNOWMAN}",
    ],
)
def test_a_subject_arrives_letter_by_letter(subject: str) -> None:
    check(titled(subject), copy_of(1), takes_8bit=True)


def test_a_lists_name_beyond_ascii_leaves_its_id_readable(settings: LazySettings) -> None:
    headers: Mapping[str, str] = {"List-Id": "Blätter, täglich <papers.example.org>"}
    data = wire(replace(CONTENT, headers=headers), copy_of(1), takes_8bit=True)
    assert b"<papers.example.org>\r\n" in data
    assert str(read(data)["List-Id"]) == "Blätter, täglich <papers.example.org>"


def test_a_reply_address_is_in_the_message(settings: LazySettings) -> None:
    settings.REPLY_TO = "Écrire <editors@example.org>"
    assert str(read(wire(CONTENT, copy_of(1), takes_8bit=True))["Reply-To"]) == "Écrire <editors@example.org>"


def test_plain_lines_travel_bare_only_with_room_for_the_longest_links() -> None:
    room = 998 - LONGEST_SLOT
    assert body_8bit(("x" * room, "view_url", "\n" + "x" * 998))
    assert not body_8bit(("x" * (room + 1), "view_url", ""))
    assert not body_8bit(("", "view_url", "x" * (room + 1)))
    assert body_8bit(("x" * 500, SEAM, "x" * 498))
    assert not body_8bit(("x" * 500, SEAM, "x" * 499))
    assert not body_8bit(("x" * 999,))
    assert not body_8bit(("\x00",))


def test_the_longest_link_that_may_leave_fits() -> None:
    assert not LINK.fullmatch("https://" + "x" * (LONGEST_SLOT - 7))


@given(st.lists(st.tuples(st.sampled_from([SEAM, SEAM, "view_url"]), TEXTS), max_size=6), st.booleans())
def test_seams_change_nothing(rest: list[tuple[str, str]], takes_8bit: bool) -> None:
    parts = (".", *(part for pair in rest for part in pair))
    check(replace(CONTENT, html=parts, text=parts), copy_of(1), takes_8bit=takes_8bit)


@given(TEXTS, WORDS, TEXTS, st.booleans())
@example("", ".NET", "\n", True)
@example("a\n", ".", "\n.", True)
@example("a\n", ".", "é" * 999, False)
def test_any_words_arrive_also_where_they_begin_a_line(first: str, line: str, rest: str, takes_8bit: bool) -> None:
    html, text = ((first, f"choice_{kind}", rest) for kind in ("html", "text"))
    check(replace(CONTENT, html=html, text=text), copy_of(1, choice=line), takes_8bit=takes_8bit)
