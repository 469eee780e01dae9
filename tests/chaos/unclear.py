"""A provider whose answers prove nothing for a while, in the middle of an issue."""

import time
from contextlib import suppress

from django.conf import settings
from django.core.management import CommandError, call_command

from digests.models import Delivery
from newsletter import clock
from newsletter.mail.throttle import Pace
from tests.chaos import flow
from tests.chaos.deployment import Deployment, when_answering
from tests.chaos.promises import Ledger, is_finished
from tests.chaos.troubles import SHORT
from tests.outside import faults
from tests.outside.ledger import read
from tests.outside.provider import Provider

SHARE = 0.3  # of the issue that is sent when the answers stop
SECONDS = 8.0


def run(deployment: Deployment, provider: Provider) -> int:
    """Send an issue while calls are answered by 503 for a while; return 1 if more are in doubt than was promised."""
    chaos = flow.Flow(deployment, provider, SHORT)
    chaos.assemble()
    provider.plan(faults.slow(SHORT.delay))
    deployment.start()
    end = time.monotonic() + SHORT.most_seconds
    assert flow.wait_for(lambda: chaos.is_out(SHARE), end), deployment.log[-2000:]
    provider.plan(faults.failing(503, seconds=SECONDS), faults.slow(SHORT.delay))
    time.sleep(SECONDS)
    probe = Pace("digests").state().probe
    assert flow.wait_for(lambda: when_answering(is_finished), end), deployment.log[-2000:]
    taken = Ledger(read(provider.ledger_path)).taken
    uncertain = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).count()
    rests = SECONDS / settings.SEND_BREAKER_SECONDS
    in_calls = settings.READERS_IN_DOUBT * settings.WORKER_CONCURRENCY["sending"]
    most = round(in_calls + settings.SEND_BREAKER_FAILURES + rests) + 1
    with suppress(CommandError):  # which says that fewer were reached than were owed
        call_command("reconcile", str(clock.today()))
    print(f"{SECONDS:g} seconds of 503: {uncertain} in doubt (at most {most}), the last probe held {probe}.")
    once = sum(count == 1 for count in taken.values())
    is_kept = probe == 1 and 0 < uncertain <= most and once == SHORT.readers - uncertain and max(taken.values()) == 1
    print(f"{once:,} readers were mailed once.\nEvery promise was kept." if is_kept else "Broken.", flush=True)
    return int(not is_kept)
