"""The provider refuses every call with HTTP 400 for a while."""

import time

from digests.models import Delivery
from digests.sending import switch
from subscribers.models import Subscriber, Suppression
from tests.chaos import flow, told
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Ledger, is_finished
from tests.chaos.troubles import SHORT
from tests.outside import faults
from tests.outside.ledger import read
from tests.outside.provider import Provider

MOST_REJECTED = 100  # readers: ten calls of each worker that had begun, and twenty that pause sending


def run(deployment: Deployment, provider: Provider) -> int:
    """Send an issue that is refused at first; return 1 if that was quiet, or cost more readers than it had to."""
    chaos = flow.Flow(deployment, provider, SHORT)
    chaos.assemble()
    provider.plan(faults.failing(400))
    deployment.start()
    end = time.monotonic() + SHORT.most_seconds
    is_paused = flow.wait_for(lambda: when_answering(switch.is_paused), end)
    told.show("Every call is answered by 400.")
    home, notices = told.tell_home(), told.tell_notices()

    provider.plan()
    switch.resume("the operator")
    assert flow.wait_for(lambda: when_answering(is_finished), end), deployment.log[-2000:]
    told.show("The provider takes mail again, and sending is resumed.")
    taken = Ledger(read(provider.ledger_path)).taken
    rejected = Delivery.objects.filter(status=Delivery.Status.REJECTED)
    given_back = Subscriber.objects.filter(pk__in=rejected.values("subscriber"), covered_through=None).count()
    print(f"{len(taken):,} readers were mailed, {rejected.count():,} refused.")
    return told.judge(
        {
            "sending paused itself": is_paused,
            "the home says so first": home[0].startswith("No digest is sent. mailgun refuses your mail"),
            "a notice told of it": "sending has paused itself" in notices,
            "few readers were refused": 0 < rejected.count() <= MOST_REJECTED,
            "they get the papers with their next digest": given_back == rejected.count(),
            "nobody was suppressed": not Suppression.objects.exists(),
            "all others were mailed once": len(taken) - list(taken.values()).count(0)
            == SHORT.readers - rejected.count()
            and max(taken.values()) == 1,
        }
    )
