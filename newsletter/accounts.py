"""The editors' accounts."""

import secrets

from django.contrib.auth import get_user_model

EDITOR = "editor"
PASSWORD_BYTES = 12


def make_editor() -> bool:
    """Make the first editor's account, without a password, where no account can enter admin; say whether it did."""
    accounts = get_user_model()._default_manager
    if accounts.filter(is_staff=True, is_active=True).exists():
        return False
    _, made = accounts.get_or_create(username=EDITOR, defaults={"is_staff": True, "is_superuser": True})
    return made


def renew_password(name: str) -> str | None:
    """Give an account a new random password and return it, or None where there is no such account."""
    account = get_user_model()._default_manager.filter(username=name).first()
    if account is None:
        return None
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    account.set_password(password)
    account.save(update_fields=["password"])
    return password
