"""Who did what to which row, with what stood there before and after."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from auditlog.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

Values = Mapping[str, Any]
NOTHING: Values = MappingProxyType({})


def record(
    by: AbstractBaseUser | AnonymousUser | None,
    row: Model,
    act: str,
    before: Values = NOTHING,
    after: Values = NOTHING,
) -> None:
    """Note what `by` did to `row`: `act` in a verb's past ("dropped"), and the values that differ.

    The name of the row is kept, so that it can be read when the row is gone: pass nobody's address in it.
    """
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    LogEntry.objects.log_create(
        row,
        force_log=True,
        action=LogEntry.Action.UPDATE,
        actor=by if by and by.is_authenticated else None,
        changes={name: [said(before.get(name)), said(after.get(name))] for name in names},
        additional_data={"act": act},
    )


def said(value: Any) -> str:
    return "" if value is None else str(value)
