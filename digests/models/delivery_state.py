"""Where a delivery stands, as SQL over a delivery `d` and its batch `b`, and as a Q.

A delivery without a status of its own has the state of its call: sent behind the batch's position, in flight in the
calls opened from there on, planned ahead of these. ABANDONED is an uncertain delivery that expired, which may have
left, unless a person settled it: then it did not.
"""

from django.db.models import F, OuterRef, Q

from digests.models.delivery import Batch, Delivery

Status = Delivery.Status

# What is counted in the open: the delivery's own status, else 'sent' or 'planned', which includes calls in flight.
STATE = "CASE WHEN d.status IS NOT NULL THEN d.status WHEN d.call_no < b.position THEN 'sent' ELSE 'planned' END"

IS_SENT = "(d.status = 'sent' OR d.status IS NULL AND d.call_no < b.position)"
IS_AHEAD = "(d.status IS NULL AND d.call_no >= b.position)"  # planned or in flight: not yet answered
IS_IN_FLIGHT = f"({IS_AHEAD} AND d.call_no < b.position + b.open_calls)"
IS_PLANNED = f"({IS_AHEAD} AND d.call_no >= b.position + b.open_calls)"
# Nobody knows, or will know, whether it left.
IS_UNKNOWN = "(d.status = 'uncertain' OR d.status = 'abandoned' AND d.settled_by IS NULL)"
# Needs no batch. Everything else was sent, may have been sent or is about to be.
NEVER_LEFT = (
    "(coalesce(d.status, '') IN ('skipped', 'rejected')"
    " OR coalesce(d.status, '') = 'abandoned' AND d.settled_by IS NOT NULL)"
)
# Its reader did not get it: it never left, or the receiver refused it for a fault of ours. Its papers come again.
NEVER_ARRIVED = f"({NEVER_LEFT} OR d.refused_at IS NOT NULL AND d.delivered_at IS NULL)"
# Its papers may come again, since nobody will know of an abandoned one whether it arrived.
IS_GIVEN_BACK = f"({NEVER_ARRIVED} OR coalesce(d.status, '') = 'abandoned')"

# The provider answered for it: the base of a rate of bounces, since a refused address counts as one that bounced.
IS_ANSWERED = f"({IS_SENT} OR d.status = 'rejected')"
# The provider or the recipient's server may have seen it, and no call is in flight.
IS_CONTACTED = f"({IS_ANSWERED} OR {IS_UNKNOWN})"
# The provider may count it.
MAY_HAVE_LEFT = f"({IS_SENT} OR {IS_IN_FLIGHT} OR {IS_UNKNOWN})"


def is_unknown() -> Q:
    return Q(status=Status.UNCERTAIN) | Q(status=Status.ABANDONED, settled_by=None)


def never_left() -> Q:
    by_hand = Q(status=Status.ABANDONED) & ~Q(settled_by=None)
    return Q(status__in=(Status.SKIPPED, Status.REJECTED)) | by_hand


def never_arrived() -> Q:
    return never_left() | Q(refused_at__isnull=False, delivered_at=None)


def is_given_back() -> Q:
    return never_arrived() | Q(status=Status.ABANDONED)


def is_ahead_of(batch: Batch | OuterRef, position: int | F | OuterRef) -> Q:
    """Keep the deliveries of `batch` in calls from `position` on that have no status of their own."""
    return Q(batch=batch, call_no__gte=position, status=None)
