"""When a reader who confirms now gets the first digest, as far as it can be known."""

from enum import StrEnum

from digests.selection import spans
from digests.sending import switch
from newsletter import clock


class FirstDigest(StrEnum):
    NOW = "now"
    STOPPED = "stopped"  # sending is paused, or held: it comes when sending goes on
    NO_ISSUE = "no issue"  # nothing is out to send: it comes at a regular hour


def first_digest() -> FirstDigest:
    if not switch.current_permission().is_allowed:
        return FirstDigest.STOPPED
    return FirstDigest.NOW if spans.issues_at(clock.now()) else FirstDigest.NO_ISSUE
