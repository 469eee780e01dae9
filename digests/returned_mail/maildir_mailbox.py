"""A maildir on this machine, into which the mail server delivers; folders are those of Maildir++."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from digests.returned_mail.mailbox import Fetched


class MaildirMailbox:
    """The maildir that BOUNCE_MAILBOX names; the mails in it are named by their paths."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        if not (self.root / "new").is_dir():
            raise NotADirectoryError(f"There is no maildir at {self.root}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    def waiting(self) -> Iterator[str]:
        """Yield all mails, oldest first, also those that a mail program has shown."""
        found = [Path(entry.path) for name in ("cur", "new") for entry in self.entries(name)]
        for path in sorted(found, key=lambda path: path.name):
            yield str(path)

    def entries(self, name: str) -> "list[os.DirEntry[str]]":
        folder = self.root / name
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_file(follow_symlinks=False) and entry.name[0] != "."]

    def fetch(self, name: str, most: int) -> Fetched | None:
        """Return the first `most` bytes of a mail, None if it is gone."""
        try:
            with Path(name).open("rb") as file:
                return Fetched(file.read(most), os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            return None

    def move(self, name: str, folder: str) -> None:
        """Move a mail to another folder, which is made where it is missing."""
        target = self.root / f".{re.sub(r'[./]', '-', folder)}"
        for part in ("cur", "new", "tmp"):
            (target / part).mkdir(parents=True, exist_ok=True)
        (target / "maildirfolder").touch()
        path = Path(name)
        path.rename(target / "cur" / f"{path.name.partition(':2,')[0]}:2,S")
