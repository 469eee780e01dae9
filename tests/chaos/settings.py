"""Production's settings; the scheduled tasks of sending run more often, so that a short run sees as many of them."""

from datetime import timedelta

from newsletter.settings import *  # noqa: F403
from newsletter.settings import CELERY_BEAT_SCHEDULE, env

TASKS = ("sweep", "apply_events", "settle_uncertain", "heartbeat")
CELERY_BEAT_SCHEDULE = {
    name: entry | {"schedule": min(entry["schedule"], timedelta(seconds=env.int("CHAOS_SWEEP_SECONDS", 30)))}
    for name, entry in CELERY_BEAT_SCHEDULE.items()
    if entry["task"].rpartition(".")[2] in TASKS
}
