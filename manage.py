#!/usr/bin/env python
"""Run a command of Paper Round, with servers of its own where the environment names none."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from environs import EnvError

from newsletter.runtime import embedded_servers

# `up` starts the servers itself, once it has looked at what could stop it.
WITHOUT_SERVERS = {"up", "help", "version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    try:
        with servers(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, EnvError, embedded_servers.CannotStart) as exc:
        sys.exit(str(exc))


def servers(words: list[str]) -> AbstractContextManager[None]:
    """Return what keeps the servers running that the command `words` needs."""
    if not words or words[0] in WITHOUT_SERVERS or {"-h", "--help", "--version"} & {*words}:
        return nullcontext()
    return embedded_servers.keep_running(settings.VAR_DIR, os.environ)


if __name__ == "__main__":
    main()
