"""The editors' accounts."""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model

EDITOR = "editor"
# On a desk mail goes nowhere but into the local mailbox, and an issue can be sent there at once.
DESK_ADDRESS = "editor@paper-round.invalid"
PASSWORD_BYTES = 12


def make_editor() -> bool:
    """Make the first editor's account, without a password, where no account can enter admin; say whether it did."""
    accounts = get_user_model()._default_manager
    if accounts.filter(is_staff=True, is_active=True).exists():
        return False
    email = DESK_ADDRESS if settings.DEBUG else ""
    rights = {"is_staff": True, "is_superuser": True}
    _, made = accounts.get_or_create(username=EDITOR, defaults=rights | {"email": email})
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
