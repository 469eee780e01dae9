"""Mails that come back, as bytes: reports of mail servers, complaints, answers of machines and people."""

from collections.abc import Mapping
from pathlib import Path

from digests.models import Delivery
from newsletter.mail.return_address import Purpose, return_addresses
from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, Subscriber

RECORDED = Path(__file__).parents[2] / "payloads" / "returned_mail"
DOMAIN = "example.org"


def signed(purpose: Purpose, pk: int, address_hash: str = "") -> str:
    addresses = return_addresses()
    assert addresses is not None
    return addresses.sign(purpose, pk, address_hash)


def address_of(delivery: Delivery) -> str:
    """Return the envelope address that a delivery left with."""
    assert delivery.subscriber is not None
    return signed(Purpose.DELIVERY, delivery.pk, delivery.subscriber.address_hash)


def address_of_letter(letter: Letter) -> str:
    return signed(Purpose.LETTER, letter.pk, hash_address(letter.recipient))


def leaving_address(reader: Subscriber) -> str:
    return signed(Purpose.UNSUBSCRIBE, reader.pk)


def recorded(name: str, to: str) -> bytes:
    """Return a recorded bounce as if it had come back to the address `to`."""
    return f"X-Original-To: {to}\n".encode() + (RECORDED / f"{name}.eml").read_bytes()


def plain(to: str, text: str = "Hello,\n\nwhat is this?\n", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a mail of one part; `headers` replace those that a person's mail program writes."""
    own = {
        "Return-Path": "<grace@example.net>",
        "Delivered-To": to,
        "From": "Grace Example <grace@example.net>",
        "To": to,
        "Subject": "Re: Papers",
        "Date": "Mon, 04 May 2026 04:30:00 +0000",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "8bit",
    } | dict(headers or {})
    return ("".join(f"{name}: {value}\n" for name, value in own.items() if value) + f"\n{text}").encode()


def delivery_report(to: str, *recipients: Mapping[str, str], returned: str = "", words: str = "It failed.") -> bytes:
    """Return a report by RFC 3464, one block of fields a recipient."""
    blocks = ["Reporting-MTA: dns; mx.example.net", *("\n".join(map(": ".join, each.items())) for each in recipients)]
    return multipart(to, "delivery-status", words, "\n\n".join(blocks), returned)


def failed(address: str = "ada@example.org", status: str = "5.1.1", answer: str = "") -> dict[str, str]:
    fields = {"Final-Recipient": f"rfc822; {address}", "Action": "failed", "Status": status}
    return fields | ({"Diagnostic-Code": f"smtp; {answer}"} if answer else {})


def complaint(to: str, kind: str = "abuse", returned: str = "", **fields: str) -> bytes:
    """Return a report by RFC 5965."""
    lines = {"Feedback-Type": kind, "User-Agent": "SomeGenerator/1.0", "Version": "1"}
    lines |= {name.replace("_", "-"): value for name, value in fields.items()}
    report = "\n".join(map(": ".join, lines.items()))
    return multipart(to, "feedback-report", "This is an email abuse report.", report, returned)


def multipart(to: str, kind: str, words: str, report: str, returned: str) -> bytes:
    parts = [f"Content-Type: text/plain\n\n{words}\n", f"Content-Type: message/{kind}\n\n{report}\n"]
    if returned:
        parts.append(f"Content-Type: message/rfc822\n\n{returned}\n")
    body = "".join(f"--=_b\n{part}\n" for part in parts) + "--=_b--\n"
    return plain(
        to,
        body,
        {
            "Return-Path": "<>",
            "From": "Mail Delivery System <MAILER-DAEMON@mx.example.net>",
            "Subject": "A report",
            "Content-Type": f'multipart/report; report-type={kind}; boundary="=_b"',
            "Content-Transfer-Encoding": "",
        },
    )
