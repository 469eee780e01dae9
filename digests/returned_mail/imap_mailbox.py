"""A mailbox that is read over IMAP. Every error is an OSError or imaplib's own."""

import binascii
import imaplib
import ipaddress
import re
import ssl
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from digests.returned_mail.mailbox import Fetched

TIMEOUT_SECONDS = 30
PAGE = 200  # mails whose numbers are asked for at once
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class ImapMailbox:
    """The folder that BOUNCE_MAILBOX names, opened; the mails in it are named by their UIDs."""

    def __init__(self, url: str) -> None:
        """Connect and log in. A password never leaves unencrypted, except to this machine."""
        parts = urlsplit(url)
        host, self.folder = parts.hostname or "", quoted(unquote(parts.path.strip("/")) or "INBOX")
        self.imap = connect(host, parts.port, is_secure=parts.scheme == "imaps")
        self.imap.login(unquote(parts.username or ""), unquote(parts.password or ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.imap.logout()
        except (OSError, imaplib.IMAP4.error):
            self.imap.shutdown()

    def waiting(self) -> Iterator[str]:
        """Yield the UIDs of all mails, oldest first. Mails may be moved away meanwhile; those that stay come once."""
        stayed: set[str] = set()
        while True:
            count = int(self.ask("SELECT", *self.imap.select(self.folder))[0] or 0)
            page = f"{len(stayed) + 1}:{min(count, len(stayed) + PAGE)}"
            if len(stayed) >= count:
                return
            uids = self.ask("SEARCH", *self.imap.uid("SEARCH", page))[0].decode().split()
            new = [uid for uid in uids if uid not in stayed]
            yield from new
            stayed = stayed & {*uids} | self.left_of(new, stayed)
            if not new:
                return

    def left_of(self, uids: list[str], stayed: set[str]) -> set[str]:
        """Return which of `uids` are still in the folder, with those that stayed before."""
        if not uids:
            return stayed
        found = self.ask("SEARCH", *self.imap.uid("SEARCH", "UID", ",".join(uids)))[0].decode().split()
        return stayed | {*found}

    def fetch(self, uid: str, most: int) -> Fetched | None:
        """Return the first `most` bytes of a mail, None if it is gone."""
        answer = self.imap.uid("FETCH", uid, f"(RFC822.SIZE BODY.PEEK[]<0.{most}>)")
        for part in self.ask("FETCH", *answer):
            if isinstance(part, tuple):
                size = SIZE.search(part[0])
                return Fetched(part[1], int(size[1]) if size else len(part[1]))
        return None

    def move(self, uid: str, folder: str) -> None:
        """Move a mail to another folder, which is made where it is missing."""
        if self.try_to_move(uid, quoted(folder)) != "OK":
            self.imap.create(quoted(folder))
            self.ask("MOVE", self.try_to_move(uid, quoted(folder)), [])

    def try_to_move(self, uid: str, folder: str) -> str:
        if "MOVE" in self.imap.capabilities:
            return str(self.imap.uid("MOVE", uid, folder)[0])
        status = self.imap.uid("COPY", uid, folder)[0]
        if status == "OK":
            self.imap.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
            self.imap.expunge()
        return str(status)

    def ask(self, command: str, status: str, data: list[Any]) -> list[Any]:
        """Return what the server answered. Raise imaplib's error where it refuses."""
        if status != "OK":
            raise imaplib.IMAP4.error(f"The mail server refused {command}.")
        return data


def connect(host: str, port: int | None, *, is_secure: bool) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if is_secure:
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=context, timeout=TIMEOUT_SECONDS)
    imap = imaplib.IMAP4(host, port or 143, timeout=TIMEOUT_SECONDS)
    if "STARTTLS" in imap.capabilities and not is_this_machine(host):
        imap.starttls(context)
    elif not is_this_machine(host):
        imap.shutdown()
        raise imaplib.IMAP4.error("The mail server offers no STARTTLS, so it gets no password of ours.")
    return imap


def is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def quoted(folder: str) -> str:
    """Return a folder's name as IMAP writes it (RFC 3501, 5.1.3): other than ASCII letters in its own UTF-7.

    >>> quoted("Gelesene Briefe")
    '"Gelesene Briefe"'
    """
    coded = re.sub(r"[^\x20-\x7e]+", lambda found: modified_utf7(found[0]), folder.replace("&", "&-"))
    return '"' + coded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def modified_utf7(text: str) -> str:
    encoded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False).decode()
    return "&" + encoded.rstrip("=").replace("/", ",") + "-"
