"""What is asked for an address, from the post to the letter: stored in one INSERT, answered by a worker.

All that depends on whose the address is happens behind the page, so that the page can give nothing of it away.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers.models import Topic
from subscribers.addresses.canonical import canonical_address
from subscribers.models import Letter, Preferences, SignupRequest, Subscriber, Suppression
from subscribers.subscription import link_requests, opt_in
from subscribers.subscription.disposable_domains import is_disposable

log = logging.getLogger(__name__)
Outcome, Wish = SignupRequest.Outcome, SignupRequest.Wish

BETWEEN_LETTERS = timedelta(days=1)
LETTERS_UNUSED, UNUSED_SINCE = 3, timedelta(days=7)
KEPT = timedelta(days=1)  # answered sign-ups: networks are counted by the hour
WHEN = ("frequency", "weekday", "send_time", "timezone")


def receive(email: str, choice: dict[str, Any], **origin: Any) -> SignupRequest | None:
    """Store what was asked; None where its proof of work was used before."""
    try:
        with transaction.atomic():
            return SignupRequest.objects.create(email=email, choice=choice, text_version=opt_in.CONSENT_TEXT, **origin)
    except IntegrityError:
        return None


@transaction.atomic
def answer(request_id: int) -> Letter | None:
    """Settle one request, and return the letter to send, if any; safe to repeat.

    While the breaker is open nothing is settled: a sweep comes back to it.
    """
    request = SignupRequest.objects.select_for_update(skip_locked=True).filter(pk=request_id, answered_at=None).first()
    if request is None:
        return None
    canonical = canonical_address(request.email)
    hold(canonical)
    # Who reads at a throw-away address all the same, by an import, may have a link.
    if request.wish != Wish.LINK and is_disposable(canonical):
        request.settle(Outcome.THROW_AWAY)
    elif Suppression.holds(canonical):
        request.settle(Outcome.SUPPRESSED)
    elif not is_crowded():
        return ANSWERS[Wish(request.wish)](request, canonical)
    return None


def hold(canonical: str) -> None:
    """Let two sign-ups of one address be answered one after the other, also where nobody has it yet."""
    advisory_locks.wait_in_transaction(Lock.SIGNUP, canonical)


def is_crowded() -> bool:
    """Say whether the breaker is open: as many letters as a minute may have were asked for in the last one."""
    since = clock.now() - timedelta(minutes=1)
    mailed = SignupRequest.objects.filter(answered_at__gt=since, outcome__in=SignupRequest.MAILED)
    most = settings.SIGNUP_CONFIRMATIONS_A_MINUTE
    return mailed[:most].count() >= most


def subscribe(request: SignupRequest, canonical: str) -> Letter | None:
    """Plan the letter that answers a sign-up; where one went out lately, only keep what was chosen."""
    reader = Subscriber.objects.filter(canonical=canonical).first()
    choice = dict(request.choice)
    schedule = {name: choice.pop(name) for name in WHEN}
    preferences = Preferences.objects.for_choice(topics_of(choice.pop("topics")), **choice)
    if reader is not None and not may_be_mailed(reader):
        opt_in.note(request.email, preferences, schedule)
        request.settle(Outcome.LIMITED)
        return None
    letter = opt_in.ask(request.email, preferences, schedule, request.ip, request.source, request.created_at)
    request.settle(Outcome.CONFIRM if letter.kind == Letter.Kind.CONFIRM else Outcome.SUBSCRIBED)
    return letter


def link(request: SignupRequest, canonical: str) -> Letter | None:
    return settled(request, link_requests.ask_for_link(canonical))


def move(request: SignupRequest, canonical: str) -> Letter | None:
    reader = Subscriber.objects.active().filter(pk=request.choice["reader"]).first()
    return settled(request, link_requests.ask_to_move(reader, canonical) if reader else None)


def settled(request: SignupRequest, letter: Letter | None) -> Letter | None:
    request.settle(Outcome.LINKED if letter else Outcome.UNKNOWN)
    return letter


ANSWERS = {Wish.SUBSCRIBE: subscribe, Wish.LINK: link, Wish.MOVE: move}


def topics_of(topic_ids: list[int]) -> set[Topic]:
    """Return the topics, or who took over their readers meanwhile."""
    chosen = Topic.objects.filter(pk__in=topic_ids).select_related("retired_into")
    return {topic.retired_into or topic for topic in chosen}


def may_be_mailed(reader: Subscriber) -> bool:
    """Say whether a sign-up may mail this reader again; a letter that was used shows that its reader wants them."""
    now = clock.now()
    is_active = reader.status == Subscriber.Status.ACTIVE
    kind = Letter.Kind.PREFERENCES if is_active else Letter.Kind.CONFIRM
    unused = reader.letters.filter(kind=kind, used_at=None).exclude(
        status__in=(Letter.Status.FAILED, Letter.Status.SKIPPED)
    )
    if unused.filter(created_at__gt=now - BETWEEN_LETTERS).exists():
        return False
    return is_active or unused.filter(created_at__gt=now - UNUSED_SINCE).count() < LETTERS_UNUSED


def waiting() -> list[int]:
    """Return the ids of sign-ups that may be answered now, oldest first."""
    if is_crowded():
        log.warning("Sign-ups and links wait: the breaker of SIGNUP_CONFIRMATIONS_A_MINUTE is open")
        return []
    unanswered = SignupRequest.objects.filter(answered_at=None)
    return list(unanswered.order_by("pk").values_list("pk", flat=True)[: settings.SIGNUP_CONFIRMATIONS_A_MINUTE])


def forget_answered() -> None:
    SignupRequest.objects.filter(answered_at__lt=clock.now() - KEPT).delete()
