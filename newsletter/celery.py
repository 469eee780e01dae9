import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_shutting_down

from newsletter import worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
# Celery warns a worker that runs as root about pickled messages; ours accepts only JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("newsletter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_shutting_down.connect
def ask_tasks_to_stop(**_: object) -> None:
    """Let long tasks end between two calls, so that a stopped worker leaves no delivery uncertain."""
    worker_shutdown.request_stop()
