"""Requests of strangers for mail to an address: the page stores them with one INSERT, a worker answers them.

Only the worker looks the address up, so neither the page nor its timing reveals whether the address is subscribed.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.lookups import IsNull

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.papers.models import Topic
from subscribers.addresses.canonical import canonical_address
from subscribers.models import Letter, Preferences, SignupRequest, Subscriber, Suppression
from subscribers.subscription import link_requests, opt_in
from subscribers.subscription.disposable_domains import is_disposable

log = logging.getLogger(__name__)
Outcome, Kind = SignupRequest.Outcome, SignupRequest.Kind

BETWEEN_LETTERS = timedelta(days=1)
LETTERS_UNUSED, UNUSED_SINCE = 3, timedelta(days=7)
ANSWERED_KEPT = timedelta(days=1)  # longer than the hour for which requests of a network are counted
SCHEDULE = ("frequency", "weekday", "send_time", "timezone")


@transaction.atomic
def store_request(kind: SignupRequest.Kind, email: str, choice: dict[str, Any], **origin: Any) -> SignupRequest | None:
    """Store a request; return None if its proof of work was used before."""
    # Asked under a lock: a failing INSERT would write the address into PostgreSQL's log.
    if (proof := origin.get("proof")) is not None:
        advisory_locks.wait_in_transaction(Lock.PROOF, proof)
        if SignupRequest.objects.filter(proof=proof).exists():
            return None
    return SignupRequest.objects.create(
        wish=kind, email=email, choice=choice, text_version=opt_in.CONSENT_TEXT, **origin
    )


@transaction.atomic
def answer(request_id: int) -> Letter | None:
    """Answer one request; return the letter to send, if any. Safe to repeat.

    While the circuit breaker is open, the request stays unanswered until a later sweep.
    """
    request = SignupRequest.objects.select_for_update(skip_locked=True).filter(pk=request_id, answered_at=None).first()
    if request is None:
        return None
    canonical = canonical_address(request.email)
    lock_address(canonical)
    # Imported readers may have a disposable address; they still get their links.
    if request.wish != Kind.LINK and is_disposable(canonical):
        request.settle(Outcome.THROW_AWAY)
    elif Suppression.holds(canonical):
        request.settle(Outcome.SUPPRESSED)
    elif not is_breaker_open() and not is_overtaken(request):
        return ANSWERS[Kind(request.wish)](request, canonical)
    return None


def lock_address(canonical: str) -> None:
    """Lock an address until the transaction ends, whether or not a reader has it."""
    advisory_locks.wait_in_transaction(Lock.SIGNUP, canonical)


def is_breaker_open() -> bool:
    """Return True if the last minute's answers reached SIGNUP_CONFIRMATIONS_A_MINUTE letters."""
    since = clock.now() - timedelta(minutes=1)
    mailed = SignupRequest.objects.filter(answered_at__gt=since, outcome__in=SignupRequest.MAILED)
    most = settings.SIGNUP_CONFIRMATIONS_A_MINUTE
    return mailed[:most].count() >= most


def is_rate_reached() -> bool:
    """Return True if SIGNUP_CONFIRMATIONS_A_MINUTE requests wait, or were answered in the last minute."""
    most = settings.SIGNUP_CONFIRMATIONS_A_MINUTE
    waiting = SignupRequest.objects.filter(answered_at=None)[:most].count()
    answered = SignupRequest.objects.filter(answered_at__gt=clock.now() - timedelta(minutes=1))
    return waiting + answered[: most - waiting].count() >= most


def is_overtaken(request: SignupRequest) -> bool:
    """Return True if a request without a proof of work has to wait for requests with one."""
    return request.proof is None and SignupRequest.objects.filter(answered_at=None).exclude(proof=None).exists()


def answer_subscribe(request: SignupRequest, canonical: str) -> Letter | None:
    """Plan the letter that answers a sign-up; if one was sent recently, only store the choice."""
    reader = Subscriber.objects.filter(canonical=canonical).first()
    choice = dict(request.choice)
    schedule = {name: choice.pop(name) for name in SCHEDULE}
    preferences = Preferences.objects.for_choice(topics_of(choice.pop("topics")), **choice)
    if reader is not None and has_left_since(reader, request):
        request.settle(Outcome.LEFT)
        return None
    if reader is not None and not may_be_mailed(reader):
        opt_in.store_choice(request.email, preferences, schedule)
        request.settle(Outcome.LIMITED)
        return None
    letter = opt_in.sign_up(request.email, preferences, schedule, request.ip, request.source, request.created_at)
    request.settle(Outcome.CONFIRM if letter.kind == Letter.Kind.CONFIRM else Outcome.SUBSCRIBED)
    return letter


def answer_link(request: SignupRequest, canonical: str) -> Letter | None:
    return settle_link(request, link_requests.plan_link_letter(canonical))


def answer_move(request: SignupRequest, canonical: str) -> Letter | None:
    reader = Subscriber.objects.active().filter(pk=request.choice["reader"]).first()
    return settle_link(request, link_requests.plan_move_letter(reader, canonical) if reader else None)


def settle_link(request: SignupRequest, letter: Letter | None) -> Letter | None:
    request.settle(Outcome.LINKED if letter else Outcome.UNKNOWN)
    return letter


ANSWERS = {Kind.SUBSCRIBE: answer_subscribe, Kind.LINK: answer_link, Kind.MOVE: answer_move}


def topics_of(topic_ids: list[int]) -> set[Topic]:
    """Return the topics, each replaced by its successor if it was retired meanwhile."""
    chosen = Topic.objects.filter(pk__in=topic_ids).select_related("retired_into")
    return {topic.retired_into or topic for topic in chosen}


def has_left_since(reader: Subscriber, request: SignupRequest) -> bool:
    """Return True if the reader unsubscribed after the request was made."""
    return reader.unsubscribed_at is not None and reader.unsubscribed_at > request.created_at


def may_be_mailed(reader: Subscriber) -> bool:
    """Return True if a sign-up may mail this reader; letters whose link was used do not count against it."""
    now = clock.now()
    is_active = reader.status == Subscriber.Status.ACTIVE
    kind = Letter.Kind.PREFERENCES if is_active else Letter.Kind.CONFIRM
    unused = reader.letters.filter(kind=kind, used_at=None).exclude(
        status__in=(Letter.Status.FAILED, Letter.Status.SKIPPED)
    )
    if unused.filter(created_at__gt=now - BETWEEN_LETTERS).exists():
        return False
    return is_active or unused.filter(created_at__gt=now - UNUSED_SINCE).count() < LETTERS_UNUSED


def unanswered_ids() -> list[int]:
    """Return the ids of requests that may be answered now: those with a proof of work first, then the oldest."""
    if is_breaker_open():
        log.warning("Sign-ups and link requests wait: SIGNUP_CONFIRMATIONS_A_MINUTE is reached")
        return []
    unanswered = SignupRequest.objects.filter(answered_at=None)
    in_turn = unanswered.order_by(IsNull(F("proof"), True), "pk")
    return list(in_turn.values_list("pk", flat=True)[: settings.SIGNUP_CONFIRMATIONS_A_MINUTE])


def delete_answered() -> None:
    SignupRequest.objects.filter(answered_at__lt=clock.now() - ANSWERED_KEPT).delete()
