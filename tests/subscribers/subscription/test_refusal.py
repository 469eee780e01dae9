from datetime import timedelta

import pytest

from subscribers.addresses.canonical import hash_address
from subscribers.models import Letter, LiftedSuppression, SignupRequest, Subscriber, Suppression
from subscribers.subscription import opt_in, refusal, requests
from subscribers.subscription.suppression import NewSuppression, suppress
from subscribers.tokens import LetterAddress
from tests.factories import MORNING, SubscriberFactory, TopicFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
Reason, Status = Suppression.Reason, Subscriber.Status
ADDRESS = "ada@example.org"


def ask() -> Letter | None:
    """Have somebody enter the address on our site, and answer."""
    topic = TopicFactory()
    when = {"frequency": "daily", "weekday": 0, "send_time": "07:00", "timezone": "UTC"}
    choice = {**when, "topics": [topic.pk], "max_papers": 10}
    request = requests.store_request(SignupRequest.Kind.SUBSCRIBE, ADDRESS, choice, network="")
    assert request is not None
    return requests.answer(request.pk)


def address_of(letter: Letter) -> LetterAddress:
    return LetterAddress(letter.subscriber_id, hash_address(letter.recipient))


def test_no_further_confirmation_goes_to_an_address_that_was_refused() -> None:
    letter = ask()
    assert letter is not None
    refusal.refuse(address_of(letter), None)
    assert ask() is None
    assert SignupRequest.objects.latest("pk").outcome == SignupRequest.Outcome.SUPPRESSED
    assert not Subscriber.objects.exists()
    assert not opt_in.confirm(letter, None)


def test_a_refusal_is_safe_to_repeat_and_taken_back_by_its_owner() -> None:
    letter = ask()
    assert letter is not None
    for _ in range(2):
        refusal.refuse(address_of(letter), None)
    assert Suppression.objects.get().reason == Reason.REFUSED
    for _ in range(2):
        refusal.allow_again(address_of(letter))
    assert (LiftedSuppression.objects.get().lifted_at, Suppression.objects.count()) == (MORNING, 0)
    assert ask() is not None


def test_a_reader_who_confirmed_is_unsubscribed_and_may_come_back() -> None:
    letter = ask()
    assert letter is not None
    opt_in.confirm(letter, None)
    refusal.refuse(address_of(letter), None)
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert not Suppression.objects.exists()


def test_a_reader_who_confirmed_after_an_older_letter_is_unsubscribed_by_it_and_may_come_back() -> None:
    reader = SubscriberFactory(email=ADDRESS)
    # The letter's own sign-up was never confirmed and is deleted, or the letter was to move another reader here.
    refusal.refuse(LetterAddress(reader.pk + 1, hash_address(ADDRESS)), None)
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert not Suppression.objects.exists()


def test_a_reader_who_had_left_stays_away_and_keeps_what_is_known_of_consent() -> None:
    reader = SubscriberFactory(email=ADDRESS, confirmed_at=MORNING)
    opt_in.unsubscribe(reader, None)
    letter = ask()
    assert letter is not None
    refusal.refuse(address_of(letter), None)
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert Suppression.objects.get().reason == Reason.REFUSED


def test_a_reader_who_was_imported_as_one_who_left_is_not_forgotten_by_a_refusal() -> None:
    # Never confirmed here, yet known to have left: an import of the old list must not mail this address again.
    left_at = MORNING - timedelta(days=90)
    SubscriberFactory(email=ADDRESS, status=Status.UNSUBSCRIBED, next_digest_at=None, unsubscribed_at=left_at)
    letter = ask()
    assert letter is not None
    for _ in range(2):
        refusal.refuse(address_of(letter), None)
    refusal.allow_again(address_of(letter))
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert Subscriber.objects.get().was_known


def test_whoever_refuses_to_be_somebody_s_new_address_leaves_that_reader_alone() -> None:
    reader = SubscriberFactory()
    letter = reader.letters.create(kind=Letter.Kind.ADDRESS, address=ADDRESS)
    refusal.refuse(address_of(letter), None)
    reader.refresh_from_db()
    assert reader.status == Status.ACTIVE
    assert Suppression.holds(ADDRESS)


@pytest.mark.parametrize("reason", [Reason.BOUNCE, Reason.COMPLAINT, Reason.MANUAL, Reason.ERASED, Reason.PROVIDER])
@pytest.mark.parametrize("is_first", [True, False])
def test_every_other_reason_outweighs_a_refusal_and_is_not_lifted_by_the_owner(reason: str, is_first: bool) -> None:
    address = LetterAddress(1, hash_address(ADDRESS))
    other = NewSuppression(address.address_hash, Reason(reason), MORNING)
    if is_first:
        suppress([other])
    refusal.refuse(address, None)
    if not is_first:
        suppress([other])
    refusal.allow_again(address)
    assert Suppression.objects.get().reason == reason
