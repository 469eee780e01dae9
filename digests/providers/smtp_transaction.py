"""One mail on one SMTP connection: commands, replies, and the outcome they prove."""

import contextlib
import smtplib
import socket
import time

from django.core.mail.backends.smtp import EmailBackend

from newsletter.mail.provider_answer import (
    LONGEST_ANSWER,
    SendOutcome,
    outcome_of_smtp_delay,
    outcome_of_smtp_refusal,
    quoted,
)
from newsletter.mail.refusal import without_addresses

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
        self.served = 0
        self.used_at = time.monotonic()

    def write(self, data: bytes, deadline: float) -> None:
        self.limit(deadline).sendall(data)

    def read(self, deadline: float) -> Reply:
        self.limit(deadline)
        code, text = self.smtp.getreply()
        self.used_at = time.monotonic()
        return code, text.decode("ascii", "replace")

    def limit(self, deadline: float) -> socket.socket:
        """Return the socket with its timeout set to end at the deadline."""
        if self.smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        self.smtp.sock.settimeout(max(LEAST_WAIT, deadline - time.monotonic()))
        return self.smtp.sock

    def ask(self, command: bytes, deadline: float) -> int:
        """Send a command between mails and return the reply's code; drop the connection if none comes."""
        try:
            self.write(command, deadline)
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
            self.write(b"QUIT\r\n", time.monotonic())
        self.drop()


class Transaction:
    """One SMTP transaction. Until its last dot is written, nothing is accepted; then only a reply is proof."""

    def __init__(self, connection: Connection, sender: str, to: str, message: bytes) -> None:
        self.connection = connection
        self.message = message
        self.outcome = NOT_SHOWN
        self.is_over = False
        self.is_stale = False  # the server had closed an idle connection: another one may take the mail
        if not to.isascii() and not connection.takes_utf8:
            self.finish(SendOutcome("refused", reason="The mail server takes no such address.", code="smtputf8"))
        options = " BODY=8BITMIME" * connection.takes_8bit + " SMTPUTF8" * (not to.isascii())
        options += " RET=HDRS" * connection.takes_dsn  # a bounce need not bring the whole mail back (RFC 3461, 4.3)
        envelope = [f"MAIL FROM:<{sender}>{options}\r\n", f"RCPT TO:<{to}>\r\n", "DATA\r\n"]
        commands = [command.encode() for command in envelope]
        self.groups = [commands] if connection.pipelines else [[command] for command in commands]

    def finish(self, outcome: SendOutcome) -> None:
        self.outcome, self.is_over = outcome, True

    def write_next(self, deadline: float) -> None:
        data = b"".join(self.groups[0]) if self.groups else self.message + b".\r\n"
        try:
            self.connection.write(data, deadline)
        except CONNECTION_ERRORS as exc:
            self.lose(exc)

    def read_replies(self, deadline: float) -> None:
        if self.is_over:
            return
        if self.groups:
            self.read_envelope_replies(self.groups.pop(0), deadline)
        else:
            self.read_final_reply(deadline)

    def read_envelope_replies(self, commands: list[bytes], deadline: float) -> None:
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
        try:
            code, text = self.connection.read(deadline)
        except CONNECTION_ERRORS as exc:
            self.finish(SendOutcome("unknown", reason=f"The connection broke after the mail ({type(exc).__name__})."))
            self.connection.drop()
            return
        self.connection.served += 1
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
