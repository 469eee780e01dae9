"""The SMTP lane: several open connections side by side, one transaction a reader.

A round writes to all connections before it reads a reply. So it takes as long as its slowest reply, without threads,
and brings each connection forward by a mail where the server takes commands in a row. No call takes longer than 2.5
times EMAIL_TIMEOUT.
"""

import smtplib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from email.utils import format_datetime
from functools import lru_cache

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from digests.providers.base import UNSUBSCRIBE_SLOT, ProviderBase, without_unsubscribe
from digests.providers.byte_template import ByteTemplate, fill
from digests.providers.interface import Call, Copy, Mail, SharedBody, Words, word_slots
from digests.providers.mime_message import message_of, quote_printable, quoted_name, stuffed_name
from digests.providers.smtp_pipeline import Pipeline, Take
from digests.providers.smtp_transaction import SHORT_WAIT, Connection, Transaction
from newsletter import clock
from newsletter.mail.message import bare_address
from newsletter.mail.provider_answer import PASSWORD, SendOutcome

CACHED_BODIES = 8
FIRST_WINDOW = 50  # mails that share the first commit; by then it is known how fast the server is
PATIENCE = 0.2  # of EMAIL_TIMEOUT that the mails of one commit may take
LONGEST_HEAD = 8_000  # bytes of a message in which its headers are looked for
TOO_SLOW = SendOutcome("not_accepted", reason="The mail server is too slow.")


class Smtp(ProviderBase):
    lane = "smtp"

    def __init__(self, connections: int) -> None:
        self.room = connections
        self.window = max(1, FIRST_WINDOW // connections) * connections
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
        waiting, date = deque(range(len(mails))), format_datetime(clock.now()).encode()
        begun = time.monotonic()

        def take(connection: Connection) -> Transaction | None:
            while waiting and not is_late(begun):
                at = waiting.popleft()
                transaction = self.transaction(connection, at, mails[at], date)
                if not transaction.is_over:
                    return transaction
                outcomes[at] = transaction.outcome
            return None

        while waiting:
            fault = self.open(len(waiting), begun)
            if fault is not None or is_late(begun):
                outcomes |= dict.fromkeys(waiting, fault or TOO_SLOW)
                break
            for ended in self.converse(take):
                outcomes[ended.at] = ended.outcome
                if ended.is_stale:
                    waiting.append(ended.at)
        self.measure(len(mails), time.monotonic() - begun)
        return [outcomes[at] for at in range(len(mails))]

    def converse(self, take: Take) -> Iterator[Transaction]:
        """Hand over mails on all connections until none waits, or no connection is left; yield those that are over."""
        pipelines = [Pipeline(connection) for connection in self.connections]
        while True:
            for each in pipelines:
                each.write(take)
            pipelines = [each for each in pipelines if each.is_busy]
            if not pipelines:
                return
            for each in pipelines:
                yield from each.read()

    def measure(self, mails: int, seconds: float) -> None:
        """Set how many mails share a commit: as many as may be in doubt, if they take no longer than is patient."""
        rounds = PATIENCE * settings.EMAIL_TIMEOUT / max(seconds / self.rounds(mails), 0.001)
        self.window = max(1, min(int(rounds), settings.READERS_IN_DOUBT // self.room)) * self.room

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

    def transaction(self, connection: Connection, at: int, mail: Mail, date: bytes) -> Transaction:
        content, copy = mail
        pieces = self.kept(content, connection.takes_8bit)
        message = fill(pieces, hole_values(copy, date, pieces), b".\r\n")
        sender = copy.return_to or bare_address(settings.DEFAULT_FROM_EMAIL)
        transaction = Transaction(connection, at, sender, copy.to, message)
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


def is_late(begun: float) -> bool:
    """Return whether no further mail may begin: those under way take up to twice EMAIL_TIMEOUT more."""
    return time.monotonic() > begun + settings.EMAIL_TIMEOUT / 2


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
