"""Stores mail as files, one JSON per message; sorted by name, the newest comes last."""

import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

KEPT = 500  # messages; older ones are deleted
NAME = re.compile(r"[0-9a-z]{20,40}")


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One message as a provider would have received it."""

    id: str
    at: str
    sender: str
    to: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: list[str]


def keep(**fields: object) -> str:
    """Store a message and return its id."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d%H%M%S%f}{secrets.token_hex(3)}"
    mail = KeptMail(id=name, at=now.isoformat(timespec="seconds"), **fields)  # type: ignore[arg-type]
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)  # its links act for their readers
    partial = folder() / f".{name}"
    partial.write_text(json.dumps(asdict(mail)), "utf-8")
    partial.rename(folder() / f"{name}.json")
    return name


def newest() -> list[KeptMail]:
    """Return the stored messages, newest first, and delete those beyond KEPT."""
    files = sorted(folder().glob("*.json"), reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)
    return [read(file) for file in files[:KEPT]]


def find(name: str) -> KeptMail | None:
    file = folder() / f"{name}.json"
    return read(file) if NAME.fullmatch(name) and file.is_file() else None


def read(file: Path) -> KeptMail:
    return KeptMail(**json.loads(file.read_text("utf-8")))


def folder() -> Path:
    return Path(settings.MAILBOX_DIR)
