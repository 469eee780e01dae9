"""Deletes, each night, old audit entries, failed logins and expired sessions."""

from django.contrib.sessions.backends.db import SessionStore

from newsletter import audit
from newsletter.accounts import lockout


def delete_expired() -> None:
    audit.delete_expired()
    lockout.delete_expired()
    SessionStore.clear_expired()
