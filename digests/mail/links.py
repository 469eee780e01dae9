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
        return {
            "view_url": self.link("digests:view", Purpose.VIEW, delivery_id, epoch),
            "preferences_url": self.link("subscribers:preferences", Purpose.PREFERENCES, subscriber_id, epoch),
            "pause_url": self.link("subscribers:pause", Purpose.PAUSE, subscriber_id, epoch),
            "propose_url": self.link("digests:propose", Purpose.PROPOSE, subscriber_id, epoch),
            "vote_url": self.link("digests:vote", Purpose.VOTE, subscriber_id, epoch),
            "unsubscribe_url": self.link("subscribers:unsubscribe", Purpose.UNSUBSCRIBE, subscriber_id, epoch),
        }

    def link(self, view: str, purpose: Purpose, pk: int, epoch: int = 0) -> str:
        before, after = around_token(view, self.site_url)
        return before + tokens.sign(purpose, pk, epoch, secret=self.secret) + after


@cache
def around_token(view: str, site_url: str) -> tuple[str, str]:
    before, _, after = reverse(view, args=["~token~"]).partition("~token~")
    return site_url + before, after
