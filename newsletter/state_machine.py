"""State machines as one conditional UPDATE."""

from typing import Any, ClassVar

from django.db.models import Model, Q


class StatefulModel(Model):
    """A model whose `status` changes only along `MOVES`: status → the statuses it may be entered from."""

    MOVES: ClassVar[dict[Any, set[Any]]]
    status: Any

    class Meta:
        abstract = True

    def move_to(self, status: Any, only_if: Q | None = None, **changes: Any) -> bool:
        """Move the stored row to `status` and write `changes` with it; return False when it may not move.

        One conditional UPDATE, which also requires `only_if` of the row: of two rivals, one gets True.
        """
        conditions: dict[str, Any] = {"pk": self.pk, "status__in": self.MOVES[status]}
        rows = type(self)._default_manager.filter(only_if or Q(), **conditions)
        changes = {"status": status, **changes}
        if not rows.update(**changes):
            return False
        for name, value in changes.items():
            setattr(self, name, value)
        return True
