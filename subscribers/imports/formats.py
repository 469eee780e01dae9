"""What the files of others call things: their columns, and their words for a reader's state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What a file says of a reader; of several the later one here counts."""

    ACTIVE = "active"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"
    LEFT = "left"
    BLOCKED = "blocked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


SEVERITY = {state: place for place, state in enumerate(State)}
LEAVING = frozenset((State.LEFT, State.BLOCKED, State.BOUNCED, State.COMPLAINED))


class Deciding(NamedTuple):
    """A column that says something of the state: by its words, or by being filled at all."""

    names: tuple[str, ...]
    words: Mapping[str, State] = {}
    filled: State = State.UNKNOWN


class Format(NamedTuple):
    label: str
    addresses: tuple[str, ...]
    deciding: tuple[Deciding, ...]
    dates: tuple[Deciding, ...] = ()  # read only where none of the deciding columns is there
    topics: tuple[str, ...] = ("topics", "topic")
    has_labels: bool = False  # its topics column holds whatever labels the service had


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
            Deciding(("state", "status", "type"), PLAIN),
            # As our own export has it.
            Deciding(("suppressed",), words(bounced="bounce", complained="complaint", blocked="manual")),
        ),
    ),
    # https://listmonk.app/docs/: Subscribers, “Export”, whose lists are not named in it
    "listmonk": Format(
        "listmonk",
        ("email",),
        (
            Deciding(("status",), words(active="enabled", left="disabled", blocked="blocklisted")),
            Deciding(
                ("subscription_status",), words(active="confirmed", unconfirmed="unconfirmed", left="unsubscribed")
            ),
        ),
    ),
    # https://ghost.org/help/import-members/ names the columns of the members’ export
    "ghost": Format(
        "Ghost",
        ("email",),
        (Deciding(("subscribed_to_emails", "subscribed"), YES_NO), Deciding(("deleted_at",), filled=State.LEFT)),
        topics=("labels",),
        has_labels=True,
    ),
    # https://docs.buttondown.com/api-subscribers-type names the states
    "buttondown": Format(
        "Buttondown",
        ("email_address", "email"),
        (Deciding(("type", "subscriber_type", "status"), BUTTONDOWN),),
        dates=(
            Deciding(("unsubscription_date",), filled=State.LEFT),
            Deciding(("undeliverability_date",), filled=State.BOUNCED),
        ),
        topics=("tags",),
        has_labels=True,
    ),
}
