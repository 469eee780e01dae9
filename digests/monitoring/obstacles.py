"""Finds what keeps digests from their readers now, most severe first: one answer for all pages, alerts and the log."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from digests.models import Assembly
from digests.models.delivery_state import IS_AHEAD
from digests.sending import refusal_brake, sent_today, switch
from newsletter import clock
from newsletter.mail.throttle import Channel, Pace, RedisAway, State, limits_of
from newsletter.number_text import pluralize

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST_LINE = 220  # characters
FEW_REACHED = 90  # percent of the mails owed; below, an issue has failed
TO_RELAY = "Compare the name and password in EMAIL_URL, and FROM_EMAIL, with what the mail server expects."
# What to do about a failing provider, by a part of the reason that the last call gave.
TO_DO = {
    "(401)": "Compare the key in the settings with the one that the provider shows, and start the workers anew.",
    "(402)": "Pay the provider's bill, or take a larger plan.",
    "(403)": "Look at your account at the provider: it may be suspended, or the key may not send.",
    "(404)": "Compare the sending domain in the settings with the one at the provider.",
    "our password": "Compare the name and password in EMAIL_URL with those that the mail server expects.",
    "send mail for us": TO_RELAY,
    "mail of ours": TO_RELAY,
    "our sender": "See that the domain of FROM_EMAIL is confirmed at the provider.",
    "refused": "Read its answer: something in every mail is not taken. `manage.py send_test` shows it for one mail.",
}
ELSE_TO_DO = "Look at the provider’s status page, and at your account there."


class Obstacle(NamedTuple):
    """What keeps digests back: what happened, in a line, and what that means and what to do, in sentences."""

    key: str
    headline: str
    text: str
    provider: str = ""  # that fails

    def __str__(self) -> str:
        return f"{self.headline} {self.text}"

    @property
    def label(self) -> str:
        """Return what stands at the top of every admin page, beside two buttons on a phone."""
        return "No digest is sent" if self.key in ("held", "paused", "redis") else "Trouble with sending"

    @property
    def line(self) -> str:
        """Return the headline and as many whole sentences as make a line or two, at least one."""
        first, *rest = self.text.split(". ")
        line = f"{self.headline} {first}"
        for sentence in rest:
            if len(line) + len(sentence) > LONGEST_LINE:
                break
            line += f". {sentence}"
        return line if line.endswith(".") else f"{line}."


def find_obstacles(*, is_brief: bool = False) -> list[Obstacle]:
    """Return what keeps digests from their readers, most severe first; none while all is well.

    In brief, nothing is said that takes a count of all readers who wait: every page of the admin asks.
    """
    permission = switch.current_permission()
    if not permission.is_allowed:
        return [Obstacle("held" if switch.is_held() else "paused", "No digest is sent.", permission.reason)]
    try:
        found = [*find_failing_providers(), *find_slow_pace(is_brief=is_brief)]
    except RedisAway:
        text = "Redis does not answer, and it keeps the pace. Everything waits: see that Redis runs at REDIS_URL."
        return [Obstacle("redis", "No digest is sent.", text)]
    return [*found, *find_refusals()]


def find_failing_providers() -> list[Obstacle]:
    """Return the providers whose breaker is open. Raise RedisAway."""
    lanes: dict[str, Channel] = {settings.EMAIL_LETTERS_PROVIDER: "letters", settings.EMAIL_PROVIDER: "digests"}
    found = []
    for provider, lane in sorted(lanes.items(), key=lambda item: item[1]):
        state = Pace(lane).state()
        if state.is_open and state.since:
            headline = failing_headline(provider, lane, state.since)
            found.append(Obstacle("breaker", headline, describe_failure(state), provider))
    return found


def failing_headline(provider: str, lane: Channel, since: datetime) -> str:
    what = "mail" if settings.EMAIL_LETTERS_PROVIDER == settings.EMAIL_PROVIDER else lane
    return f"{provider} has taken no {what} since {since:%H:%M} UTC."


def describe_failure(state: State) -> str:
    """Say why a provider fails, what that means and what to do."""
    reason = state.reason or "Call after call failed or took too long."
    return (
        f"{reason} {advise_on_failure(reason)} One call in {settings.SEND_BREAKER_SECONDS} seconds tries whether it "
        "works again; all else waits. Nothing is lost, but a digest that waits for "
        f"{pluralize(settings.DIGEST_LATEST // HOUR, 'hour')} is left out, and its papers come with the next."
    )


def advise_on_failure(reason: str) -> str:
    return next((words for part, words in TO_DO.items() if part in reason), ELSE_TO_DO)


def find_slow_pace(*, is_brief: bool = False) -> list[Obstacle]:
    """Return a pause that the provider asked for, and a daily cap that leaves readers waiting. Raise RedisAway."""
    state = Pace("digests", sent_today=sent_today.count_sent_today).state()
    if state.paused_until:
        until = f"{settings.EMAIL_PROVIDER} asked for a pause until {state.paused_until:%H:%M} UTC."
        return [
            Obstacle("throttled", "Digests wait.", f"{until} They leave then by themselves; nothing is to be done.")
        ]
    if state.left_today == 0 and (text := describe_cap_in_brief() if is_brief else describe_cap()):
        return [Obstacle("cap", "The daily cap leaves readers waiting.", text)]
    return []


# All that waits, and what of it still has its hour after a moment.
WAITING = f"""
SELECT coalesce(sum(waiting), 0), coalesce(sum(lasting), 0)
FROM digests_batch b, LATERAL (
  SELECT count(*) AS waiting, count(*) FILTER (WHERE expires_at >= %s) AS lasting
  FROM digests_delivery d WHERE d.batch_id = b.id AND {IS_AHEAD}
) counted
WHERE b.status NOT IN ('done', 'dropped')
"""


IS_ANY_WAITING = f"""
SELECT EXISTS (
  SELECT FROM digests_batch b JOIN digests_delivery d ON d.batch_id = b.id AND {IS_AHEAD}
  WHERE b.status NOT IN ('done', 'dropped')
)
"""


def describe_cap_in_brief() -> str:
    """Say that a used-up daily cap leaves readers waiting; empty if nobody waits."""
    with connection.cursor() as cursor:
        cursor.execute(IS_ANY_WAITING)
        (is_any,) = cursor.fetchone()
    said = "Today’s mails are used up; the next leave from 00:00 UTC on. “Sending” says how many wait, and until when."
    return said if is_any else ""


def describe_cap() -> str:
    """Say how many readers a used-up daily cap leaves waiting, and when they are served; empty if nobody waits."""
    midnight = datetime.combine(clock.today() + DAY, datetime.min.time(), clock.now().tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [midnight])
        waiting, lasting = map(int, cursor.fetchone())
    if not waiting:
        return ""
    served = min(lasting, allowance_on(midnight))
    late = waiting - served
    parts = [
        f"Today’s mails are used up, and {pluralize(waiting, 'reader still waits', 'readers still wait')}.",
        f"{served:,} will be served from 00:00 UTC on." if served else "",
        f"For {late:,} it will be too late by then: their papers come with their next digest." if late else "",
        "Raise SEND_DAILY_CAP or SEND_WARMUP if your provider allows more.",
    ]
    return " ".join(part for part in parts if part)


def allowance_on(day: datetime) -> int:
    """Return how many digests may leave on a day of UTC, by the cap and the plan of a new domain."""
    limits = limits_of("digests")
    step = None
    if limits.warmup and limits.warmup_from:
        at = max(0, (day.date() - limits.warmup_from).days)
        step = limits.warmup[at] if at < len(limits.warmup) else None
    caps = [cap for cap in (limits.cap or None, step) if cap]
    cap = min(caps, default=0)
    return cap - min(-int(-cap * limits.kept_share // 1), cap // 2) if caps else 2**31


def find_refusals() -> list[Obstacle]:
    """Return that more than a tenth of a day's mails were refused for faults of ours since sending was resumed."""
    since = refusal_brake.watched_since(DAY)
    summary = refusal_brake.summarize(since)
    due = Assembly.objects.filter(at__gte=clock.now() - DAY).aggregate(due=Sum("due"))["due"] or 0
    if summary is None or refusal_brake.count_readers(since) * 100 <= due * (100 - FEW_REACHED):
        return []
    headline = f"{pluralize(summary.mails, 'mail')} of the last day {'was' if summary.mails == 1 else 'were'} refused."
    return [Obstacle("refused", headline, summary.sentence)]
