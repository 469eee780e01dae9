"""One mail on one SMTP connection: commands, replies, and the outcome they prove."""

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence

from django.core.mail.backends.smtp import EmailBackend

from newsletter.mail.provider_answer import (
    LONGEST_ANSWER,
    SendOutcome,
    outcome_of_smtp_delay,
    outcome_of_smtp_refusal,
    quoted,
)
from newsletter.mail.refusal import without_addresses

LIMITED_FOR = 0.05  # seconds for which a timeout is not set anew
LEAST_WAIT = 0.1  # seconds, even past a deadline, to read replies that have arrived
SHORT_WAIT = 5.0  # seconds, for commands between mails
IDLE_SECONDS = 5.0  # after which an open connection is checked with NOOP
CONNECTION_ERRORS = (OSError, smtplib.SMTPException)
NO_CODE = -1
Reply = tuple[int, str]
NOT_SHOWN = SendOutcome("not_accepted", reason="The mail was not sent to the mail server.")


class Connection:
    """A connection that Django's own backend opened, greeted, secured and logged in."""

    def __init__(self, backend: EmailBackend) -> None:
        """Raise OSError, the base of smtplib's errors, if the server does not accept us."""
        backend.open()
        assert backend.connection is not None
        self.smtp: smtplib.SMTP = backend.connection
        self.smtp.ehlo_or_helo_if_needed()
        assert self.smtp.sock is not None
        # Commands must not wait for the acknowledgement of the message before them.
        self.smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pipelines = self.smtp.has_extn("pipelining")
        self.takes_8bit = self.smtp.has_extn("8bitmime")
        self.takes_utf8 = self.smtp.has_extn("smtputf8")
        self.takes_dsn = self.smtp.has_extn("dsn")
        self.served = 0  # messages written
        self.used_at = time.monotonic()
        self.unwritten = 0  # bytes of the last write that the system has not taken
        self.limited_at = self.limited_to = 0.0

    @property
    def is_open(self) -> bool:
        return self.smtp.sock is not None

    def write(self, parts: Sequence[bytes], deadline: float) -> None:
        """Write `parts` one after another, in one call of the system where it takes them; see `unwritten`."""
        left = memoryview(parts[0] if len(parts) == 1 else b"")
        self.unwritten = sum(map(len, parts))
        sock = self.limit(deadline)
        if len(parts) > 1:
            if isinstance(sock, ssl.SSLSocket):
                left = memoryview(b"".join(parts))
            else:
                sent = sock.sendmsg(parts)
                self.unwritten -= sent
                left = memoryview(b"".join(parts))[sent:] if self.unwritten else left
        while left:
            sent = self.limit(deadline).send(left)
            left = left[sent:]
            self.unwritten -= sent

    def read(self, deadline: float) -> Reply:
        self.limit(deadline)
        code, text = self.smtp.getreply()
        self.used_at = time.monotonic()
        return code, text.decode("ascii", "replace")

    def limit(self, deadline: float) -> socket.socket:
        """Return the socket with its timeout set to end at the deadline, or up to LIMITED_FOR later."""
        if self.smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        now = time.monotonic()
        if deadline != self.limited_to or now > self.limited_at + LIMITED_FOR:  # setting it is a call of the system
            self.smtp.sock.settimeout(max(LEAST_WAIT, deadline - now))
            self.limited_to, self.limited_at = deadline, now
        return self.smtp.sock

    def ask(self, command: bytes, deadline: float) -> int:
        """Send a command between mails and return the reply's code; drop the connection if none comes."""
        try:
            self.write([command], deadline)
            return self.read(deadline)[0]
        except CONNECTION_ERRORS:
            self.drop()
            return NO_CODE

    def is_alive(self, deadline: float) -> bool:
        is_fresh = time.monotonic() - self.used_at < IDLE_SECONDS
        return self.smtp.sock is not None and (is_fresh or self.ask(b"NOOP\r\n", deadline) == 250)

    def drop(self) -> None:
        self.smtp.close()

    def close(self) -> None:
        with contextlib.suppress(*CONNECTION_ERRORS):
            self.write([b"QUIT\r\n"], time.monotonic())
        self.drop()


class Transaction:
    """One SMTP transaction. Until its last dot is written, nothing is accepted; then only a reply is proof.

    `message` is as it goes on the wire, with its last dot; `at` is the mail's place among those of the caller.
    """

    def __init__(self, connection: Connection, at: int, sender: str, to: str, message: bytes) -> None:
        self.connection, self.at = connection, at
        self.message = message
        self.outcome = NOT_SHOWN
        self.is_over = False
        self.is_stale = False  # the connection ended with the mail before it: another one may take the mail
        if not to.isascii() and not connection.takes_utf8:
            self.finish(SendOutcome("refused", reason="The mail server takes no such address.", code="smtputf8"))
        options = " BODY=8BITMIME" * connection.takes_8bit + " SMTPUTF8" * (not to.isascii())
        options += " RET=HDRS" * connection.takes_dsn  # a bounce need not bring the whole mail back (RFC 3461, 4.3)
        envelope = [f"MAIL FROM:<{sender}>{options}\r\n", f"RCPT TO:<{to}>\r\n", "DATA\r\n"]
        commands = [command.encode() for command in envelope]
        self.groups = [commands] if connection.pipelines else [[command] for command in commands]

    def finish(self, outcome: SendOutcome) -> None:
        self.outcome, self.is_over = outcome, True

    @property
    def next_commands(self) -> bytes:
        """The envelope, or the next of its commands where they go one by one."""
        return b"".join(self.groups[0])

    def write_envelope(self, deadline: float) -> None:
        try:
            self.connection.write([self.next_commands], deadline)
        except CONNECTION_ERRORS as exc:
            self.lose(exc)

    def write_message(self, deadline: float, behind: bytes = b"") -> None:
        """Write the message, and commands behind its last dot."""
        try:
            self.connection.write([self.message, behind] if behind else [self.message], deadline)
        except CONNECTION_ERRORS as exc:
            if self.connection.unwritten > len(behind):
                self.lose(exc)
                return
            self.doubt(exc)
        self.connection.served += 1

    def doubt(self, exc: Exception) -> None:
        """Record that the connection broke after the mail's last dot was written."""
        self.finish(SendOutcome("unknown", reason=f"The connection broke after the mail ({type(exc).__name__})."))
        self.connection.drop()

    def read_envelope_replies(self, deadline: float) -> None:
        """Read the replies to what was written of the envelope; afterwards it is over, or one group shorter."""
        if self.is_over:
            return
        commands = self.groups.pop(0)
        try:
            replies = [(command[:4], *self.connection.read(deadline)) for command in commands]
        except CONNECTION_ERRORS as exc:
            self.lose(exc)
            return
        for verb, code, text in replies:
            if code != 354 if verb == b"DATA" else not 200 <= code < 300:
                self.is_stale = code == 421 and self.connection.served > 0
                self.end(outcome_of_reply(code, text, verb), code)
                self.reset(is_open=replies[-1][:2] == (b"DATA", 354))
                return

    def read_final_reply(self, deadline: float) -> None:
        if self.is_over:
            return
        try:
            code, text = self.connection.read(deadline)
        except CONNECTION_ERRORS as exc:
            self.doubt(exc)
            return
        self.end(SendOutcome("accepted") if 200 <= code < 300 else outcome_of_reply(code, text, b"."), code)

    def end(self, outcome: SendOutcome, code: int) -> None:
        self.finish(outcome)
        if code == 421 or not (200 <= code < 300 or 400 <= code < 600):
            self.connection.drop()

    def reset(self, *, is_open: bool) -> None:
        """End a refused transaction so that the connection can serve the next; `is_open`: a message is awaited."""
        if self.connection.smtp.sock is None:
            return
        deadline = time.monotonic() + SHORT_WAIT
        if is_open:
            self.connection.ask(b".\r\n", deadline)
        if self.connection.ask(b"RSET\r\n", deadline) != 250:
            self.connection.drop()

    def lose(self, exc: Exception) -> None:
        """Record that the connection broke before the mail's last dot was written."""
        is_timeout = isinstance(exc, TimeoutError) or isinstance(exc.__context__, TimeoutError)
        self.is_stale = self.connection.served > 0 and not is_timeout
        self.finish(
            SendOutcome("not_accepted", reason=f"The connection broke before the mail ({type(exc).__name__}).")
        )
        self.connection.drop()


def outcome_of_reply(code: int, text: str, verb: bytes) -> SendOutcome:
    """Return what a reply other than success means; before the message, an unreadable reply counts as not accepted."""
    if 400 <= code < 500:
        return outcome_of_smtp_delay(code, text)
    if not 500 <= code < 600:
        status = "unknown" if verb == b"." else "not_accepted"
        return SendOutcome(status, reason="The mail server gave no answer that can be read.")
    answer = without_addresses(f"{code} {text}")[:LONGEST_ANSWER]
    if code in (503, 530, 535) or (verb == b"MAIL" and code != 552):
        return SendOutcome(
            "not_accepted",
            reason=f"The mail server does not take mail of ours ({code}).{quoted(answer)}",
            code=str(code),
            answer=answer,
        )
    return outcome_of_smtp_refusal(code, text)
