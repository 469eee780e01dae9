"""Loads the settings anew for each environment it reads, a line of JSON, and answers with what they came to."""

import json
import os
import runpy
import sys
import traceback
import warnings

from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

TOLD = ("ALLOWED_HOSTS", "ANYMAIL", "BOUNCE_ADDRESS", "EMAIL_BACKEND", "SITE_URL", "TWO_FACTOR")


def main() -> None:
    warnings.simplefilter("ignore")  # a folder of static files that is not there yet says nothing here
    own = dict(os.environ)
    for line in sys.stdin:
        os.environ.clear()
        os.environ.update(own | json.loads(line))
        print(json.dumps(loaded(), default=str), flush=True)


def loaded() -> dict[str, object]:
    """Return some of the settings, or the words that `manage.py` would end with, or the traceback it would show."""
    try:
        settings = runpy.run_module("newsletter.settings")
    except (ImproperlyConfigured, EnvError) as exc:
        return {"refusal": str(exc)}
    except Exception:
        return {"traceback": traceback.format_exc()}
    return {"settings": {name: settings[name] for name in TOLD}}


if __name__ == "__main__":
    main()
