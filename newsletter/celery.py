import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_shutting_down

from newsletter import worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
# A worker warns root because messages might be pickles; ours are JSON, and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("newsletter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_shutting_down.connect
def ask_tasks_to_stop(**_: object) -> None:
    """Let what runs long end between two calls: a worker that is stopped leaves nothing uncertain."""
    worker_shutdown.request_stop()
