"""The step that lets go, each night, of old acts, sessions that are over and failed logins."""

from django.contrib.sessions.backends.db import SessionStore

from newsletter import audit
from newsletter.accounts import lockout


def forget() -> None:
    audit.delete_expired()
    lockout.delete_expired()
    SessionStore.clear_expired()
