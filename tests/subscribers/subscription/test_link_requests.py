import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError
from django.test import Client

from subscribers import letters, tokens
from subscribers.addresses.canonical import hash_address
from subscribers.imports import import_run
from subscribers.models import Consent, ImportRun, Letter, Subscriber, Suppression
from subscribers.subscription import link_requests
from subscribers.tokens import Purpose
from tests.factories import MORNING, SubscriberFactory
from tests.links import follow, press
from tests.provider import sent
from tests.rivals import between
from tests.subscribers.imports.files import started, written
from tests.subscribers.reader_links import pause_link
from tests.subscribers.signups import answer_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
NEW = "ada@new.example"


@pytest.fixture
def reader() -> Subscriber:
    return SubscriberFactory(email="ada@old.example", confirmed_at=MORNING)


def link_of(letter: Letter | None) -> str:
    """Send a letter and return the path of the link in it, the same in both its parts."""
    assert letter is not None
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=letter.pk))
    message = sent()[-1]
    url = next(word for word in message.body.split() if word.startswith("http"))
    assert url in message.alternatives[0][0]
    return str(urlsplit(url).path)


def ask_for(client: Client, reader: Subscriber, address: str) -> int:
    page = press(client, letters.preferences_path(reader), {"email": address}, at="/preferences/address/")
    answer_all()
    return int(page.status_code)


# A link


def test_the_letter_with_a_link_opens_the_choices(client: Client, reader: Subscriber) -> None:
    link = link_of(link_requests.plan_link_letter(" ADA@old.example "))
    assert sent()[-1].to == ["ada@old.example"]
    assert "<h1>Your settings</h1>" in follow(client, link).content.decode()


@pytest.mark.parametrize("kind", ["link", "export", "erase"])
def test_three_letters_of_a_kind_are_sent_a_day(reader: Subscriber, set_clock: SetClock, kind: str) -> None:
    asked = [link_requests.plan_letter(reader, Letter.Kind(kind)) is not None for _ in range(5)]
    assert asked == [True, True, True, False, False]
    set_clock(MORNING + timedelta(days=1))
    assert link_requests.plan_letter(reader, Letter.Kind(kind)) is not None


# Another address


def test_a_reader_moves_by_the_letter_to_the_new_address_and_the_old_one_gets_a_notice(
    client: Client, reader: Subscriber
) -> None:
    assert ask_for(client, reader, "Ada@NEW.example") == 200
    link = link_of(Letter.objects.get(kind="address"))
    assert sent()[-1].to == [NEW]
    reader.refresh_from_db()
    assert reader.email == "ada@old.example"
    assert f"<strong>{NEW}</strong>" in follow(client, link).content.decode()

    assert "Your digests come here now" in press(client, link).content.decode()

    moved = Subscriber.objects.get()
    assert (moved.pk, moved.email, moved.canonical, moved.status) == (reader.pk, NEW, NEW, "active")
    assert moved.address_hash != reader.address_hash
    assert moved.consents.get().act == Consent.Act.MOVED
    letters.send(Letter.objects.get(kind="moved"))
    told = sent()[-1]
    assert told.to == ["ada@old.example"]
    assert NEW not in told.body + told.alternatives[0][0]


def test_links_at_the_old_address_open_the_choices_no_more(client: Client, reader: Subscriber) -> None:
    old = letters.preferences_path(reader)
    assert ask_for(client, reader, NEW) == 200
    link = link_of(Letter.objects.get(kind="address"))
    press(client, link)
    assert client.get(old).status_code == 410
    assert client.get(link).status_code == 404


def test_the_way_out_from_the_old_address_works_and_tells_nothing_of_the_new_one(
    client: Client, reader: Subscriber
) -> None:
    way_out = f"/unsubscribe/{tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)}/"
    press(client, link_of(link_requests.plan_move_letter(reader, NEW)))
    old_inbox = Client()
    pages = [follow(old_inbox, way_out), press(old_inbox, way_out), follow(old_inbox, way_out)]
    pages.append(press(old_inbox, way_out, {"how_long": "month"}, at="/unsubscribe/pause/"))
    shown = "".join(page.content.decode() for page in pages)
    assert "Your digest is paused" in shown
    assert NEW not in shown
    assert not re.search(r"/preferences/\d", shown)


def test_only_the_last_address_that_was_asked_for_can_be_moved_to(client: Client, reader: Subscriber) -> None:
    typo = link_of(link_requests.plan_move_letter(reader, "ada@typo.example"))
    right = link_requests.plan_move_letter(reader, NEW)
    assert link_requests.plan_move_letter(reader, NEW) is None  # a second click
    link = link_of(right)
    assert client.get(typo).status_code == 404
    press(client, link)
    assert Subscriber.objects.get().canonical == NEW


def test_nobody_moves_to_a_throw_away_address(reader: Subscriber) -> None:
    assert link_requests.plan_move_letter(reader, "ada@mailinator.com") is None


def test_a_reader_may_move_back_at_once(client: Client, reader: Subscriber) -> None:
    press(client, link_of(link_requests.plan_move_letter(reader, NEW)))
    press(client, link_of(link_requests.plan_move_letter(Subscriber.objects.get(), "ada@old.example")))
    assert Subscriber.objects.get().canonical == "ada@old.example"


def test_who_looks_with_a_link_of_before_can_have_a_new_one_mailed(client: Client, reader: Subscriber) -> None:
    follow(client, letters.preferences_path(reader))
    press(client, link_of(link_requests.plan_move_letter(reader, NEW)))
    page = client.get("/preferences/")
    assert page.status_code == 410
    assert 'action="/preferences/link/"' in page.content.decode()


def test_a_link_to_a_new_address_works_for_a_day(client: Client, reader: Subscriber, set_clock: SetClock) -> None:
    link = link_of(link_requests.plan_move_letter(reader, NEW))
    set_clock(MORNING + timedelta(hours=25))
    assert "was used or has expired" in client.get(link).content.decode()


def test_a_move_does_not_reveal_whether_an_address_is_subscribed(client: Client, reader: Subscriber) -> None:
    SubscriberFactory(email="taken@new.example")
    pages = {}
    for address in ("taken@new.example", "fresh@new.example"):
        page = press(client, letters.preferences_path(reader), {"email": address}, at="/preferences/address/")
        pages[address] = page.content.decode().replace(address, "")
    answer_all()
    assert len(set(pages.values())) == 1
    assert [letter.address for letter in Letter.objects.filter(kind="address")] == ["fresh@new.example"]


def test_an_address_taken_meanwhile_stays_whose_it_is(client: Client, reader: Subscriber) -> None:
    link = link_of(link_requests.plan_move_letter(reader, NEW))
    SubscriberFactory(email=NEW)
    assert "Nothing was moved" in press(client, link).content.decode()
    reader.refresh_from_db()
    assert reader.canonical == "ada@old.example"
    assert not Letter.objects.filter(kind="moved").exists()


@pytest.mark.django_db(transaction=True)
def test_an_import_of_the_new_address_waits_for_a_move_under_way(
    client: Client, reader: Subscriber, tmp_path: Path
) -> None:
    link = link_of(link_requests.plan_move_letter(reader, NEW))
    path = written(tmp_path, "email", NEW)
    run = started(path)
    with between('SET "email"', lambda: list(import_run.process(run, path, None, is_dry=False))) as refused:
        page = press(client, link)
    assert "Your digests come here now" in page.content.decode()
    assert isinstance(refused[0], OperationalError), "the import did not wait for the lock"
    list(import_run.process(ImportRun.objects.get(), path, None, is_dry=False))
    assert ImportRun.objects.get().counts == {"already": 1}
    assert Subscriber.objects.get().canonical == NEW


def test_nobody_moves_to_an_address_that_complained_of_the_letter(client: Client, reader: Subscriber) -> None:
    link = link_of(link_requests.plan_move_letter(reader, NEW))
    complained = {"address_hash": hash_address(NEW), "reason": Suppression.Reason.COMPLAINT}
    Suppression.objects.create(**complained)
    assert "Nothing was moved" in press(client, link).content.decode()
    reader.refresh_from_db()
    assert reader.canonical == "ada@old.example"


def test_one_address_is_asked_once_a_day_by_however_many_readers(reader: Subscriber) -> None:
    other = SubscriberFactory()
    assert link_requests.plan_move_letter(reader, NEW) is not None
    assert link_requests.plan_move_letter(reader, NEW) is None
    assert link_requests.plan_move_letter(other, "ADA@new.example") is None


@pytest.mark.parametrize(
    "typed",
    ["ada@old.example", "ADA@OLD.example", "", "nobody", "a@b@c", "用户@new.example", "postmaster@new.example"],
)
def test_what_is_no_other_address_is_refused_at_its_field(client: Client, reader: Subscriber, typed: str) -> None:
    assert ask_for(client, reader, typed) == 422
    assert not Letter.objects.exists()


def test_a_suppressed_address_is_not_asked(reader: Subscriber) -> None:
    other = SubscriberFactory(email=NEW)
    Suppression.objects.create(address_hash=other.address_hash, reason=Suppression.Reason.BOUNCE)
    other.delete()
    letter = link_requests.plan_move_letter(reader, NEW)
    assert letter is not None
    letters.send(letter)
    assert (Letter.objects.get().status, sent()) == (Letter.Status.SKIPPED, [])


@pytest.mark.parametrize("status", ["pending", "unsubscribed"])
def test_who_gets_no_digests_moves_nowhere(client: Client, status: str) -> None:
    reader = SubscriberFactory(status=status, next_digest_at=None)
    follow(client, letters.preferences_path(reader))
    assert client.get("/preferences/address/")["Location"] == "/preferences/"


# The end of all links


def test_all_links_mailed_so_far_end_but_for_the_way_out_and_a_fresh_one_is_mailed(
    client: Client, reader: Subscriber
) -> None:
    old, pause = letters.preferences_path(reader), pause_link(reader)
    way_out = f"/unsubscribe/{tokens.sign(Purpose.UNSUBSCRIBE, reader.pk)}/"
    of_letters = [link_of(link_requests.plan_letter(reader, kind)) for kind in (Letter.Kind.EXPORT, Letter.Kind.ERASE)]
    of_letters.append(link_of(link_requests.plan_move_letter(reader, NEW)))
    unsent = link_requests.plan_letter(reader, Letter.Kind.EXPORT)

    page = press(client, old, at="/preferences/end-links/")

    assert "Your old links no longer work" in page.content.decode()
    assert "You need your settings link" in client.get("/preferences/").content.decode()  # the cookie went too
    for link in (old, pause):
        answer = client.get(link)
        assert (answer.status_code, "This link no longer works" in answer.content.decode()) == (410, True)
    assert [client.get(link).status_code for link in of_letters] == [404] * 3
    assert follow(client, way_out).status_code == 200
    fresh = link_of(Letter.objects.get(kind="link"))
    assert "<h1>Your settings</h1>" in follow(client, fresh).content.decode()
    assert unsent is not None
    letters.send(Letter.objects.select_related("subscriber__preferences").get(pk=unsent.pk))
    assert Letter.objects.get(pk=unsent.pk).status == Letter.Status.SKIPPED


def test_links_can_be_ended_however_many_letters_went_out(client: Client, reader: Subscriber) -> None:
    while link_requests.plan_letter(reader, Letter.Kind.LINK):
        pass
    press(client, letters.preferences_path(reader), at="/preferences/end-links/")
    assert "Your settings" in follow(client, link_of(Letter.objects.latest("pk"))).content.decode()


def test_links_are_ended_by_the_button_alone(client: Client, reader: Subscriber) -> None:
    follow(client, letters.preferences_path(reader))
    assert client.get("/preferences/end-links/").status_code == 302
    assert client.post("/preferences/end-links/").status_code == 403
    reader.refresh_from_db()
    assert (reader.token_epoch, Letter.objects.count()) == (0, 0)
