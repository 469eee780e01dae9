"""Accounts of those who work in the admin, and the roles they have."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.urls import reverse

from newsletter import audit
from newsletter.accounts import lockout, second_factor
from newsletter.accounts.roles import ROLES

EDITOR = "editor"
# On a desk mail goes nowhere but into the local mailbox, and an issue can be sent there at once.
DESK_ADDRESS = "editor@paper-round.invalid"
PASSWORD_BYTES = 12


class NameTaken(Exception):
    """There is an account of this name. Nothing was made."""


def keep_roles() -> None:
    """Make the groups of all roles, and give them the rights they lack; what somebody added to one stays."""
    for name, role in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*rights().filter(right__in=role.permissions))


def rights() -> QuerySet[Any]:
    """Return all permissions, each with its name as it is asked for: "app.codename"."""
    return Permission.objects.annotate(right=Concat(F("content_type__app_label"), Value("."), F("codename")))


def rights_of(account: User) -> set[str]:
    """Return what an account may do by its roles and by itself, also while it is deactivated."""
    theirs = rights().filter(Q(group__user=account) | Q(user=account))
    return set(theirs.values_list("right", flat=True))


def is_above(account: User, other: User) -> bool:
    """Say whether an account may do what the `other` may not: a new password for it would give all that."""
    return not other.is_superuser and (account.is_superuser or not rights_of(account) <= rights_of(other))


def roles_within(account: User) -> QuerySet[Group]:
    """Return the roles that an account may give: those that may do nothing it may not itself."""
    roles = Group.objects.order_by("name")
    if account.is_superuser:
        return roles
    beyond = rights().exclude(right__in=rights_of(account))
    return roles.exclude(permissions__in=beyond.values("pk"))


def make_editor() -> bool:
    """Make the first editor's account, without a password, where no account can enter admin; say whether it did."""
    accounts = get_user_model()._default_manager
    if accounts.filter(is_staff=True, is_active=True).exists():
        return False
    email = DESK_ADDRESS if settings.DEBUG else ""
    rights = {"is_staff": True, "is_superuser": True}
    _, made = accounts.get_or_create(username=EDITOR, defaults=rights | {"email": email})
    return made


def make_account(by: audit.Actor, name: str, role: str, email: str = "") -> str:
    """Make an account with a role and return its first password, which is kept nowhere; raise NameTaken."""
    if User.objects.filter(username=name).exists():
        raise NameTaken(name)
    account = User(username=name, email=email, is_staff=True)
    password = first_password(account)
    account.save()
    account.groups.add(Group.objects.get(name=role))
    audit.record(by, account, "added", {}, {"email": email, "groups": role})
    return password


def first_password(account: User) -> str:
    """Give an account that is not stored yet a random password, and return it."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    account.set_password(password)
    return password


def renew_password(name: str) -> str | None:
    """Give an account a new random password and return it, or None where there is no such account."""
    account = User.objects.filter(username=name).first()
    if account is None:
        return None
    password = first_password(account)
    account.save(update_fields=["password"])
    lockout.unlock(name)
    return password


def what_login_asks(name: str) -> str:
    """Say in words what follows the password."""
    login = f"Log in at {settings.SITE_URL}{reverse('admin:index')}."
    if second_factor.is_set_up(User.objects.get(username=name)):
        return f"{login} It asks for a code of the app, too; if it is lost: `manage.py reset_second_factor {name}`."
    if settings.TWO_FACTOR:
        return f"{login} It sets up a second factor first: have a phone with an authenticator app at hand."
    return login
