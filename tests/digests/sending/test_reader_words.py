"""Readers who share a digest share its body, and each mail says what its own reader chose, and when it comes."""

from datetime import time
from typing import Any

import pytest
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Batch, Digest
from digests.sending import messages, send_batch
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.outside import provider as outside
from tests.provider import sent
from tests.queries import query_count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def assemble_for(*readers: dict[str, Any]) -> Batch:
    robots, hostile = TopicFactory(name="Robotics"), TopicFactory(name="<b>R&D</b> {{params.x}} %recipient.to%")
    published_issue(MONDAY, PaperFactory(topics=[robots]))
    for fields in readers:
        SubscriberFactory(topics=[robots, hostile] if fields.pop("is_hostile", False) else [robots], **fields)
    assemble.assemble_due_digests()
    return Batch.objects.get()


def test_each_reader_of_a_shared_digest_reads_the_own_rhythm() -> None:
    batch = assemble_for(
        {"frequency": "weekdays", "timezone": "Asia/Tokyo"},
        {"frequency": "weekly", "weekday": 2, "send_time": time(18, 30)},
    )
    send_batch.send_batch(batch)
    assert Digest.objects.count() == 1
    assert [message.body.partition("You get ")[2].splitlines()[:2] for message in sent()] == [
        ["Robotics,", "weekdays at 07:00, Tokyo time."],
        ["Robotics,", "Wednesdays at 18:30 UTC."],
    ]
    assert "You get Robotics, weekdays at 07:00, Tokyo time.</p>" in sent()[0].alternatives[0][0]


@pytest.mark.parametrize("name", ["mailgun", "brevo", "mailjet", "postmark", "resend", "smtp"])
def test_the_name_of_a_topic_cannot_break_out_of_its_sentence(settings: LazySettings, name: str) -> None:
    with outside.providing(name, bodies=True) as server:
        for setting, value in server.settings.items():
            setattr(settings, setting, value)
        batch = assemble_for({"is_hostile": True})
        send_batch.send_batch(batch)
        (entry,) = server.accepted()
    assert "You get <b>R&D</b> {{params.x}} %recipient.to% and Robotics," in entry.text
    assert "&lt;b&gt;R&amp;D&lt;/b&gt; {{params.x}} %recipient.to% and Robotics, every day" in entry.html


def test_the_words_of_a_batch_cost_two_queries_however_many_choices_there_are() -> None:
    batch = assemble_for(*[{"max_papers": number} for number in range(5, 15)])
    calls = messages.load_calls(batch.pk, 0)
    said: set[object] = set()

    def say() -> None:
        words = messages.ReaderWords(calls)
        said.update(words.of(row) for rows in calls.values() for row in rows)

    assert query_count(say) == 2
    assert said == {(("choice", "Robotics"), ("rhythm", "every day at 07:00 UTC"), ("again", ""))}
