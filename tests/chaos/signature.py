"""DKIM is broken for an hour: the provider takes every mail, and receivers at many domains refuse it."""

import time
from dataclasses import replace

from digests.models import Delivery, ProviderEvent
from digests.sending import switch
from subscribers.models import Subscriber, Suppression
from tests.chaos import crowd, flow, told
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Ledger, is_finished
from tests.chaos.troubles import SHORT
from tests.outside import faults
from tests.outside.events import post
from tests.outside.interfaces.api import Kind
from tests.outside.ledger import read
from tests.outside.provider import Provider

SHARE = 0.2  # of the issue that is sent when the first refusals are reported
SECONDS_A_CALL = 4.0  # until then, so that the site is up before the issue is out
HOUR = 3000.0  # seconds ago, at which the first mails came back
OF_PLAY = b"5.1.1 The email account does not exist."
OF_GMAIL = b"5.7.30 This mail has been blocked because DKIM does not pass. - gsmtp"


def run(deployment: Deployment, provider: Provider) -> int:
    """Send an issue while its mails come back; mend the key, resume, and return 1 if a reader paid for it."""
    chaos = flow.Flow(deployment, provider, SHORT)
    chaos.assemble()
    provider.plan(faults.slow(SECONDS_A_CALL))
    deployment.start()
    crowd.wait_for_web(deployment)
    end = time.monotonic() + SHORT.most_seconds
    assert flow.wait_for(lambda: chaos.is_out(SHARE), end), deployment.log[-2000:]
    refused = [
        replace(event, body=event.body.replace(OF_PLAY, OF_GMAIL))
        for event in provider.events(kinds=[Kind.BOUNCED], age=HOUR)
    ]
    answers = list(post(f"{deployment.url}/anymail/mailgun/tracking/", refused))
    is_paused = flow.wait_for(lambda: when_answering(switch.is_paused), end)
    is_applied = flow.wait_for(lambda: when_answering(is_all_applied), end)
    told.show(f"{len(refused):,} mails came back.")
    home, notices = told.tell_home(), told.tell_notices()
    owed = Delivery.objects.exclude(refused_at=None).values("subscriber")
    given_back = Subscriber.objects.filter(pk__in=owed, covered_through=None).count()

    provider.plan()
    switch.resume("the operator, with a new key")
    assert flow.wait_for(lambda: when_answering(is_finished), end), deployment.log[-2000:]
    told.show("The key is mended, and sending resumed.")
    taken = Ledger(read(provider.ledger_path)).taken
    return told.judge(
        {
            "every report was taken": set(answers) == {200},
            "sending paused itself": is_paused and is_applied,
            "nobody was suppressed": not Suppression.objects.exists(),
            "nobody was unsubscribed": Subscriber.objects.active().count() == SHORT.readers,
            "the home names Gmail and DKIM": "Gmail refuses your mail because its DKIM signature" in home[0],
            "one notice told of it": notices == ["sending has paused itself"],
            "each refused reader has the span back": given_back == len(refused),
            "every reader was mailed once": len(taken) == SHORT.readers and set(taken.values()) == {1},
        }
    )


def is_all_applied() -> bool:
    return not ProviderEvent.objects.pending().exists()
