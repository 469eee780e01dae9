import re
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from newsletter import audit
from newsletter.accounts import staff_accounts
from newsletter.accounts.roles import ROLES
from tests.pages import form_of

pytestmark = pytest.mark.django_db
ACCOUNTS = "/admin/auth/user/"
OLD, NEW = "an-old-password-of-a-desk", "a-new-password-of-a-desk"


def rights_of(name: str) -> set[str]:
    found = Permission.objects.filter(group__name=name).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


@pytest.fixture(autouse=True)
def roles() -> None:
    staff_accounts.ensure_roles()


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return client


def test_roles_are_given_what_they_lack_and_keep_what_somebody_added() -> None:
    curator = Group.objects.get(name="curator")
    extra, needed = (Permission.objects.get(codename=name) for name in ("publish_issue", "change_issue"))
    curator.permissions.add(extra)
    curator.permissions.remove(needed)
    before = Group.objects.count()
    staff_accounts.ensure_roles()
    assert {"issues.publish_issue", "issues.change_issue"} <= rights_of("curator")
    assert Group.objects.count() == before


@pytest.mark.parametrize("name", ROLES)
def test_every_right_of_a_role_exists(name: str) -> None:
    assert set(ROLES[name].permissions) <= rights_of(name)


def test_an_account_is_made_with_its_role_in_one_step_and_its_password_is_shown_once(operator: Client) -> None:
    group = Group.objects.get(name="operator")
    typed: dict[str, Any] = {"username": "iris", "email": "iris@example.org", "groups": [group.pk]}
    response = operator.post(f"{ACCOUNTS}add/", typed)
    shown = re.search(r"<code[^>]*>(.+?)</code>", response.content.decode())
    assert shown
    assert "no-store" in response["Cache-Control"]
    account = User.objects.get(username="iris")
    assert account.check_password(shown[1])
    assert (account.is_staff, account.is_superuser, list(account.groups.all())) == (True, False, [group])
    assert shown[1] not in operator.get(f"{ACCOUNTS}{account.pk}/change/").content.decode()
    entry = LogEntry.objects.get()
    assert entry.changes["groups"] == ["", "operator"]
    assert shown[1] not in str(entry.changes)


def test_an_account_without_a_role_is_not_made(operator: Client) -> None:
    page = operator.post(f"{ACCOUNTS}add/", {"username": "iris"}).content.decode()
    assert "Choose at least one" in page
    assert not User.objects.filter(username="iris").exists()


def test_a_deactivated_account_is_out_at_once_and_its_acts_stay(operator: Client) -> None:
    iris = User.objects.create_user("iris", is_staff=True)
    audit.record(iris, Group.objects.get(name="editor"), "renamed")
    hers = Client()
    hers.force_login(iris)
    path = f"{ACCOUNTS}{iris.pk}/change/"
    answers = form_of(operator.get(path).content.decode(), "user_form")
    del answers["is_active"]
    assert operator.post(path, answers).status_code == 302
    assert hers.get("/admin/").status_code == 302
    assert LogEntry.objects.get(additional_data__act="renamed").actor == iris
    assert LogEntry.objects.get_for_object(iris).get().changes == {"is_active": ["True", "False"]}
    assert operator.post(f"{ACCOUNTS}{iris.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_operator_makes_nobody_a_superuser_and_touches_none(operator: Client) -> None:
    iris, chief = User.objects.create_user("iris", is_staff=True), User.objects.create_superuser("chief")
    path = f"{ACCOUNTS}{iris.pk}/change/"
    answers = form_of(operator.get(path).content.decode(), "user_form") | {"is_superuser": "on"}
    operator.post(path, answers)
    assert not User.objects.get(pk=iris.pk).is_superuser
    assert operator.post(f"{ACCOUNTS}{chief.pk}/change/", answers).status_code == 403
    new = {"password1": "a-long-new-secret", "password2": "a-long-new-secret"}
    assert operator.post(f"{ACCOUNTS}{chief.pk}/password/", new).status_code == 403


def test_nobody_gives_a_role_that_may_do_more_than_they_may(operator: Client) -> None:
    editor = Group.objects.get(name="editor")
    page = operator.get(f"{ACCOUNTS}add/").content.decode()
    assert "Operator:" in page
    assert "Editor:" not in page
    answer = operator.post(f"{ACCOUNTS}add/", {"username": "iris", "groups": [editor.pk]})
    assert answer.status_code == 200
    assert not User.objects.filter(username="iris").exists()


@pytest.mark.parametrize("is_active", [True, False])
def test_nobody_takes_over_an_account_that_may_do_more(operator: Client, is_active: bool) -> None:
    iris = User.objects.create_user("iris", is_staff=True, is_active=is_active)
    iris.groups.add(Group.objects.get(name="editor"))
    new = {"usable_password": "true", "password1": "a-long-new-secret", "password2": "a-long-new-secret"}
    assert operator.post(reverse("admin:auth_user_password_change", args=[iris.pk]), new).status_code == 403
    assert operator.post(f"{ACCOUNTS}{iris.pk}/change/", {"username": "iris", "is_active": "on"}).status_code == 403
    assert not User.objects.get(pk=iris.pk).check_password("a-long-new-secret")


def test_nobody_changes_what_they_may_do_themselves(operator: Client) -> None:
    olga = User.objects.get(username="olga")
    editor = Group.objects.get(name="editor")
    operator.post(f"{ACCOUNTS}{olga.pk}/change/", {"username": "olga", "groups": [editor.pk]})
    assert [group.name for group in olga.groups.all()] == ["operator"]
    assert User.objects.get(pk=olga.pk).is_active


def test_a_new_password_by_hand_is_in_the_log_without_the_password(operator: Client) -> None:
    iris = User.objects.create_user("iris", is_staff=True)
    new = {"usable_password": "true", "password1": "a-long-new-secret", "password2": "a-long-new-secret"}
    assert operator.post(reverse("admin:auth_user_password_change", args=[iris.pk]), new).status_code == 302
    assert LogEntry.objects.get().changes == {"password": ["", "changed"]}


def test_the_command_makes_an_account_with_its_role(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("make_account", "iris", "--role", "editor", "--email", "iris@example.org")
    password = capsys.readouterr().out.split()[-1]
    account = User.objects.get(username="iris")
    assert account.check_password(password)
    assert (account.is_staff, account.groups.get().name, account.email) == (True, "editor", "iris@example.org")
    assert "command line" in LogEntry.objects.get().additional_data["by"]


@pytest.mark.parametrize(
    ("name", "email", "words"),
    [("iris", "", "already"), ("new one!", "", "valid username"), ("new", "no address", "valid email")],
)
def test_the_command_says_why_it_makes_no_account(name: str, email: str, words: str) -> None:
    User.objects.create_user("iris", "before@example.org")
    with pytest.raises(CommandError, match=words):
        call_command("make_account", name, "--role", "editor", "--email", email)
    assert User.objects.get().email == "before@example.org"


@pytest.fixture
def operator_1(client: Client) -> User:
    account = User.objects.create_superuser("operator-1", "operator@example.org", OLD)
    client.force_login(account)
    return account


def change_own_password(client: Client, old: str, new: str) -> int:
    typed = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/admin/password_change/", typed).status_code


def test_ones_own_password_changes_only_with_the_old_one_and_is_recorded(client: Client, operator_1: User) -> None:
    by_hand = client.post(f"/admin/auth/user/{operator_1.pk}/password/", {"password1": NEW, "password2": NEW})
    assert by_hand["Location"] == "/admin/password_change/"
    assert change_own_password(client, "a-guess", NEW) == 200
    assert User.objects.get(pk=operator_1.pk).check_password(OLD)
    assert change_own_password(client, OLD, NEW) == 302
    assert User.objects.get(pk=operator_1.pk).check_password(NEW)
    assert LogEntry.objects.filter(object_repr="operator-1", changes__has_key="password").count() == 1


@pytest.mark.parametrize("spelling", ["0{}", "+{}", "_2B{}", "%20{}"])
def test_no_spelling_of_ones_own_number_changes_the_password_without_the_old_one(
    client: Client, operator_1: User, spelling: str
) -> None:
    new = {"usable_password": "true", "password1": NEW, "password2": NEW}
    answer = client.post(f"/admin/auth/user/{spelling.format(operator_1.pk)}/password/", new)
    assert answer["Location"] == "/admin/password_change/"
    assert User.objects.get(pk=operator_1.pk).check_password(OLD)


@pytest.mark.parametrize("password", ["operator-1aaa", "1-operator-1-1", "operator@example.org"])
def test_a_password_like_ones_name_or_address_is_refused(client: Client, operator_1: User, password: str) -> None:
    assert change_own_password(client, OLD, password) == 200
    assert User.objects.get(pk=operator_1.pk).check_password(OLD)
