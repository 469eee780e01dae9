"""Hands over mail that a person waits for: at the letters' pace, through their provider and their stream."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import get_connection

from newsletter import clock
from newsletter.mail import message as mail
from newsletter.mail import provider_answer
from newsletter.mail.provider_answer import SendOutcome
from newsletter.mail.throttle import Pace, Turn, Wait

PATIENCE = timedelta(seconds=5)  # a longer wait is left to the sweep
SHORT = ("rate", "calls")  # waits that end by themselves and soon
WHY = {
    "rate": "it is not its turn yet",
    "calls": "as many calls as may be are under way",
    "pause": "the provider asked for a pause",
    "breaker": "the provider is failing, and is given a rest",
    "day": "what may be sent on one day is used up",
    "redis": "Redis is away, and nothing is sent without its pace",
}


def said_of(wait: Wait) -> str:
    return f"Nothing is handed over now: {WHY[wait.why]}."


def none_today() -> int:
    return 0


class LetterTurn:
    """The right to hand one mail over; `leave` gives it back unused."""

    def __init__(self, pace: Pace, turn: Turn) -> None:
        self.pace, self.turn = pace, turn

    def hand_over(self, message: AnymailMessage) -> SendOutcome:
        if settings.LETTERS_STREAM:
            message.esp_extra = {"MessageStream": settings.LETTERS_STREAM}
        mail.name_message(message, settings.EMAIL_LETTERS_PROVIDER)
        started = time.monotonic()
        outcome = mail.hand_over(message, get_connection(settings.EMAIL_LETTERS_BACKEND))
        self.tell(outcome, time.monotonic() - started)
        return outcome

    def leave(self) -> None:
        self.turn.unsent()

    def tell(self, outcome: SendOutcome, seconds: float) -> None:
        """Say how the call went, so that all workers keep the pace."""
        if outcome.code in provider_answer.CODES_WITHOUT_A_CALL:
            self.turn.unsent()
        elif outcome.code == "429":
            self.pace.pause(outcome.wait)
            self.turn.unsent()
        elif outcome.is_accepted or outcome.is_refused:
            self.turn.slow(seconds)
        else:
            self.turn.failed()


@contextmanager
def lane(sent_today: Callable[[], int] = none_today) -> Iterator[LetterTurn]:
    """Take a turn for one mail, after a short wait if need be; raise Wait where it has to wait longer.

    `sent_today` counts what the provider was given today, of digests too.
    """
    # Where days are replayed, so is the pace.
    pace = Pace("letters", sent_today=sent_today, now=clock.milliseconds if clock.is_held() else None)
    with ExitStack() as stack:
        yield LetterTurn(pace, take(stack, pace))


def take(stack: ExitStack, pace: Pace) -> Turn:
    end = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            return stack.enter_context(pace.call(1))
        except Wait as exc:
            if exc.why not in SHORT or time.monotonic() + exc.for_.total_seconds() > end:
                raise
            time.sleep(exc.for_.total_seconds())
