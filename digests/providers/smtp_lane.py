"""The SMTP lane: several open connections side by side, one transaction a reader.

A round gives each connection one mail: it writes all envelopes before it reads a reply, then all messages. So a round
takes as long as its slowest reply, without threads. No call takes longer than 2.5 times EMAIL_TIMEOUT.
"""

import smtplib
import time
from collections import deque
from collections.abc import Sequence
from email.utils import format_datetime
from functools import lru_cache

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from digests.providers.base import UNSUBSCRIBE_SLOT, ProviderBase, without_unsubscribe
from digests.providers.byte_template import ByteTemplate, fill
from digests.providers.interface import Call, Copy, Mail, SharedBody, Words, word_slots
from digests.providers.mime_message import message_of, quote_printable, quoted_name, stuffed_name
from digests.providers.smtp_transaction import SHORT_WAIT, Connection, Transaction
from newsletter import clock
from newsletter.mail.message import bare_address
from newsletter.mail.provider_answer import PASSWORD, SendOutcome

CACHED_BODIES = 8
MOST_IN_A_WINDOW = 50  # mails; a few rounds of all connections share a commit
LONGEST_HEAD = 8_000  # bytes of a message in which its headers are looked for
TOO_SLOW = SendOutcome("not_accepted", reason="The mail server is too slow.")


class Smtp(ProviderBase):
    lane = "smtp"

    def __init__(self, connections: int) -> None:
        self.room = connections
        self.window = max(1, MOST_IN_A_WINDOW // connections) * connections
        self.connections: list[Connection] = []
        self.contents: dict[tuple[int, bool], ByteTemplate] = {}

    @property
    def longest(self) -> float:
        return 2.5 * settings.EMAIL_TIMEOUT

    def rounds(self, mails: int) -> int:
        return -(-mails // self.room)

    def build_call(self, mails: Sequence[Mail]) -> Call:
        return lambda key: self.hand_over(mails)

    def hand_over(self, mails: Sequence[Mail]) -> list[SendOutcome]:
        outcomes: dict[int, SendOutcome] = {}
        waiting, date = deque(enumerate(mails)), format_datetime(clock.now()).encode()
        begun = time.monotonic()
        while waiting:
            fault = self.open(len(waiting), begun)
            if fault is not None or time.monotonic() > begun + settings.EMAIL_TIMEOUT / 2:
                outcomes |= {at: fault or TOO_SLOW for at, _ in waiting}
                break
            turn = [waiting.popleft() for _ in self.connections[: len(waiting)]]
            for (at, each), ended in zip(turn, self.round([each for _, each in turn], date), strict=True):
                outcomes[at] = ended.outcome
                if ended.is_stale:
                    waiting.append((at, each))
        return [outcomes[at] for at in range(len(mails))]

    def open(self, wanted: int, begun: float) -> SendOutcome | None:
        """Open as many connections as `wanted` mails can use; return why if there is none."""
        deadline = time.monotonic() + SHORT_WAIT
        self.connections = [connection for connection in self.connections if connection.is_alive(deadline)]
        fault = None
        while fault is None and len(self.connections) < min(self.room, wanted):
            if self.connections and time.monotonic() > begun + SHORT_WAIT:
                break
            fault = self.open_one()
        return None if self.connections else fault

    def open_one(self) -> SendOutcome | None:
        try:
            self.connections.append(Connection(EmailBackend(timeout=settings.EMAIL_TIMEOUT / 2)))
        except OSError as exc:  # smtplib's errors included; no mail was sent yet
            return outcome_of_connecting(exc)
        return None

    def round(self, mails: Sequence[Mail], date: bytes) -> list[Transaction]:
        transactions = [
            self.transaction(connection, *each, date)
            for connection, each in zip(self.connections, mails, strict=False)
        ]
        # The envelope has one deadline for all its replies, and the message has another.
        deadline = time.monotonic() + settings.EMAIL_TIMEOUT
        while talking := [each for each in transactions if not each.is_over]:
            if not all(each.groups for each in talking):
                deadline = time.monotonic() + settings.EMAIL_TIMEOUT
            for each in talking:
                each.write_next(deadline)
            for each in talking:
                each.read_replies(deadline)
        return transactions

    def transaction(self, connection: Connection, content: SharedBody, copy: Copy, date: bytes) -> Transaction:
        pieces = self.kept(content, connection.takes_8bit)
        message = fill(pieces, hole_values(copy, date, pieces))
        sender = copy.return_to or bare_address(settings.DEFAULT_FROM_EMAIL)
        transaction = Transaction(connection, sender, copy.to, message)
        link = copy.links[UNSUBSCRIBE_SLOT].encode()
        if b"\r\nList-Unsubscribe: <" + link + b">" + unsubscribe_mail(copy) not in message[:LONGEST_HEAD]:
            transaction.finish(without_unsubscribe())
        return transaction

    def kept(self, content: SharedBody, takes_8bit: bool) -> ByteTemplate:
        key = (content.key, takes_8bit)
        if key not in self.contents:
            if len(self.contents) >= CACHED_BODIES:
                del self.contents[next(iter(self.contents))]
            self.contents[key] = message_of(content, takes_8bit=takes_8bit)
        return self.contents[key]

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections = []


def hole_values(copy: Copy, date: bytes, pieces: ByteTemplate) -> dict[bytes, bytes]:
    values = {
        b"to": copy.to.encode(),
        b"delivery": b"%d" % copy.delivery_id,
        b"message": copy.message_id.encode(),
        b"date": date,
        b"unsubscribe_to": unsubscribe_mail(copy),
    }
    values |= encode_words(copy.words)
    holes = {*pieces[1::2]}
    for name, link in copy.links.items():
        values[name.encode()] = link.encode()
        if (quoted := quoted_name(name.encode())) in holes:
            values[quoted] = quote_printable(link.encode())
    return values


def unsubscribe_mail(copy: Copy) -> bytes:
    """Return what follows the link in List-Unsubscribe: an address to write to, on a line of its own, or nothing."""
    return f",\r\n <mailto:{copy.unsubscribe_to}?subject=unsubscribe>".encode() if copy.unsubscribe_to else b""


@lru_cache(maxsize=10_000)
def encode_words(words: Words) -> dict[bytes, bytes]:
    """Return lines of words as they are, quoted, and with a leading dot stuffed, each by the name of its hole."""
    values = dict[bytes, bytes]()
    for name, line in ((name.encode(), line.encode()) for name, line in word_slots(words).items()):
        stuffed = b"." + line if line.startswith(b".") else line
        values |= {name: line, stuffed_name(name): stuffed, quoted_name(name): quote_printable(line)}
    return values


def outcome_of_connecting(exc: OSError) -> SendOutcome:
    """Return why there is no connection. Nothing was sent."""
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        reason = f"The mail server does not know our password ({exc.smtp_code})."
        return SendOutcome("not_accepted", reason=reason, code=PASSWORD)
    return SendOutcome("not_accepted", reason=f"No connection to the mail server ({type(exc).__name__}).")
