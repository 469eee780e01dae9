import pytest
from django.conf import LazySettings
from django.test import Client

from digests.models import ReturnedMail
from digests.returned_mail import mailbox_reading
from digests.returned_mail.intake import take_in
from tests.digests.returned_mail.returning import plain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
LIST = "/admin/digests/returnedmail/"


def test_what_was_not_understood_is_listed_and_only_looked_at(admin_client: Client) -> None:
    take_in(
        plain("bounces@example.org", "Welcome, ada@example.org!", {"Return-Path": "<>", "Subject": "A <b>move</b>"})
    )
    row = ReturnedMail.objects.get()
    page = admin_client.get(LIST).content.decode()
    assert "A &lt;b&gt;move&lt;/b&gt;" in page
    shown = admin_client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Welcome, (an address)" in shown
    assert admin_client.post(f"{LIST}{row.pk}/change/", {"note": "x"}).status_code == 403
    assert admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("mailbox", "words"),
    [("", "No mailbox is read"), ("maildir:///no/such", "The mailbox cannot be read since")],
)
def test_the_list_says_how_the_mailbox_stands(
    admin_client: Client, settings: LazySettings, mailbox: str, words: str
) -> None:
    settings.BOUNCE_MAILBOX = mailbox
    mailbox_reading.read_configured_mailbox()
    assert words in admin_client.get(LIST).content.decode()
