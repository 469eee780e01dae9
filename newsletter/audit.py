"""The audit log (django-auditlog): who did what to which row, with the values before and after."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from auditlog.models import LogEntry
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from newsletter import clock

Values = Mapping[str, Any]
# An account, words for an actor without one (“the reader”), or None where the actor is unknown.
Actor = AbstractBaseUser | AnonymousUser | str | None
NOTHING: Values = MappingProxyType({})
CHUNK = 1000  # rows per INSERT or DELETE


def record(by: Actor, row: Model, act: str, before: Values = NOTHING, after: Values = NOTHING) -> None:
    """Record what `by` did to `row`: `act` is a verb in the past tense ("dropped"); equal values are left out.

    The row's name is stored and outlives the row, so it must hold no address: a model whose `str` is private has an
    `audit_name`.
    """
    entry_of(by, row, act, before, after).save(force_insert=True)


def record_all(by: Actor, rows: Iterable[Model], act: str, before: Values = NOTHING, after: Values = NOTHING) -> None:
    """Record one act done to many rows."""
    LogEntry.objects.bulk_create((entry_of(by, row, act, before, after) for row in rows), CHUNK)


def record_kind(by: Actor, kind: type[Model], act: str) -> None:
    """Record an act done to all rows of a model, such as an export of all readers."""
    LogEntry.objects.create(
        **actor_columns(by, act), content_type=ContentType.objects.get_for_model(kind), object_pk="", object_repr="All"
    )


def entry_of(by: Actor, row: Model, act: str, before: Values, after: Values) -> LogEntry:
    names = [name for name in {**before, **after} if as_text(before.get(name)) != as_text(after.get(name))]
    return LogEntry(
        **actor_columns(by, act),
        content_type=ContentType.objects.get_for_model(row),
        object_pk=str(row.pk),
        object_id=row.pk if isinstance(row.pk, int) else None,
        object_repr=name_of(row),
        changes={name: [as_text(before.get(name)), as_text(after.get(name))] for name in names},
    )


def actor_columns(by: Actor, act: str) -> dict[str, Any]:
    named = {"by": by} if isinstance(by, str) else {}
    return {
        "timestamp": clock.now(),
        "action": LogEntry.Action.UPDATE,
        "actor_id": None if by is None or isinstance(by, str) else by.pk,
        "additional_data": {"act": act, **named},
    }


def name_of(row: Model) -> str:
    return str(getattr(row, "audit_name", row))


def as_text(value: Any) -> str:
    return "" if value is None else str(value)


def delete_expired() -> int:
    """Delete entries older than AUDIT_KEPT_DAYS; return their number. Safe to repeat and to kill."""
    limit = clock.now() - timedelta(days=settings.AUDIT_KEPT_DAYS)
    old = LogEntry.objects.filter(timestamp__lt=limit).order_by().values("pk")
    count = 0
    while deleted := LogEntry.objects.filter(pk__in=old[:CHUNK])._raw_delete("default"):
        count += deleted
    return count
