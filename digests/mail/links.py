from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse

from subscribers import tokens
from subscribers.tokens import Purpose


def links(delivery_id: int, subscriber_id: int, epoch: int) -> dict[str, str]:
    return Linking(settings.SITE_URL, settings.SECRET_KEY).links(delivery_id, subscriber_id, epoch)


class Linking(NamedTuple):
    """What all links share."""

    site_url: str
    secret: str

    def links(self, delivery_id: int, subscriber_id: int, epoch: int) -> dict[str, str]:
        """Return what fills a reader's slots: derived from the delivery, so that it is the same at any time."""
        signed = tokens.sign_all(subscriber_id, epoch, secret=self.secret)
        view = tokens.sign_view(delivery_id, epoch, secret=self.secret)
        return {
            name: before + (signed[purpose] if purpose else view) + after
            for name, purpose, before, after in around_tokens(self.site_url)
        }


LINKS = (
    ("view_url", "digests:view", None),
    ("preferences_url", "subscribers:preferences", Purpose.PREFERENCES),
    ("pause_url", "subscribers:pause", Purpose.PAUSE),
    ("propose_url", "digests:propose", Purpose.PROPOSE),
    ("vote_url", "digests:vote", Purpose.VOTE),
    ("unsubscribe_url", "subscribers:unsubscribe", Purpose.UNSUBSCRIBE),
)


@cache
def around_tokens(site_url: str) -> list[tuple[str, Purpose | None, str, str]]:
    """Return for each slot its name, its token's purpose (None: to view the mail), and what is around the token."""
    return [(name, purpose, *around_token(view, site_url)) for name, view, purpose in LINKS]


def around_token(view: str, site_url: str) -> tuple[str, str]:
    before, _, after = reverse(view, args=["~token~"]).partition("~token~")
    return site_url + before, after
