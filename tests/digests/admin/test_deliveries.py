import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from digests.assembly import assemble
from digests.models import Batch, Delivery, ProviderEvent, SendingSwitch, SwitchChange
from digests.sending import switch
from newsletter import clock
from subscribers.models import Suppression
from tests.factories import MONDAY, IssueFactory, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.factories.returns import heard, sent_delivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def serve(count: int) -> None:
    """Assemble a digest for `count` more readers."""
    topic = TopicFactory()
    SubscriberFactory.create_batch(count, topics=[topic])
    assemble.assemble_due_digests()


def test_deliveries_and_batches_are_only_looked_at(admin_client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    serve(1)
    for model, pk in (("delivery", Delivery.objects.get().pk), ("batch", Batch.objects.get().pk)):
        assert admin_client.get(f"/admin/digests/{model}/add/").status_code == 403
        assert admin_client.get(f"/admin/digests/{model}/{pk}/change/").status_code == 200
        assert admin_client.post(f"/admin/digests/{model}/{pk}/change/", {"note": "x"}).status_code == 403
        assert admin_client.post(f"/admin/digests/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_delivery_is_found_by_its_readers_address(admin_client: Client) -> None:
    published_issue(MONDAY, PaperFactory())
    serve(2)
    one, other = (row.subscriber for row in Delivery.objects.select_related("subscriber"))
    assert one is not None
    assert other is not None
    page = admin_client.get("/admin/digests/delivery/", {"q": one.canonical}).content.decode()
    assert one.email in page
    assert other.email not in page


SENDING = "/admin/digests/sendingswitch/"
EVENTS = "/admin/digests/providerevent/"


def editor(client: Client, *permissions: str) -> User:
    """Log in an editor who may do no more than this."""
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def words(page: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.decode()).split())


def test_sending_is_paused_and_resumed_after_a_question_with_a_name_on_it(admin_client: Client) -> None:
    asked = admin_client.post(SENDING, {"act": "pause", "reason": "A wrong link."})
    assert "Yes, pause it" in words(asked.content)
    assert switch.send_permission().is_allowed

    admin_client.post(SENDING, {"act": "pause", "reason": "A wrong link.", "is_sure": "1"})
    assert switch.send_permission() == (False, "A wrong link.")
    page = words(admin_client.get(SENDING).content)
    assert "No digest is sent. A wrong link." in page
    assert "Resume sending" in page

    assert "Yes, resume it" in words(admin_client.post(SENDING, {"act": "resume"}).content)
    admin_client.post(SENDING, {"act": "resume", "is_sure": "1"})
    assert switch.send_permission().is_allowed
    assert list(SwitchChange.objects.values_list("act", "by")) == [("resumed", "admin"), ("paused", "admin")]


def test_a_pause_needs_a_reason(admin_client: Client) -> None:
    page = admin_client.post(SENDING, {"act": "pause", "reason": " ", "is_sure": "1"})
    assert "Say why" in words(page.content)
    assert switch.send_permission().is_allowed


def test_who_may_only_look_cannot_switch_sending(client: Client) -> None:
    editor(client, "view_sendingswitch")
    page = client.get(SENDING)
    assert page.status_code == 200
    assert "Pause sending" not in words(page.content)
    assert client.post(SENDING, {"act": "pause", "reason": "x", "is_sure": "1"}).status_code == 403
    assert switch.send_permission().is_allowed


def test_who_may_not_even_look_sees_nothing_of_it(client: Client) -> None:
    editor(client)
    assert client.get(SENDING).status_code == 403
    assert client.get(EVENTS).status_code == 403


def test_every_page_says_that_nothing_is_sent(admin_client: Client) -> None:
    assert "No digest is sent" not in words(admin_client.get("/admin/").content)
    switch.pause("Ada", "Stop.")
    assert "No digest is sent" in words(admin_client.get("/admin/").content)


def test_events_put_aside_are_counted_and_listed(admin_client: Client) -> None:
    heard("bounced", put_aside=ProviderEvent.Aside.UNKNOWN)
    heard("delivered", sent_delivery())
    page = admin_client.get(SENDING).content
    assert "1 of no mail we know" in words(page)
    listed = admin_client.get(EVENTS, {"put_aside__exact": "unknown"}).content
    assert "1 provider event" in words(listed)
    assert f"{EVENTS}?put_aside__exact=unknown" in page.decode()


@pytest.mark.parametrize(
    ("aside", "text"),
    [
        (ProviderEvent.Aside.UNREADABLE, "1 not readable"),
        (ProviderEvent.Aside.REFUSED, "1 refused for a signature that is too old or was used before"),
    ],
)
def test_what_no_event_came_of_is_listed_too(admin_client: Client, aside: ProviderEvent.Aside, text: str) -> None:
    heard("other", put_aside=aside, applied_at=clock.now())
    assert text in words(admin_client.get(SENDING).content)
    assert "1 provider event" in words(admin_client.get(EVENTS, {"put_aside__exact": aside.value}).content)


def test_events_are_only_looked_at(admin_client: Client) -> None:
    event = heard("bounced", sent_delivery())
    assert admin_client.get(f"{EVENTS}{event.pk}/change/").status_code == 200
    assert admin_client.post(f"{EVENTS}{event.pk}/change/", {"kind": "delivered"}).status_code == 403
    assert admin_client.post(f"{EVENTS}{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("action", "count"), [("suppress", 2), ("let_go", 0)])
def test_held_bounces_are_suppressed_or_let_go_by_an_operator(admin_client: Client, action: str, count: int) -> None:
    held = [heard("bounced", sent_delivery(), held=ProviderEvent.Held.WAITING) for _ in range(2)]
    page = admin_client.get(SENDING).content
    assert "2 bounces of troubled domains wait" in words(page)
    chosen = {"action": action, "_selected_action": [event.pk for event in held]}
    admin_client.post(EVENTS, chosen)
    assert Suppression.objects.count() == count
    assert not ProviderEvent.objects.held().exists()


def test_who_may_only_look_decides_nothing_of_held_bounces(client: Client) -> None:
    editor(client, "view_providerevent")
    event = heard("bounced", sent_delivery(), held=ProviderEvent.Held.WAITING)
    client.post(EVENTS, {"action": "suppress", "_selected_action": [event.pk]})
    assert ProviderEvent.objects.held().exists()


def test_an_issues_statistics_are_a_page_of_its_own(admin_client: Client) -> None:
    issue = published_issue(MONDAY, PaperFactory())
    serve(3)
    Batch.objects.update(position=2, provider="postmark")
    assert (
        f"/admin/issues/issue/{issue.pk}/statistics/"
        in admin_client.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    )
    page = words(admin_client.get("/admin/digests/delivery/statistics/", follow=True).content)
    assert "Statistics of the issue of 4 May 2026" in page
    assert "Eligible 3 100.0 % readers who were due" in page
    assert "Sent 2 66.7 % accepted by the provider" in page
    assert "Planned 1 33.3 % still to be sent" in page
    assert "The counts close" in page
    assert "Postmark 3 2 0 0 0 0 1 0 0 0" in page


def test_the_statistics_of_a_draft_say_that_nothing_is_sent(admin_client: Client) -> None:
    draft = IssueFactory()
    assert "not published" in words(admin_client.get(f"/admin/issues/issue/{draft.pk}/statistics/").content)
    assert "no issue is published" in words(
        admin_client.get("/admin/digests/delivery/statistics/", follow=True).content
    )
    assert admin_client.get("/admin/issues/issue/0/statistics/").status_code == 404


def test_who_may_not_see_issues_sees_no_statistics(client: Client) -> None:
    issue = published_issue(MONDAY, PaperFactory())
    editor(client, "view_delivery")
    assert client.get(f"/admin/issues/issue/{issue.pk}/statistics/").status_code == 403
    assert client.get("/admin/digests/delivery/statistics/").status_code == 403
    assert "Statistics of the newest" not in words(client.get("/admin/digests/delivery/").content)


def test_a_held_database_says_that_letters_wait_too(admin_client: Client) -> None:
    switch.send_permission()
    assert "wait too" not in words(admin_client.get(SENDING).content)
    SendingSwitch.objects.update(hold_reason="It looks like a backup.")
    assert "It looks like a backup. Confirmations and links wait too." in words(admin_client.get(SENDING).content)
