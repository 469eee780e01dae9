"""Markers outside the database of the newest epoch it reached: in a file in VAR_DIR and in Redis.

A database behind its own marker was restored from a backup.
"""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
PREFIX = "paper-round:epoch:"


def read(lineage: str) -> int | None:
    """Return the newest epoch any marker holds for a lineage, None where no marker knows it."""
    known = [_read_file().get(lineage), _read_redis(lineage)]
    return max((epoch for epoch in known if epoch is not None), default=None)


def write(epochs: dict[str, int]) -> None:
    """Write epochs, by lineage, to all markers; one that cannot be written now is written by the next call."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(_read_file() | epochs))
        fresh.replace(path)
    except OSError as exc:
        logger.warning("Cannot write the database marker to VAR_DIR: %s", exc)
    with suppress(redis.RedisError), redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        client.mset({PREFIX + lineage: epoch for lineage, epoch in epochs.items()})


def _path() -> Path:
    return Path(settings.VAR_DIR) / "sending.json"


def _read_file() -> dict[str, int]:
    try:
        epochs = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return epochs if isinstance(epochs, dict) else {}


def _read_redis(lineage: str) -> int | None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            epoch = client.get(PREFIX + lineage)
    except redis.RedisError:
        return None
    return int(epoch) if isinstance(epoch, bytes) and epoch.isdigit() else None
