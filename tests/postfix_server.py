"""A real mail server on loopback: Debian’s Postfix, which relays to a receiver and keeps what returns in a maildir."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.imap_server import NOBODY, give_away
from tests.ports import free_port

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
mynetworks = 127.0.0.0/8
recipient_delimiter = +
disable_dns_lookups = yes
smtp_host_lookup = native
default_transport = smtp:[127.0.0.1]:{receiver}
relay_transport = smtp:[127.0.0.1]:{receiver}
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mails/
virtual_minimum_uid = 100
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
alias_maps =
alias_database =
local_recipient_maps =
smtp_tls_security_level = none
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class PostfixServer:
    """A running server; `mails` is the maildir of example.org, into which bounces return."""

    port: int
    mails: Path


@contextmanager
def postfix_serving(receiver: int) -> Iterator[PostfixServer]:
    """Relay to the receiver at this port. Skip the test where there is no Postfix, or no root to start it."""
    if shutil.which("postfix") is None or os.geteuid() != 0:
        pytest.skip("Debian’s postfix is not installed, or this is not root.")
    with tempfile.TemporaryDirectory(prefix="postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("queue", "data", "mails"):
            (folder / part).mkdir()
        for part in ("cur", "new", "tmp"):
            (folder / "mails" / part).mkdir()
            give_away(folder / "mails" / part)
        give_away(folder / "mails")
        shutil.chown(folder / "data", "postfix")
        server = PostfixServer(free_port(), folder / "mails")
        (folder / "main.cf").write_text(MAIN.format(folder=folder, receiver=receiver, uid=NOBODY))
        (folder / "master.cf").write_text(MASTER.format(port=server.port))
        run(folder, "start")
        try:
            yield server
        finally:
            run(folder, "stop")


def run(folder: Path, command: str) -> None:
    # To a file: the server would keep a pipe open.
    with (folder / "output").open("ab") as output:
        done = subprocess.run(["postfix", "-c", folder, command], stdout=output, stderr=output, check=False)
    assert done.returncode == 0, (folder / "output").read_text()
