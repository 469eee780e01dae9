"""System checks on sending, the webhook and the database, for `manage.py check`."""

from collections.abc import Sequence
from typing import Any

from anymail.utils import get_anymail_setting
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning
from django.db import DatabaseError, connection

from digests.sending import switch

NO_WEBHOOKS = {"mailbox", "smtp"}
# Providers that sign their webhook posts, and the settings that may hold the key.
SIGNING_KEY_SETTINGS = {
    "mailgun": ("MAILGUN_WEBHOOK_SIGNING_KEY", "MAILGUN_API_KEY"),
    "resend": ("RESEND_SIGNING_SECRET",),
    "mandrill": ("MANDRILL_WEBHOOK_KEY",),
    "mailersend": ("MAILERSEND_SIGNING_SECRET",),
    "postal": ("POSTAL_WEBHOOK_KEY",),
    "sendgrid": ("SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",),
    "unisender_go": ("UNISENDER_GO_API_KEY",),
}


def check_sending(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn when no digest is sent. Return nothing while there is no database."""
    try:
        answer, is_held = switch.current_permission(), switch.is_held()
    except DatabaseError:
        return []
    if answer.is_allowed:
        return []
    hint = (
        "Look at what was sent last. If it is right to go on, run `manage.py allow_sending`."
        if is_held
        else "To go on, run `manage.py resume_sending`."
    )
    return [
        Warning(f"No digest is sent. {answer.reason}", hint=hint, id="digests.W001" if is_held else "digests.W002")
    ]


def check_webhook(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn when the webhook is closed because nothing authenticates the provider."""
    secrets: list[str] = get_anymail_setting("webhook_secret", default=[])
    if any(":" not in secret for secret in secrets):
        hint = "Write it as “name:password”, and the webhook’s address as https://name:password@…"
        return [Warning("WEBHOOK_SECRET holds no colon, so no post can match it.", hint=hint, id="digests.W004")]
    keys = SIGNING_KEY_SETTINGS.get(settings.EMAIL_PROVIDER, ())
    is_guarded = bool(secrets) or any(settings.ANYMAIL.get(key) for key in keys)
    if settings.DEBUG or settings.EMAIL_PROVIDER in NO_WEBHOOKS or is_guarded:
        return []
    return [
        Warning(
            "Bounces and complaints are not received: the webhook is closed, because WEBHOOK_SECRET is not set.",
            hint=f"Set WEBHOOK_SECRET to “name:password”, and have {settings.EMAIL_PROVIDER} post its events to "
            f"{settings.SITE_URL}/anymail/{settings.EMAIL_PROVIDER}/tracking/ with that name and password.",
            id="digests.W003",
        )
    ]


def check_way_of_notices(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn where the provider of digests is the only way to operators: when it fails, nobody hears of it."""
    has_other_way = bool(settings.ALERT_WEBHOOK) or settings.EMAIL_LETTERS_PROVIDER != settings.EMAIL_PROVIDER
    if settings.DEBUG or settings.EMAIL_PROVIDER == "mailbox" or has_other_way:
        return []
    return [
        Warning(
            f"If {settings.EMAIL_PROVIDER} fails, operators are not told: it carries the notices of its own failure.",
            hint="Set ALERT_WEBHOOK to an address that takes JSON, or give letters a provider of their own with "
            "EMAIL_LETTERS_PROVIDER.",
            id="digests.W006",
        )
    ]


def check_synchronous_commit(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn when PostgreSQL may lose a commit: a digest that was already sent would be sent again."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            (answer,) = cursor.fetchone()
    except DatabaseError:
        return []
    if answer != "off":
        return []
    return [
        Warning(
            "PostgreSQL may lose its last commits in a crash: readers could then get a mail twice.",
            hint="Set synchronous_commit to “on” for this database.",
            id="digests.W005",
        )
    ]
