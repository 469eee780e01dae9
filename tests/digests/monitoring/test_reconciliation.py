from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from digests.assembly import assemble
from digests.models import Assembly, Batch, Delivery
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.factories.returns import heard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Status = Delivery.Status


def reconcile(day: str = "2026-05-04", **options: object) -> tuple[str, str]:
    """Return what the command says, and the sentence it fails with."""
    out = StringIO()
    try:
        call_command("reconcile", day, stdout=out, **options)
    except CommandError as exc:  # which ends the process with 1
        return out.getvalue(), str(exc)
    return out.getvalue(), ""


@pytest.fixture
def batch() -> Batch:
    """The batch of four readers who are due this morning; a fifth follows what nobody wrote of."""
    topic = TopicFactory()
    published_issue(MONDAY, PaperFactory(topics=[topic]))
    SubscriberFactory.create_batch(4, topics=[topic])
    SubscriberFactory(topics=[TopicFactory()], covered_through=MORNING - DAY)
    assemble.assemble_due_digests()
    return Batch.objects.get()


def test_the_counts_of_a_day_close(batch: Batch) -> None:
    Batch.objects.update(position=3)
    Delivery.objects.filter(call_no=0).update(status=Status.UNCERTAIN)
    said, failure = reconcile()
    assert not failure
    assert said.splitlines() == [
        "Monday, 4 May 2026 (UTC): 1 run served readers.",
        " eligible            5",
        "     sent            2",
        " rejected            0",
        "  skipped            1",
        "uncertain            1",
        "abandoned            0",
        "  planned            1",
        "The counts close. 2 of 4 mails that were owed reached their readers.",
    ]


@pytest.mark.parametrize(("lost", "is_failure"), [(0, False), (1, True)])
@pytest.mark.parametrize(
    "loss",
    [
        {"status": Status.REJECTED},
        {"status": Status.SKIPPED, "reason": "expired"},
        {"refused_at": MORNING},
        {"bounced_at": MORNING},
        {"status": Status.UNCERTAIN},
    ],
)
def test_a_day_that_reached_fewer_than_nine_in_ten_of_its_readers_has_failed(
    batch: Batch, loss: dict[str, object], lost: int, is_failure: bool
) -> None:
    Batch.objects.update(position=4, status=Batch.Status.DONE)
    Delivery.objects.filter(call_no__lt=lost).update(**loss)
    said, failure = reconcile()
    assert f"The counts close. {4 - lost} of 4 mails that were owed reached their readers." in said
    assert bool(failure) is is_failure
    if failure:
        assert failure == (
            "The counts of 2026-05-04 close, and only 3 of 4 mails that were owed reached their readers: "
            "look at “Sending” in the admin."
        )


def test_readers_who_left_are_owed_nothing(batch: Batch) -> None:
    Batch.objects.update(position=4, status=Batch.Status.DONE)
    Delivery.objects.filter(call_no__lt=3).update(status=Status.SKIPPED, reason="unsubscribed")
    assert reconcile()[1] == ""


def test_reconcile_says_why_mails_were_refused(batch: Batch) -> None:
    heard("bounced", Delivery.objects.filter(call_no=0).get(), blame="us", answer="550 5.7.26 unauthenticated - gsmtp")
    assert "Gmail refuses your mail because neither SPF nor DKIM proves" in reconcile()[0]


def test_a_day_on_which_nobody_was_due_closes(batch: Batch) -> None:
    said, failure = reconcile("2026-05-05")
    assert not failure
    assert "0 runs served readers" in said


def test_a_delivery_that_is_gone_is_missed_and_its_run_named(batch: Batch) -> None:
    Delivery.objects.filter(call_no=1).delete()
    said, failure = reconcile()
    assert failure == "The counts of 2026-05-04 do not close: +1 of 5 who were due."
    assert "Run of 05:00:00.000000 UTC: 5 were due, 4 are accounted for. Deliveries are missing" in said


def test_a_delivery_that_nobody_counted_is_named(batch: Batch) -> None:
    Assembly.objects.update(due=4)
    said, failure = reconcile()
    assert failure == "The counts of 2026-05-04 do not close: -1 of 4 who were due."
    assert "Nobody counted the others as due" in said


def test_two_runs_that_are_wrong_in_opposite_ways_do_not_close(batch: Batch) -> None:
    Assembly.objects.update(due=6)
    Assembly.objects.create(at=MORNING + HOUR, due=1)
    Delivery.objects.filter(call_no=0).update(made_at=MORNING + HOUR)
    Delivery.objects.filter(call_no=1).update(made_at=MORNING + HOUR)
    said, failure = reconcile()
    assert "Run of 05:00:00.000000 UTC: 6 were due, 3 are accounted for." in said
    assert "Run of 06:00:00.000000 UTC: 1 were due, 2 are accounted for." in said
    assert "+2 of 7" in failure


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"position": 5}, "1 batches ({pk}) stand beyond the last of their calls"),
        (
            {"status": "done", "position": 3},
            "1 batches ({pk}) are finished, and deliveries lie ahead of their position",
        ),
        ({"status": "dropped"}, "1 batches ({pk}) are finished, and deliveries lie ahead of their position"),
        ({"status": "submitting"}, "1 batches ({pk}) are held by a lease that is long over, or by none"),
        (
            {"status": "leased", "lease_until": MORNING - HOUR},
            "1 batches ({pk}) are held by a lease that is long over, or by none",
        ),
    ],
)
def test_a_batch_that_should_not_be_so_is_named(batch: Batch, change: dict[str, object], words: str) -> None:
    Batch.objects.update(**change)
    said, failure = reconcile()
    assert words.format(pk=batch.pk) in said
    assert failure == "The counts of 2026-05-04 close, and there are rows that should not be: see above."


def test_a_batch_at_work_is_as_it_should_be(batch: Batch) -> None:
    Batch.objects.update(status="submitting", position=2, lease_until=MORNING + HOUR)
    assert reconcile()[1] == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digest": None}, "have neither a digest nor a reason why there is none"),
        ({"status": Status.SKIPPED}, "are skipped without a reason"),
        ({"batch": None}, "have no status of their own and no place in a batch"),
        ({"batch": 1 << 40}, "have no status of their own and no place in a batch"),
        ({"call_no": None}, "have no status of their own and no place in a batch"),
        ({"delivered_at": MORNING}, "were delivered, and count as planned or skipped"),
    ],
)
def test_a_delivery_that_should_not_be_so_is_named(batch: Batch, change: dict[str, object], words: str) -> None:
    odd = Delivery.objects.filter(call_no=1).get()
    Delivery.objects.filter(pk=odd.pk).update(**change)
    said, failure = reconcile()
    assert f"1 deliveries ({odd.pk}) {words}" in said
    assert "there are rows that should not be" in failure


def test_what_is_planned_past_its_hour_is_named(batch: Batch) -> None:
    said, failure = reconcile(now=MORNING + 13 * HOUR)
    assert "4 deliveries" in said
    assert "are planned and past their hour" in said
    assert failure
