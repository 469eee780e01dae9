"""What a provider was asked to send and what it accepted: one JSON line a recipient, written before the answer."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson


@dataclass(slots=True)
class Mail:
    """One recipient's copy as the reader would see it, every merge field filled."""

    address: str
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    trouble: str = ""  # why this one is refused, if it is
    is_accepted: bool = False
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a recipient of one request. `why` names what kept it from being accepted, or the answer from us."""

    at: float
    provider: str
    request: int
    address: str
    delivery: str
    accepted: bool
    why: str
    message_id: str
    subject: str
    body_hash: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: list[str]
    text: str = ""
    html: str = ""


class Ledger:
    """Appends entries, in one write a request: after a kill all lines are whole and no accepted mail is missing."""

    def __init__(self, path: Path, provider: str, *, with_hashes: bool = True, with_bodies: bool = False) -> None:
        self.path = path
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.provider = provider
        self.with_hashes = with_hashes
        self.with_bodies = with_bodies

    def write(self, request: int, mails: Sequence[Mail], why: str = "") -> None:
        now = time.time()
        lines = b"".join(self.line(now, request, mail, why) for mail in mails)
        while lines:
            lines = lines[os.write(self.file, lines) :]

    def line(self, now: float, request: int, mail: Mail, why: str) -> bytes:
        entry = {
            "at": now,
            "provider": self.provider,
            "request": request,
            "address": mail.address,
            "delivery": str(mail.metadata.get("delivery", "")),
            "accepted": mail.is_accepted,
            "why": why or mail.trouble,
            "message_id": mail.message_id,
            "subject": mail.subject,
            "body_hash": body_hash(mail.text, mail.html) if self.with_hashes else "",
            "headers": mail.headers,
            "metadata": mail.metadata,
            "tags": mail.tags,
        }
        if self.with_bodies:
            entry |= {"text": mail.text, "html": mail.html}
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)

    def close(self) -> None:
        os.close(self.file)


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a ledger, oldest first; none if the provider never had a call."""
    if path.exists():
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):  # the last one may still be on its way
                    yield Entry(**orjson.loads(line))


def body_hash(text: str, html: str) -> str:
    """Return a hash of what a reader sees. Line ends are ignored, so that it is the same for every transport."""
    seen = "\0".join(part.replace("\r\n", "\n").rstrip("\n") for part in (text, html))
    return hashlib.sha256(seen.encode()).hexdigest()
