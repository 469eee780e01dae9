from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from subscribers import tasks
from subscribers.models import Consent, Letter, Subscriber
from subscribers.retention import unconfirmed
from subscribers.subscription import opt_in
from tests.factories import MORNING, SubscriberFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
SetClock = Callable[[datetime], None]
PENDING = Subscriber.Status.PENDING


def asked(**fields: object) -> Subscriber:
    reader = SubscriberFactory(status=PENDING, next_digest_at=None, **fields)
    opt_in.record_consent(reader, Consent.Act.ASKED, "2001:db8::1")
    return reader


def check_constraints() -> None:
    """Do now what the database does at the end of a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def test_who_never_confirms_is_forgotten_after_seven_days(set_clock: SetClock) -> None:
    reader = asked()
    reader.letters.create(kind=Letter.Kind.CONFIRM)
    active = SubscriberFactory()
    set_clock(MORNING + timedelta(days=7) - timedelta(seconds=1))
    tasks.forget()
    assert Subscriber.objects.count() == 2
    set_clock(MORNING + timedelta(days=7, seconds=1))
    tasks.forget()
    check_constraints()
    assert Subscriber.objects.get() == active
    assert not Consent.objects.exists()


def test_who_asks_again_has_seven_days_more(set_clock: SetClock) -> None:
    reader = asked()
    set_clock(MORNING + timedelta(days=6))
    opt_in.record_consent(reader, Consent.Act.ASKED, None)
    set_clock(MORNING + timedelta(days=8))
    tasks.forget()
    assert Subscriber.objects.exists()


def test_who_was_a_reader_before_is_one_who_left(set_clock: SetClock) -> None:
    reader = asked(confirmed_at=MORNING - timedelta(days=90))
    set_clock(MORNING + timedelta(days=8))
    tasks.forget()
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED


def test_a_strangers_sign_up_does_not_make_us_forget_that_somebody_left(set_clock: SetClock) -> None:
    # Imported as unsubscribed, so never confirmed here: an import of the old list must not mail this address again.
    reader = asked(unsubscribed_at=MORNING - timedelta(days=90))
    set_clock(MORNING + timedelta(days=8))
    tasks.forget()
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED


def test_addresses_of_networks_and_those_of_letters_are_forgotten_after_thirty_days(set_clock: SetClock) -> None:
    reader = SubscriberFactory()
    opt_in.record_consent(reader, Consent.Act.CONFIRMED, "93.184.216.34", "box")
    reader.letters.create(kind=Letter.Kind.ADDRESS, address="new@example.org")
    set_clock(MORNING + timedelta(days=29))
    tasks.forget()
    assert Consent.objects.get().ip == "93.184.216.34"
    set_clock(MORNING + timedelta(days=31))
    tasks.forget()
    consent = Consent.objects.get()
    assert (consent.ip, consent.source, consent.at) == (None, "box", MORNING)
    assert Letter.objects.get().address == ""


def test_those_who_never_confirmed_go_whole_also_where_they_are_thousands(set_clock: SetClock) -> None:
    first = SubscriberFactory(status=PENDING, created_at=MORNING, next_digest_at=None)
    others = {"preferences": first.preferences, "status": PENDING, "created_at": MORNING, "next_digest_at": None}
    Subscriber.objects.bulk_create(SubscriberFactory.build(**others) for _ in range(2 * unconfirmed.CHUNK))
    set_clock(MORNING + timedelta(days=8))
    tasks.forget()
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("changes", [{"act": "unsubscribed"}, {"at": MORNING - timedelta(days=1)}, {"ip": "1.1.1.1"},
                                     {"text_version": "x"}, {"source": "x"}, {"ip": None, "act": "x"}])  # fmt: skip
def test_a_consent_cannot_be_changed(changes: dict[str, object]) -> None:
    asked()
    with pytest.raises(IntegrityError, match="a consent cannot be changed"), transaction.atomic():
        Consent.objects.update(**changes)


def test_a_consent_stays_for_as_long_as_its_reader() -> None:
    reader = asked()
    reader.consents.all().delete()
    with pytest.raises(DatabaseError, match="a consent stays for as long as its reader"), transaction.atomic():
        check_constraints()
    reader.delete()
    check_constraints()
    assert not Consent.objects.exists()
