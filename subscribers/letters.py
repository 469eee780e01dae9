"""Mail that a person waits for: composed and handed over one by one."""

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from newsletter import clock, mail
from subscribers import tokens
from subscribers.models import Letter, Subscriber, Suppression

# The page that the link of a letter leads to.
PAGES: dict[str, str] = {
    Letter.Kind.ADDRESS: "subscribers:address",
    Letter.Kind.EXPORT: "digests:data",
    Letter.Kind.ERASE: "digests:erase",
}


def waiting() -> list[int]:
    """Return the ids of letters that may be sent now, oldest first."""
    planned = Letter.objects.filter(status=Letter.Status.PLANNED)
    ready = planned.filter(Q(not_before=None) | Q(not_before__lte=clock.now()))
    return list(ready.order_by("pk").values_list("pk", flat=True)[:500])


def send(letter: Letter) -> None:
    """Hand one letter over to the provider; a rival's letter, a sent one and one that has to wait are left alone."""
    if letter.not_before and letter.not_before > clock.now():
        return
    if Suppression.holds(letter.recipient):
        letter.move_to(Letter.Status.SKIPPED, error="the address is suppressed")
        return
    token = tokens.random_token()
    if not letter.move_to(Letter.Status.SENDING, token_hash=tokens.hash_token(token)):
        return
    message = mail.compose(
        f"subscribers/mail/{letter.kind}",
        context(letter, token),
        letter.recipient,
        tag=letter.kind,
    )
    message.metadata = {"letter": str(letter.pk)}
    outcome = mail.hand_over(message)
    if outcome.is_accepted:
        letter.move_to(Letter.Status.SENT, sent_at=clock.now(), provider_id=outcome.provider_id)
    elif outcome.is_worth_repeating:
        letter.move_to(Letter.Status.PLANNED, not_before=clock.now() + outcome.wait, error=outcome.reason[:300])
    else:
        letter.move_to(Letter.Status.FAILED, error=outcome.reason[:300])


def context(letter: Letter, token: str) -> dict[str, object]:
    page = PAGES.get(letter.kind)
    return {
        "subscriber": letter.subscriber,
        "confirm_url": settings.SITE_URL + reverse("subscribers:confirm", args=[token]),
        "preferences_url": settings.SITE_URL + preferences_path(letter.subscriber),
        "link_url": settings.SITE_URL + reverse(page, args=[token]) if page else "",
        "sent_to": letter.address or letter.subscriber.email,
    }


def preferences_path(subscriber: Subscriber) -> str:
    token = tokens.sign(tokens.Purpose.PREFERENCES, subscriber.pk, subscriber.token_epoch)
    return reverse("subscribers:preferences", args=[token])


def pause_path(subscriber: Subscriber) -> str:
    token = tokens.sign(tokens.Purpose.PAUSE, subscriber.pk, subscriber.token_epoch)
    return reverse("subscribers:pause", args=[token])
