"""A mail server that relays nothing for us for a while: 554 5.7.1 Relay access denied."""

import time

from digests.models import Delivery
from newsletter.mail.throttle import Pace
from subscribers.models import Suppression
from tests.chaos import flow, told
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Ledger, is_finished
from tests.chaos.troubles import SHORT
from tests.outside import faults
from tests.outside.ledger import read
from tests.outside.provider import Provider

DENIED = faults.failing(554, at="rcpt", words="5.7.1 Relay access denied")


def run(deployment: Deployment, provider: Provider) -> int:
    """Send an issue to a server that denies it at first; return 1 if that was quiet, or if it cost a reader."""
    chaos = flow.Flow(deployment, provider, SHORT)
    chaos.assemble()
    provider.plan(DENIED)
    deployment.start()
    end = time.monotonic() + SHORT.most_seconds
    is_open = flow.wait_for(lambda: Pace("digests").state().is_open, end)
    told.show("Every mail is answered by “554 5.7.1 Relay access denied”.")
    home, notices = told.tell_home(), told.tell_notices()

    provider.plan()
    assert flow.wait_for(lambda: when_answering(is_finished), end), deployment.log[-2000:]
    told.show("The server relays again.")
    taken = Ledger(read(provider.ledger_path)).taken
    once = sum(count == 1 for count in taken.values())
    return told.judge(
        {
            "the breaker opened": is_open,
            "the home names the reason": "It says: “554 5.7.1 Relay access denied”" in home[0],
            "a notice told of it": "smtp fails, and mail waits" in notices,
            "nobody was suppressed": not Suppression.objects.exists(),
            "no reader was refused": not Delivery.objects.filter(status=Delivery.Status.REJECTED).exists(),
            "every reader was mailed once": once == SHORT.readers and max(taken.values()) == 1,
        }
    )
