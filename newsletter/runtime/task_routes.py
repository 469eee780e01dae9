"""Which worker does what: each queue has processes of its own, so that nothing urgent waits for what takes long."""

ROUTES = {
    # A file of a million readers takes minutes, and letters are waited for.
    "subscribers.tasks.go_on_with_import": {"queue": "feeds"},
    "subscribers.tasks.*": {"queue": "letters"},
    "digests.tasks.send_trial": {"queue": "letters"},
    # What waits for the network of others, or has news of sending itself, stands behind no digest.
    "digests.tasks.watch": {"queue": "feeds"},
    "digests.tasks.deliver_notices": {"queue": "feeds"},
    "digests.tasks.ping_finished": {"queue": "feeds"},
    "digests.tasks.follow_links": {"queue": "feeds"},
    # Figures for a page take seconds of a processor, and nothing may wait for them.
    "digests.tasks.figure_reach": {"queue": "figures"},
    "digests.tasks.tally": {"queue": "feeds"},
    "digests.tasks.prune": {"queue": "feeds"},  # it may take minutes, which no digest waits for
    # Apart from the rest: the sweep, the brakes and a welcome digest wait behind no run of batches.
    "digests.tasks.send_batch": {"queue": "sending"},
    "digests.tasks.*": {"queue": "digests"},
    "newsletter.tasks.*": {"queue": "feeds"},
    "newsletter.papers.tasks.*": {"queue": "feeds"},
    "newsletter.issues.tasks.*": {"queue": "feeds"},
}
