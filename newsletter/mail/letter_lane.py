"""Sends letters, the mail that a person waits for, at their own pace and through their own provider and stream."""

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
from newsletter.mail.refusal import Blame, read_refusal
from newsletter.mail.throttle import Pace, Turn, Wait

PATIENCE = timedelta(seconds=5)  # after a longer wait the sweep tries again
SHORT_WAITS = ("rate", "calls")  # these end soon by themselves
WHY = {
    "rate": "it is not its turn yet",
    "calls": "the largest number of calls is in flight",
    "pause": "the provider asked for a pause",
    "breaker": "the provider is failing, so sending rests",
    "day": "the day’s allowance is used up",
    "redis": "Redis does not answer, and it keeps the pace",
}


def wait_reason(wait: Wait) -> str:
    return f"Nothing is handed over now: {WHY[wait.why]}."


def count_nothing() -> int:
    return 0


class LetterTurn:
    """The right to send one letter; `leave` gives it back unused."""

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
        """Record the outcome of the call for the pace that all workers share.

        Strangers name the addresses of letters. So a refusal counts against the provider only where its words say
        that the fault is ours: whoever signs up with odd addresses must not stop the mail of all.
        """
        if outcome.code in provider_answer.NO_CALL_CODES:
            self.turn.unsent()
        elif outcome.code == "429":
            self.pace.pause(outcome.wait)
            self.turn.unsent()
        elif outcome.is_accepted or (outcome.is_refused and read_refusal(outcome.answer).blame is not Blame.US):
            self.turn.slow(seconds)
        else:
            self.turn.failed(outcome.reason, is_locked_out=outcome.is_locked_out)


@contextmanager
def take_turn(sent_today: Callable[[], int] = count_nothing) -> Iterator[LetterTurn]:
    """Take a turn for one letter, waiting up to PATIENCE; raise Wait where it takes longer.

    `sent_today` counts the mails that the provider was given on this day of UTC, digests included.
    """
    # Replayed days replay the pace, too.
    pace = Pace("letters", sent_today=sent_today, now=clock.milliseconds if clock.is_held() else None)
    with ExitStack() as stack:
        yield LetterTurn(pace, wait_for_turn(stack, pace))


def wait_for_turn(stack: ExitStack, pace: Pace) -> Turn:
    end = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            return stack.enter_context(pace.call(1))
        except Wait as exc:
            if exc.why not in SHORT_WAITS or time.monotonic() + exc.for_.total_seconds() > end:
                raise
            time.sleep(exc.for_.total_seconds())
