"""A mail server with the extensions that our client uses: PIPELINING, SIZE, 8BITMIME, STARTTLS, AUTH, RSET."""

import asyncio
import base64
import contextlib
import re
import ssl
from dataclasses import dataclass, field
from uuid import uuid4

from tests.outside.faults import Fault, Rule
from tests.outside.ledger import Ledger, Mail
from tests.outside.mime import mail_in
from tests.outside.server import Desk

USER, PASSWORD = "papers", "password-of-smtp"
SIZE = 10_485_760  # octets of a message
LINE = 1000  # octets with its end: RFC 5321, 4.5.3.1.6
BUFFER = 2 * SIZE
PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE)


class Gone(Exception):
    """The connection is over."""


class SmtpProvider(Desk):
    def __init__(
        self, ledger: Ledger, tls: ssl.SSLContext | None, *, needs_auth: bool = False, is_counting: bool = False
    ) -> None:
        super().__init__(ledger)
        self.tls = tls
        self.needs_auth = needs_auth
        self.is_counting = is_counting

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        ends = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, Gone)
        with contextlib.suppress(*ends):
            await session.run()
        writer.close()


@dataclass
class Session:
    """One connection, from its greeting to its end."""

    desk: SmtpProvider
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_secure: bool = False
    is_known: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        self.say(*(await self.planned("greeting") or (220, "provider.papers.example.org ESMTP ready")))
        while True:
            await self.writer.drain()
            line = (await self.reader.readuntil(b"\n")).decode(errors="replace").strip()
            verb, _, rest = line.partition(" ")
            action = getattr(self, f"on_{verb.lower()}", None)
            if action is None:
                self.say(500, "5.5.2 Unknown command")
            else:
                await action(rest.strip())

    def say(self, code: int, words: str) -> None:
        """Answer a command. Raise Gone after a 421, which ends the connection."""
        self.writer.write(f"{code} {words}\r\n".encode())
        if code == 421:
            raise Gone

    async def on_ehlo(self, _: str) -> None:
        offers = ["provider.papers.example.org", "PIPELINING", f"SIZE {SIZE}", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self.desk.tls and not self.is_secure:
            offers.append("STARTTLS")
        if self.is_secure or not self.desk.tls:
            offers.append("AUTH PLAIN LOGIN")
        lines = [f"250-{offer}\r\n" for offer in offers[:-1]] + [f"250 {offers[-1]}\r\n"]
        self.writer.write("".join(lines).encode())
        self.reset()

    async def on_helo(self, _: str) -> None:
        self.reset()
        self.say(250, "provider.papers.example.org")

    async def on_starttls(self, _: str) -> None:
        if not self.desk.tls or self.is_secure:
            self.say(503, "5.5.1 Not now")
            return
        self.say(220, "2.0.0 Go ahead")
        await self.writer.drain()
        # What was sent in the clear after the command must not count as sent in secret.
        self.reader._buffer.clear()  # type: ignore[attr-defined]
        await self.writer.start_tls(self.desk.tls)
        self.is_secure, self.is_known = True, False
        self.reset()

    async def on_auth(self, rest: str) -> None:
        if self.desk.tls and not self.is_secure:
            self.say(538, "5.7.11 Encryption required")
            return
        method, _, initial = rest.partition(" ")
        match method.upper():
            case "PLAIN":
                words = decoded(initial or await self.ask("")).split("\0")
            case "LOGIN":
                user = decoded(initial or await self.ask("Username:"))
                words = ["", user, decoded(await self.ask("Password:"))]
            case _:
                self.say(504, "5.5.4 Unknown mechanism")
                return
        self.is_known = words[1:] == [USER, PASSWORD]
        self.say(*((235, "2.7.0 Welcome") if self.is_known else (535, "5.7.8 Wrong user or password")))

    async def ask(self, question: str) -> str:
        self.say(334, base64.b64encode(question.encode()).decode())
        await self.writer.drain()
        return (await self.reader.readuntil(b"\n")).decode().strip()

    async def on_mail(self, rest: str) -> None:
        path = PATH.match(rest)
        if path is None:
            self.say(501, "5.5.4 MAIL FROM:<address>")
        elif self.desk.needs_auth and not self.is_known:
            self.say(530, "5.7.0 Authentication required")
        elif self.sender is not None:
            self.say(503, "5.5.1 One message at a time")
        elif (size := re.search(r"\bSIZE=(\d+)", path[2], re.IGNORECASE)) and int(size[1]) > SIZE:
            self.say(552, "5.3.4 Too big")
        else:
            self.sender = path[1]
            self.say(250, "2.1.0 Ok")

    async def on_rcpt(self, rest: str) -> None:
        path = PATH.match(rest)
        if self.sender is None or path is None:
            self.say(503, "5.5.1 MAIL first")
            return
        address = path[1]
        if planned := await self.planned("rcpt", [address]):
            self.refuse(address, *planned)
        elif self.desk.plan.trouble(address) or "@" not in address:
            self.refuse(address, 550, "5.1.1 No such reader here")
        else:
            self.recipients.append(address)
            self.say(250, "2.1.5 Ok")

    def refuse(self, address: str, code: int, words: str) -> None:
        self.desk.ledger.write(next(self.desk.numbers), [Mail(address)], why=f"rcpt {code}")
        self.say(code, words)

    async def on_data(self, _: str) -> None:
        if not self.recipients:
            self.say(503, "5.5.1 RCPT first")
            return
        if planned := await self.planned("data", self.recipients):
            self.note(f"data {planned[0]}")
            self.say(*planned)
            self.reset()
            return
        self.say(354, "End with a dot")
        await self.writer.drain()
        await self.take(await read_data(self.reader))
        self.reset()

    async def take(self, data: bytes) -> None:
        """Accept a message or refuse it: write the ledger first, then answer."""
        if complaint := complaint_about(data):
            self.note(f"dot {complaint}")
            self.say(550, complaint)
            return
        if delay := self.desk.plan.delay(self.recipients):
            await asyncio.sleep(delay)
        rule = self.desk.plan.fault(self.recipients)
        name = uuid4().hex
        mails = [mail_in(data, address, is_counting=self.desk.is_counting) for address in self.recipients]
        for mail in mails:
            mail.headers["Return-Path"] = f"<{self.sender}>"  # as a server writes it that delivers (RFC 5321, 4.4)
            mail.is_accepted, mail.message_id = rule is None or rule.accepts, mail.headers.get("Message-ID", name)
        self.desk.ledger.write(next(self.desk.numbers), mails, why=f"dot {rule.fault}" if rule else "")
        self.say(*(self.words_of(rule) if rule else (250, f"2.0.0 Ok: queued as {name}")))

    def note(self, why: str) -> None:
        """Record that the recipients so far got nothing."""
        self.desk.ledger.write(next(self.desk.numbers), [Mail(address) for address in self.recipients], why=why)

    async def planned(self, at: str, addresses: list[str] | None = None) -> tuple[int, str] | None:
        """Return the answer that the plan gives here instead of success, if any."""
        if delay := self.desk.plan.delay(addresses or [], at):
            await self.writer.drain()
            await asyncio.sleep(delay)
        rule = self.desk.plan.fault(addresses or [], at)
        return self.words_of(rule) if rule else None

    def words_of(self, rule: Rule) -> tuple[int, str]:
        if rule.fault is not Fault.STATUS:  # an answer that cannot be read is none
            self.writer.transport.abort()
            raise Gone
        status = 450 if rule.status == 429 else rule.status
        return status, rule.words or f"{status // 100}.0.0 Planned to fail"

    async def on_rset(self, _: str) -> None:
        self.reset()
        self.say(250, "2.0.0 Ok")

    async def on_noop(self, _: str) -> None:
        self.say(250, "2.0.0 Ok")

    async def on_quit(self, _: str) -> None:
        self.say(221, "2.0.0 Bye")
        await self.writer.drain()
        raise Gone

    def reset(self) -> None:
        self.sender, self.recipients = None, []


async def read_data(reader: asyncio.StreamReader) -> bytes:
    """Return a message without dot-stuffing (RFC 5321, 4.5.2)."""
    data = bytearray(b"\r\n")
    while not data.endswith(b"\r\n.\r\n"):
        data += await reader.readuntil(b".\r\n")
    return bytes(data[:-3]).replace(b"\r\n.", b"\r\n")[2:]


def complaint_about(data: bytes) -> str:
    """Return why a strict server refuses a message as it stands on the wire, or an empty string."""
    if len(data) > SIZE:
        return "5.3.4 Too big"
    if not data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
        return "5.6.11 A bare CR or LF"
    if max(map(len, data.split(b"\r\n"))) > LINE - 2:
        return "5.6.0 A line of more than 998 octets"
    return ""


def decoded(words: str) -> str:
    try:
        return base64.b64decode(words).decode()
    except ValueError:
        return ""
