"""The providers that mail leaves by, and how each stands at this moment."""

from datetime import datetime
from typing import NamedTuple

from django.conf import settings

from digests.models import ProviderEvent
from digests.monitoring import system_checks
from digests.providers import provider_of
from digests.sending import sent_today
from newsletter.mail.throttle import Channel, Pace, RedisAway, State, limits_of


class WayOut(NamedTuple):
    """One provider in words: what leaves by it, how fast, how it fares and when it was last heard of."""

    what: str
    provider: str
    lane: str
    rate: str
    state: str
    is_fine: bool
    today: str
    heard: str


def ways_out() -> list[WayOut]:
    return [way_of("digests"), way_of("letters")]


def way_of(lane: Channel) -> WayOut:
    pace = Pace(lane, sent_today=sent_today.count_sent_today)
    state: State | None = None
    try:
        state = pace.state()
        words, is_fine = standing(state)
    except RedisAway:
        words, is_fine = "Redis is away: nothing is sent", False
    return WayOut(
        what="Digests" if lane == "digests" else "Letters: confirmations and links",
        provider=pace.provider,
        lane=lane_of(lane),
        rate=rate_of(lane),
        state=words,
        is_fine=is_fine,
        today=today(state),
        heard=heard(pace.provider),
    )


def standing(state: State) -> tuple[str, bool]:
    if state.is_open and state.since:
        return f"failing since {said(state.since)}: one call at a time tries whether it works again", False
    if state.paused_until:
        return f"asked for a pause until {said(state.paused_until)}", False
    return f"works, {state.calls_in_flight} calls under way", True


def lane_of(lane: Channel) -> str:
    if lane == "letters":
        return f"one by one{f', stream {settings.LETTERS_STREAM}' if settings.LETTERS_STREAM else ''}"
    with provider_of(settings) as provider:
        return f"{provider.lane} lane, up to {provider.most:,} a call"


def rate_of(lane: Channel) -> str:
    limits = limits_of(lane)
    rate = f"{limits.rate:g} messages a second" if limits.rate else "no limit of ours"
    return f"{rate}, {limits.calls_of_lane} calls at once"


def today(state: State | None) -> str:
    if state is None:
        return "not known"
    if state.left_today is None or state.sent_today is None:
        return "no daily cap"
    return f"{state.sent_today:,} sent, {state.left_today:,} left"


def heard(provider: str) -> str:
    """Say when the newest event came; there is one webhook, so it is of the one provider or of both."""
    if provider in system_checks.NO_WEBHOOKS:
        return "reports nothing"
    last = ProviderEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    return said(last) if last else "nothing yet"


def said(moment: datetime) -> str:
    return f"{moment:%-d %b %Y, %H:%M} UTC"
