"""Checks before the start; each failure says in one sentence what to do."""

import socket
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from newsletter.runtime.embedded_servers import CannotStart


def check_port() -> None:
    host, port = settings.HOST, settings.PORT
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as exc:
        raise CannotStart(
            f"Cannot listen on port {port} of {host} ({exc}): stop what holds it, which may be Paper Round itself, "
            "or choose another port, as in `PORT=9000 make run`."
        ) from exc


def check_servers() -> None:
    """Raise CannotStart unless PostgreSQL and Redis answer where the settings say."""
    database = connection.settings_dict
    try:
        connection.ensure_connection()
    except OperationalError as exc:
        place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}/{database['NAME']}"
        raise CannotStart(_unreachable("PostgreSQL", place, exc, "DATABASE_URL")) from exc
    try:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.ping()
    except (redis.RedisError, ValueError) as exc:
        place = urlsplit(settings.REDIS_URL)._replace(query="").geturl().rpartition("@")[2]
        raise CannotStart(_unreachable("Redis", place, exc, "REDIS_URL")) from exc


def _unreachable(title: str, place: str, exc: Exception, variable: str) -> str:
    reason = " ".join(str(exc).split())
    return f"{title} does not answer at {place}: correct {variable}, or start the server. It says: {reason}"


def check_prepared() -> None:
    """Raise CannotStart while the tables or the collected files are not this version's."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CannotStart("The database is not migrated to this version: run `manage.py migrate` first.")
    if not settings.DEBUG and not (settings.STATIC_ROOT / "staticfiles.json").exists():
        raise CannotStart("The static files are not collected yet: run `manage.py collectstatic` first.")
