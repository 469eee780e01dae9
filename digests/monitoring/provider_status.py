"""Describes the providers that send our mail, and their present state, for the page on sending."""

from datetime import datetime
from typing import NamedTuple

from django.conf import settings

from digests.models import ProviderEvent
from digests.monitoring import sending_time, system_checks
from digests.providers import provider_of
from digests.sending import sent_today
from newsletter.mail.throttle import Channel, Pace, RedisAway, State, limits_of


class ProviderStatus(NamedTuple):
    """One provider in words: what it sends, how fast, its state, and when its last event came."""

    what: str
    provider: str
    lane: str
    rate: str
    takes: str  # what an issue takes to send; of digests alone, and empty before the first one
    state: str
    is_fine: bool
    today: str
    heard: str


def provider_statuses() -> list[ProviderStatus]:
    return [status_of_lane("digests"), status_of_lane("letters")]


def status_of_lane(lane: Channel) -> ProviderStatus:
    pace = Pace(lane, sent_today=sent_today.count_sent_today)
    state: State | None = None
    try:
        state = pace.state()
        words, is_fine = describe_state(state)
    except RedisAway:
        words, is_fine = "Redis is away: nothing is sent", False
    return ProviderStatus(
        what="Digests" if lane == "digests" else "Letters: confirmations and links",
        provider=pace.provider,
        lane=describe_lane(lane),
        rate=describe_rate(lane),
        takes=describe_time() if lane == "digests" else "",
        state=words,
        is_fine=is_fine,
        today=describe_daily_cap(state),
        heard=describe_last_event(pace.provider),
    )


def describe_state(state: State) -> tuple[str, bool]:
    if state.is_open and state.since:
        reason = f" {state.reason}" if state.reason else ""
        return f"failing since {format_moment(state.since)}.{reason} One call at a time tries again.", False
    if state.paused_until:
        return f"asked for a pause until {format_moment(state.paused_until)}", False
    return f"answers, {state.calls_in_flight} calls under way", True


def describe_lane(lane: Channel) -> str:
    if lane == "letters":
        return f"one by one{f', stream {settings.LETTERS_STREAM}' if settings.LETTERS_STREAM else ''}"
    with provider_of(settings) as provider:
        return "one by one" if provider.most == 1 else f"up to {provider.most:,} mails a call"


def describe_rate(lane: Channel) -> str:
    limits = limits_of(lane)
    rate = f"{limits.rate:g} messages a second" if limits.rate else "no limit of ours"
    a_minute = f"{limits.calls_a_minute:g} calls a minute, " if limits.calls_a_minute else ""
    return f"{rate}, {a_minute}{limits.calls_of_lane} calls at once"


def describe_time() -> str:
    time = sending_time.estimate_sending_time()
    return time.words() if time else ""


def describe_daily_cap(state: State | None) -> str:
    if state is None:
        return "not known"
    if state.left_today is None or state.sent_today is None:
        return "no daily cap"
    return f"{state.sent_today:,} sent, {state.left_today:,} left"


def describe_last_event(provider: str) -> str:
    """Return when the newest event came. All providers share one webhook, so it may be another provider's."""
    if provider in system_checks.NO_WEBHOOKS and not settings.BOUNCE_MAILBOX:
        return "reports nothing"
    last = ProviderEvent.objects.order_by("-received_at").values_list("received_at", flat=True).first()
    return format_moment(last) if last else "nothing yet"


def format_moment(moment: datetime) -> str:
    return f"{moment:%-d %b %Y, %H:%M} UTC"
