"""Mails one after another on one SMTP connection, at one round trip each where the server takes commands in a row.

Where it does, the envelope of the next mail follows a mail's last dot at once (RFC 2920, 3.1), so that one look at the
replies says what became of the one and whether the other may be written. No mail is accepted before its own last dot.
"""

import time
from collections.abc import Callable, Iterator

from django.conf import settings

from digests.providers.smtp_transaction import Connection, Transaction

Take = Callable[[Connection], Transaction | None]  # the next mail for a connection, None where none waits


class Pipeline:
    """One connection and the mails on it: one whose envelope is opening, and one that is written.

    Between the two, `accepted` is the mail whose message the server expects next.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.opening: Transaction | None = None
        self.accepted: Transaction | None = None
        self.written: Transaction | None = None
        self.deadline = 0.0  # for the replies to what was written last

    @property
    def is_busy(self) -> bool:
        return self.opening is not None or self.written is not None

    def write(self, take: Take) -> None:
        """Write the message that the server expects, and the next envelope or its next command."""
        if self.opening is None or self.accepted is not None:  # an envelope has one deadline for all its replies
            self.deadline = time.monotonic() + settings.EMAIL_TIMEOUT
        self.written, self.accepted = self.accepted, None
        if self.opening is None and (self.written is None or self.connection.pipelines) and self.connection.is_open:
            self.opening = take(self.connection)
        if self.written is not None:
            self.written.write_message(self.deadline, self.opening.next_commands if self.opening else b"")
        elif self.opening is not None:
            self.opening.write_envelope(self.deadline)

    def read(self) -> Iterator[Transaction]:
        """Read the replies to all that was written; yield the transactions that are over."""
        if self.written is not None:
            self.written.read_final_reply(self.deadline)
            yield self.written
            self.written = None
        if self.opening is not None:
            self.opening.read_envelope_replies(self.deadline)
            if self.opening.is_over:
                yield self.opening
                self.opening = None
            elif not self.opening.groups:
                self.accepted, self.opening = self.opening, None
