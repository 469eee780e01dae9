"""Markers outside the database, in a file in VAR_DIR and in Redis: which database is at work, and its newest epoch.

A dump holds no marker. So a database behind its marker was restored from a backup, one that stands elsewhere than its
marker says was copied, and one that no marker knows meets this installation for the first time.
"""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
PREFIX = "paper-round:epoch:"


class Marker(NamedTuple):
    epoch: int
    place: str  # the database server and the database, see `switch`; empty where it was not yet recorded


def read(lineage: str) -> list[Marker]:
    """Return what the markers of a lineage hold, at most one a place; an empty list where none knows it."""
    found = [_read_file().get(lineage), _read_redis(lineage)]
    return [marker for value in found if (marker := _parse(value))]


def write(markers: dict[str, Marker]) -> None:
    """Write markers, by lineage, to both places; one that cannot be written now is written by the next call."""
    values = {lineage: marker._asdict() for lineage, marker in markers.items()}
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(_read_file() | values))
        fresh.replace(path)
    except OSError as exc:
        logger.warning("Cannot write the database marker to VAR_DIR: %s", exc)
    with suppress(redis.RedisError), redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        client.mset({PREFIX + lineage: json.dumps(value) for lineage, value in values.items()})


def _parse(value: object) -> Marker | None:
    """Read a marker; a bare number is one that was written before places were recorded."""
    match value:
        case int(epoch) | {"epoch": int(epoch), "place": ""}:
            return Marker(epoch, "")
        case {"epoch": int(epoch), "place": str(place)}:
            return Marker(epoch, place)
    return None


def _path() -> Path:
    return Path(settings.VAR_DIR) / "sending.json"


def _read_file() -> dict[str, object]:
    try:
        markers = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return markers if isinstance(markers, dict) else {}


def _read_redis(lineage: str) -> object:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            return json.loads(client.get(PREFIX + lineage) or b"null")
    except (redis.RedisError, ValueError):
        return None
