"""Who did what to which row, with what stood there before and after."""

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
# An account; words for who has none, as in “the reader”; None for nobody known.
Actor = AbstractBaseUser | AnonymousUser | str | None
NOTHING: Values = MappingProxyType({})
CHUNK = 1000  # rows an INSERT or DELETE


def record(by: Actor, row: Model, act: str, before: Values = NOTHING, after: Values = NOTHING) -> None:
    """Note what `by` did to `row`: `act` in a verb's past ("dropped"), and the values that differ.

    The name of the row is kept, so that it can be read when the row is gone: pass nobody's address in it. A row whose
    `str` is private has an `audit_name`.
    """
    entry_of(by, row, act, before, after).save(force_insert=True)


def record_all(by: Actor, rows: Iterable[Model], act: str, before: Values = NOTHING, after: Values = NOTHING) -> None:
    """Note the same act done to many rows."""
    LogEntry.objects.bulk_create((entry_of(by, row, act, before, after) for row in rows), CHUNK)


def record_kind(by: Actor, kind: type[Model], act: str) -> None:
    """Note what was done to all rows of a kind, as when all readers are exported."""
    LogEntry.objects.create(
        **head_of(by, act), content_type=ContentType.objects.get_for_model(kind), object_pk="", object_repr="All"
    )


def entry_of(by: Actor, row: Model, act: str, before: Values, after: Values) -> LogEntry:
    names = [name for name in {**before, **after} if said(before.get(name)) != said(after.get(name))]
    return LogEntry(
        **head_of(by, act),
        content_type=ContentType.objects.get_for_model(row),
        object_pk=str(row.pk),
        object_id=row.pk if isinstance(row.pk, int) else None,
        object_repr=name_of(row),
        changes={name: [said(before.get(name)), said(after.get(name))] for name in names},
    )


def head_of(by: Actor, act: str) -> dict[str, Any]:
    named = {"by": by} if isinstance(by, str) else {}
    return {
        "timestamp": clock.now(),
        "action": LogEntry.Action.UPDATE,
        "actor_id": None if by is None or isinstance(by, str) else by.pk,
        "additional_data": {"act": act, **named},
    }


def name_of(row: Model) -> str:
    return str(getattr(row, "audit_name", row))


def said(value: Any) -> str:
    return "" if value is None else str(value)


def forget_old() -> int:
    """Delete what is older than AUDIT_KEPT_DAYS; return how many acts went. Safe to repeat and to kill."""
    limit = clock.now() - timedelta(days=settings.AUDIT_KEPT_DAYS)
    old = LogEntry.objects.filter(timestamp__lt=limit).order_by().values("pk")
    count = 0
    while gone := LogEntry.objects.filter(pk__in=old[:CHUNK])._raw_delete("default"):
        count += gone
    return count
