"""Send letters (mail that a person is waiting for), one by one."""

from collections.abc import Callable
from datetime import timedelta

from anymail.message import AnymailMessage
from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from newsletter import clock
from newsletter.mail import letter_lane, provider_answer
from newsletter.mail import message as mail
from newsletter.mail.return_address import Purpose, return_addresses
from newsletter.mail.throttle import Wait
from subscribers import tokens
from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, Subscriber, Suppression
from subscribers.subscription import opt_in

Status = Letter.Status
LOST_AFTER = timedelta(minutes=5)  # much longer than a provider call can take
# The URL name of the page that a letter's link opens.
PAGES: dict[str, str] = {
    Letter.Kind.ADDRESS: "subscribers:address",
    Letter.Kind.EXPORT: "digests:data",
    Letter.Kind.ERASE: "digests:erase",
}
# Letters to addresses that nobody has confirmed: their recipients can stop them.
REFUSABLE = (Letter.Kind.CONFIRM, Letter.Kind.ADDRESS)
VANISHED = "The worker disappeared while sending this letter. It may have arrived, so it is not sent again."


def sweep() -> list[int]:
    """Fail letters whose worker disappeared; return the ids of letters that may be sent now. Safe to repeat."""
    lost = Letter.objects.filter(status=Status.SENDING).exclude(sending_at__gte=clock.now() - LOST_AFTER)
    for letter in lost:
        letter.move_to(Status.FAILED, Q(sending_at=letter.sending_at), error=VANISHED)
    return due_letter_ids()


def due_letter_ids() -> list[int]:
    """Return the ids of letters that may be sent now, oldest first."""
    planned = Letter.objects.filter(status=Status.PLANNED)
    ready = planned.filter(Q(not_before=None) | Q(not_before__lte=clock.now()))
    return list(ready.order_by("pk").values_list("pk", flat=True)[:500])


def never_held() -> bool:
    return False


def send(
    letter: Letter,
    is_held: Callable[[], bool] = never_held,
    sent_today: Callable[[], int] = letter_lane.count_nothing,
) -> None:
    """Send one letter, or postpone it. Does nothing if another worker has claimed or sent it.

    `is_held` returns True while this database may be a copy; then nothing is sent. `sent_today` returns
    the number of mails handed to the provider today, for its daily limit.
    """
    if not is_ready(letter) or is_held():
        return
    if reason := skip_reason(letter):
        letter.move_to(Status.SKIPPED, error=reason)
        return
    token = tokens.random_token()
    message = message_of(letter, token)
    try:
        with letter_lane.take_turn(sent_today) as lane:
            hand_over(letter, token, message, lane)
    except Wait as exc:
        wait_for(letter, exc)


def is_ready(letter: Letter) -> bool:
    return letter.status == Status.PLANNED and (letter.not_before is None or letter.not_before <= clock.now())


def skip_reason(letter: Letter) -> str:
    """Return why a letter must not be sent any more; an empty string if it may."""
    if Suppression.holds(letter.recipient):
        return "the address is suppressed"
    if letter.used_at is not None:
        return "its link was cancelled before it was sent"
    if opt_in.is_expired(letter):
        return "it was requested too long ago"
    return ""


def message_of(letter: Letter, token: str) -> AnymailMessage:
    folder, to = f"subscribers/mail/{letter.kind}", letter.recipient
    headers = refusal_headers(letter) if letter.kind in REFUSABLE else None
    message = mail.compose(folder, mail_context(letter, token), to, tag=letter.kind, headers=headers)
    message.metadata = {"letter": str(letter.pk)}
    if settings.EMAIL_LETTERS_PROVIDER == "smtp" and (returns := return_addresses()):
        mail.return_to(message, returns.sign(Purpose.LETTER, letter.pk, hash_address(to)))
    return message


def refusal_headers(letter: Letter) -> dict[str, str]:
    """Return the headers by which mail programs offer to stop such letters (RFC 8058)."""
    return {"List-Unsubscribe": f"<{not_me_url(letter)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def not_me_url(letter: Letter) -> str:
    address = tokens.LetterAddress(letter.subscriber_id, hash_address(letter.recipient))
    return settings.SITE_URL + reverse("subscribers:not_me", args=[tokens.sign_address(address)])


def hand_over(letter: Letter, token: str, message: AnymailMessage, lane: letter_lane.LetterTurn) -> None:
    """Claim the letter, call the provider and record the outcome. After an unclear outcome it is not resent."""
    claim = {"sending_at": clock.now(), "token_hash": tokens.hash_token(token)}
    if not letter.move_to(Status.SENDING, Q(used_at=None), **claim):
        lane.leave()
        return
    outcome = lane.hand_over(message)
    if outcome.is_accepted:
        letter.move_to(Status.SENT, sent_at=clock.now(), provider_id=outcome.provider_id, error="")
    elif outcome.is_worth_repeating:
        letter.move_to(
            Status.PLANNED,
            Q(status=Status.SENDING, sending_at=letter.sending_at),
            not_before=clock.now() + outcome.wait,
            error=outcome.reason[:300],
        )
    else:
        letter.move_to(Status.FAILED, error=outcome.reason[:300])


def wait_for(letter: Letter, wait: Wait) -> None:
    """Record why an unclaimed letter has to wait, and when to try again."""
    not_before = clock.now() + min(wait.for_, provider_answer.LONGEST_WAIT)
    letter.move_to(Status.PLANNED, Q(status=Status.PLANNED), not_before=not_before, error=letter_lane.WHY[wait.why])


def mail_context(letter: Letter, token: str) -> dict[str, object]:
    page = PAGES.get(letter.kind)
    return {
        "subscriber": letter.subscriber,
        "confirm_url": settings.SITE_URL + reverse("subscribers:confirm", args=[token]),
        "preferences_url": settings.SITE_URL + preferences_path(letter.subscriber),
        "link_url": settings.SITE_URL + reverse(page, args=[token]) if page else "",
        "not_me_url": not_me_url(letter),
        "sent_to": letter.address or letter.subscriber.email,
    }


def preferences_path(subscriber: Subscriber) -> str:
    token = tokens.sign(tokens.Purpose.PREFERENCES, subscriber.pk, subscriber.token_epoch)
    return reverse("subscribers:preferences", args=[token])
