"""File formats of other newsletter services: their column names and their words for a reader's state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """A reader's state in a file, in order of severity; if columns disagree, the most severe counts."""

    ACTIVE = "active"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"
    LEFT = "left"
    BLOCKED = "blocked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


SEVERITY = {state: place for place, state in enumerate(State)}
DO_NOT_MAIL = frozenset((State.LEFT, State.BLOCKED, State.BOUNCED, State.COMPLAINED))


class StateColumn(NamedTuple):
    """A column that determines the state: by its words, or (`filled`) by any other non-empty cell."""

    names: tuple[str, ...]
    words: Mapping[str, State] = {}
    filled: State = State.UNKNOWN


class Format(NamedTuple):
    label: str
    addresses: tuple[str, ...]
    states: tuple[StateColumn, ...]
    dates: tuple[StateColumn, ...] = ()  # used only if the file has none of the `states` columns
    topics: tuple[str, ...] = ("topics", "topic")
    has_labels: bool = False  # its topics column holds arbitrary labels, so unknown ones are not reported


def words(**states: str) -> dict[str, State]:
    return {word: State(state) for state, text in states.items() for word in text.split(" ")}


PLAIN = words(
    active="active subscribed enabled confirmed regular yes true 1",
    unconfirmed="pending unconfirmed unactivated",
    left="unsubscribed left inactive disabled removed no false 0",
    blocked="blocked blocklisted suppressed manual",
    bounced="bounced bounce undeliverable cleaned",
    complained="complained complaint spam",
)
YES_NO = words(active="true 1 yes", left="false 0 no")
BUTTONDOWN = words(
    active="regular premium trialed unpaid gifted churning churned paused past_due",
    unconfirmed="unactivated upcoming",
    left="unsubscribed removed disabled",
    blocked="blocked spammy",
    bounced="undeliverable malformed",
    complained="complained",
)

FORMATS = {
    "csv": Format(
        "CSV",
        ("email", "email_address", "e_mail", "address", "mail"),
        (
            StateColumn(("state", "status", "type"), PLAIN),
            # The column of our own export.
            StateColumn(("suppressed",), words(bounced="bounce", complained="complaint", blocked="manual")),
        ),
    ),
    # https://listmonk.app/docs/: Subscribers, “Export”; the export does not name the lists
    "listmonk": Format(
        "listmonk",
        ("email",),
        (
            StateColumn(("status",), words(active="enabled", left="disabled", blocked="blocklisted")),
            StateColumn(
                ("subscription_status",), words(active="confirmed", unconfirmed="unconfirmed", left="unsubscribed")
            ),
        ),
    ),
    # https://ghost.org/help/import-members/ lists the columns of the members’ export
    "ghost": Format(
        "Ghost",
        ("email",),
        (StateColumn(("subscribed_to_emails", "subscribed"), YES_NO), StateColumn(("deleted_at",), filled=State.LEFT)),
        topics=("labels",),
        has_labels=True,
    ),
    # https://docs.buttondown.com/api-subscribers-type lists the states
    "buttondown": Format(
        "Buttondown",
        ("email_address", "email"),
        (StateColumn(("type", "subscriber_type", "status"), BUTTONDOWN),),
        dates=(
            StateColumn(("unsubscription_date",), filled=State.LEFT),
            StateColumn(("undeliverability_date",), filled=State.BOUNCED),
        ),
        topics=("tags",),
        has_labels=True,
    ),
}
