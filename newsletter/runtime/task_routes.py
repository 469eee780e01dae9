"""Which queue runs which task: each has its own processes, so that urgent tasks never wait for long ones."""

ROUTES = {
    # A file of a million readers takes minutes, and people wait for letters.
    "subscribers.tasks.go_on_with_import": {"queue": "feeds"},
    "subscribers.tasks.*": {"queue": "letters"},
    "digests.tasks.send_trial": {"queue": "letters"},
    # Tasks that wait for other servers, or report on sending itself, never queue behind digests.
    "digests.tasks.watch": {"queue": "feeds"},
    "digests.tasks.deliver_notices": {"queue": "feeds"},
    "digests.tasks.ping_finished": {"queue": "feeds"},
    "digests.tasks.read_returned_mail": {"queue": "feeds"},
    "digests.tasks.ask_providers": {"queue": "feeds"},
    "digests.tasks.follow_links": {"queue": "feeds"},
    "digests.tasks.check_mail_setup": {"queue": "feeds"},
    # Figures for a page take seconds of CPU time, and nothing may wait for them.
    "digests.tasks.figure_reach": {"queue": "figures"},
    "digests.tasks.tally": {"queue": "feeds"},
    "digests.tasks.prune": {"queue": "feeds"},  # it may take minutes, and no digest waits for it
    # Batches have their own queue, so that the sweep, the automatic pause and welcome digests never wait for them.
    "digests.tasks.send_batch": {"queue": "sending"},
    "digests.tasks.*": {"queue": "digests"},
    "newsletter.tasks.*": {"queue": "feeds"},
    "newsletter.papers.tasks.*": {"queue": "feeds"},
    "newsletter.issues.tasks.*": {"queue": "feeds"},
}
