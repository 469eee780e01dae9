"""The page on the mail's setup, and what the admin's home says of it."""

import re

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client

from digests import tasks
from digests.models import MailSetup
from newsletter import clock
from tests.digests.mail_setup.conftest import Zone, zone

__all__ = ["zone"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("zone")]
SETUP, PROGRESS = "/admin/digests/sendingswitch/setup/", "/admin/digests/sendingswitch/setup/progress/"
BEFORE = "Before the first issue: check whether receivers will trust our mail"
WRONG = "Receivers may refuse our mail"


def words(client: Client, path: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(path).content.decode()).split())


def test_until_it_has_passed_once_the_home_says_so(admin_client: Client) -> None:
    assert BEFORE in words(admin_client, "/admin/")
    tasks.check_mail_setup()
    assert BEFORE not in words(admin_client, "/admin/")


def test_the_home_tells_of_a_fault_and_not_of_a_silent_name_server(admin_client: Client, zone: Zone) -> None:
    tasks.check_mail_setup()
    zone["_dmarc.example.org"] = ["SERVFAIL"]
    tasks.check_mail_setup()
    assert WRONG not in words(admin_client, "/admin/")
    zone["_dmarc.example.org"] = []
    tasks.check_mail_setup()
    assert WRONG in words(admin_client, "/admin/")


def test_a_check_of_other_settings_is_no_word_about_these(admin_client: Client, settings: LazySettings) -> None:
    tasks.check_mail_setup()
    assert "The settings have changed since this check." not in words(admin_client, SETUP)
    settings.DKIM_SELECTOR = ["another"]
    assert "The settings have changed since this check." in words(admin_client, SETUP)
    assert "The settings of mail have changed: check again" in words(admin_client, "/admin/")
    tasks.check_mail_setup()
    assert "have changed" not in words(admin_client, SETUP)


def test_a_trial_is_not_asked_to_check(admin_client: Client, settings: LazySettings) -> None:
    settings.EMAIL_PROVIDER = "mailbox"
    assert BEFORE not in words(admin_client, "/admin/")
    assert "This is a trial" in words(admin_client, SETUP)
    admin_client.post(SETUP)
    assert not MailSetup.objects.exists()


def test_the_page_shows_what_a_worker_found(admin_client: Client, worker: None, zone: Zone) -> None:
    assert "Nobody has checked yet." in words(admin_client, SETUP)
    zone["_dmarc.example.org"] = []
    assert admin_client.post(SETUP).status_code == 302
    said = words(admin_client, SETUP)
    assert "1 thing is wrong." in said
    assert "Name _dmarc.example.org Type TXT Value v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org" in said
    assert "Check again" in said


def test_a_check_under_way_shows_how_far_it_is(admin_client: Client) -> None:
    MailSetup.objects.create(domain="example.org", asked_at=clock.now(), started_at=clock.now(), done_count=3)
    page = admin_client.get(SETUP).content.decode()
    assert "Checking: 3 of 8 done." in page
    assert f'hx-get="{PROGRESS}"' in page
    MailSetup.objects.update(finished_at=clock.now())
    assert "hx-get" not in admin_client.get(PROGRESS).content.decode()


def test_a_look_at_the_page_asks_nobody(admin_client: Client) -> None:
    admin_client.get(SETUP)
    admin_client.get(PROGRESS)
    assert not MailSetup.objects.exists()


def test_who_may_only_look_starts_no_check(client: Client) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    client.force_login(user)
    assert client.get(SETUP).status_code == client.get(PROGRESS).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_sendingswitch"))
    assert "Check now" not in words(client, SETUP)
    assert client.post(SETUP).status_code == 403
    assert BEFORE not in words(client, "/admin/")
