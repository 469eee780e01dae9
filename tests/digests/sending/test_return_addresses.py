"""Each digest that leaves by SMTP says in its envelope where it returns to, if it does."""

import pytest
from django.conf import LazySettings

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.sending import send_batch
from newsletter.mail.return_address import Purpose, find_tokens, read_token
from subscribers.models import Subscriber
from tests.factories import MONDAY, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.outside import provider as outside
from tests.outside.ledger import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def sent_digest(reader: Subscriber, settings: LazySettings) -> Entry:
    published_issue(MONDAY, PaperFactory(topics=list(reader.preferences.topics.all())))
    with outside.providing("smtp", bodies=True) as server:
        for setting, value in server.settings.items():
            setattr(settings, setting, value)
        assemble.assemble_due_digests()
        send_batch.send_batch(Batch.objects.get())
        (entry,) = server.accepted()
    return entry


def test_a_digests_envelope_says_which_delivery_it_is(settings: LazySettings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@example.org"
    reader = SubscriberFactory(topics=[TopicFactory()])
    entry = sent_digest(reader, settings)
    returned, leaving = (
        [read_token(token) for token in find_tokens(entry.headers[name])]
        for name in ("Return-Path", "List-Unsubscribe")
    )
    assert returned == [(Purpose.DELIVERY, Delivery.objects.get().pk, reader.address_hash[:6])]
    assert leaving == [(Purpose.UNSUBSCRIBE, reader.pk, "000000")]


def test_without_a_mailbox_that_is_read_bounces_go_to_the_sender(settings: LazySettings) -> None:
    entry = sent_digest(SubscriberFactory(topics=[TopicFactory()]), settings)
    assert entry.headers["Return-Path"] == "<papers@paper-round.invalid>"
    assert "mailto:" not in entry.headers["List-Unsubscribe"]
