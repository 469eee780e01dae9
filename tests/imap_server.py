"""A real IMAP server on loopback: Debian's Dovecot, over a maildir."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.outside.certificate import server_context
from tests.ports import free_port

NAME, PASSWORD = "bounces@example.org", "a/secret:word"
NOBODY = 65534  # the user of this name on every Linux
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/certificate.pem
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{mails}
imap_capability = {capability}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A running server. `port` is for plain connections, `secure_port` for TLS; `mails` is its maildir."""

    port: int
    secure_port: int
    mails: Path
    certificate: Path

    def deliver(self, *mails: bytes) -> None:
        for number, raw in enumerate(mails):
            path = self.mails / "new" / f"{number:05}.mail.example.org"
            path.write_bytes(raw)
            give_away(path)


def give_away(path: Path) -> None:
    """Let the server own a file: mails of root are none of its."""
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)


@contextmanager
def imap_serving(mails: Path | None = None, *, capability: str = "") -> Iterator[ImapServer]:
    """Serve a maildir; `capability` replaces what the server says it can. Skip the test where Dovecot is missing."""
    if shutil.which("dovecot") is None:
        pytest.skip("Debian’s dovecot-imapd is not installed.")
    is_root = os.geteuid() == 0
    # Dovecot's own users have to reach it.
    with tempfile.TemporaryDirectory(prefix="imap-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _, certificate = server_context(folder)
        mails = mails or folder / "mails"
        for part in ("cur", "new", "tmp"):
            (mails / part).mkdir(parents=True, exist_ok=True)
            give_away(mails / part)
        give_away(mails)
        server = ImapServer(free_port(), free_port(), mails, certificate)
        me = getpass.getuser()
        configuration = CONFIGURATION.format(
            folder=folder,
            mails=mails,
            ssl="yes",
            capability=capability,
            internal="dovecot" if is_root else me,
            group="dovecot" if is_root else me,
            login="dovenull" if is_root else me,
            uid=NOBODY if is_root else os.geteuid(),
            gid=NOBODY if is_root else os.getegid(),
            port=server.port,
            secure_port=server.secure_port,
            password=PASSWORD,
        )
        (folder / "dovecot.conf").write_text(configuration)
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(["dovecot", "-F", "-c", folder / "dovecot.conf"], stdout=output, stderr=output)
        try:
            wait_until_open(server.port, process)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server listens. Raise AssertionError where it ends before, and TimeoutError after 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, "The server has ended."
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise TimeoutError
