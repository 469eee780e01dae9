"""Accounts of the people who work in the admin, and their roles."""

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
# In a trial all mail goes to the local mailbox, so the editor can send a test at once.
TRIAL_ADDRESS = "editor@paper-round.invalid"
PASSWORD_BYTES = 12


class NameTaken(Exception):
    """An account of this name exists. Nothing was created."""


def ensure_roles() -> None:
    """Create the groups of all roles and add missing permissions; permissions that somebody added stay."""
    for name, role in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*rights().filter(right__in=role.permissions))


def rights() -> QuerySet[Any]:
    """Return all permissions, annotated with `right`: the name that `has_perm` takes, "app.codename"."""
    return Permission.objects.annotate(right=Concat(F("content_type__app_label"), Value("."), F("codename")))


def rights_of(account: User) -> set[str]:
    """Return the permissions of an account, from its roles and its own, also while it is deactivated."""
    theirs = rights().filter(Q(group__user=account) | Q(user=account))
    return set(theirs.values_list("right", flat=True))


def has_more_rights(account: User, other: User) -> bool:
    """Return whether `account` may do anything that `other` may not: then `other` must not set its password."""
    return not other.is_superuser and (account.is_superuser or not rights_of(account) <= rights_of(other))


def roles_within(account: User) -> QuerySet[Group]:
    """Return the roles that an account may assign: those without permissions that it lacks itself."""
    roles = Group.objects.order_by("name")
    if account.is_superuser:
        return roles
    beyond = rights().exclude(right__in=rights_of(account))
    return roles.exclude(permissions__in=beyond.values("pk"))


def ensure_editor() -> bool:
    """Create the first editor's account, without a password, where no account may log in; return whether it did."""
    accounts = get_user_model()._default_manager
    if accounts.filter(is_staff=True, is_active=True).exists():
        return False
    email = TRIAL_ADDRESS if settings.DEBUG else ""
    rights = {"is_staff": True, "is_superuser": True}
    _, is_new = accounts.get_or_create(username=EDITOR, defaults=rights | {"email": email})
    return is_new


def make_account(by: audit.Actor, name: str, role: str, email: str = "") -> str:
    """Create an account with a role and return its first password, which is stored only as a hash; raise NameTaken."""
    if User.objects.filter(username=name).exists():
        raise NameTaken(name)
    account = User(username=name, email=email, is_staff=True)
    password = set_random_password(account)
    account.save()
    account.groups.add(Group.objects.get(name=role))
    audit.record(by, account, "added", {}, {"email": email, "groups": role})
    return password


def set_random_password(account: User) -> str:
    """Set a random password without saving the account; return the password."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    account.set_password(password)
    return password


def renew_password(name: str) -> str | None:
    """Set and save a random password and unlock the account; return the password, or None without such an account."""
    account = User.objects.filter(username=name).first()
    if account is None:
        return None
    password = set_random_password(account)
    account.save(update_fields=["password"])
    lockout.unlock(name)
    return password


def describe_login(name: str) -> str:
    """Return a sentence that says where to log in and what the login asks for after the password."""
    login = f"Log in at {settings.SITE_URL}{reverse('admin:index')}."
    if second_factor.is_set_up(User.objects.get(username=name)):
        return f"{login} It asks for a code of the app, too; if it is lost: `manage.py reset_second_factor {name}`."
    if settings.TWO_FACTOR:
        return f"{login} It sets up a second factor first: have a phone with an authenticator app at hand."
    return login
