"""Exports and erases everything that is stored about one reader."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from digests.models import Delivery, ProviderEvent
from newsletter import audit, clock
from newsletter.papers.community import objections, proposals, votes
from newsletter.papers.models import Objection
from subscribers import tokens
from subscribers.models import Farewell, Preferences, Subscriber, Suppression
from subscribers.retention import erasure_traces
from subscribers.subscription import suppression

HAS_WORDS = ~Q(*((name, []) for name in Preferences.WORDS))


def collect_personal_data(reader: Subscriber) -> dict[str, Any]:
    """Return everything stored about a reader, as values that DjangoJSONEncoder can write."""
    fields = ("email", "status", "frequency", "weekday", "send_time", "timezone", "paused_until", "created_at",
              "confirmed_at", "unsubscribed_at", "next_digest_at", "covered_through", "last_slot_at")  # fmt: skip
    farewell = Farewell.objects.filter(subscriber=reader).values("reason", "words", "at").first()
    return {
        "exported_at": clock.now(),
        "subscription": {name: json_value(getattr(reader, name)) for name in fields},
        "address": {"canonical": reader.canonical, "keyed_hash": reader.address_hash},
        "suppression": Suppression.objects.filter(address_hash=reader.address_hash).values("reason", "at").first(),
        "choices": choices_values(reader.preferences),
        "consents": list(reader.consents.order_by("at").values("act", "at", "ip", "text_version", "source")),
        "letters": list(reader.letters.order_by("pk").values("kind", "address", "status", "created_at", "sent_at")),
        "digests": [delivery_values(delivery) for delivery in deliveries_of(reader)],
        "events": [event_values(event) for event in events_of(reader).order_by("happened_at")],
        "farewell": farewell,
        **votes_and_proposals(tokens.reader_key(reader.pk)),
        "wrong_topics": [objection_values(said) for said in objections.objections_of(reader.pk)],
    }


def votes_and_proposals(reader_key: str) -> dict[str, Any]:
    proposed = proposals.proposals_of(reader_key).values("link", "why", "at", "status", "decided_at", "answer")
    voted = votes.votes_of(reader_key).values("paper__title", "paper__url", "at", "issue_day")
    return {
        "votes": [{name.removeprefix("paper__"): value for name, value in vote.items()} for vote in voted],
        "proposals": list(proposed),
    }


def objection_values(said: Objection) -> dict[str, Any]:
    paper = {"title": said.paper.title, "url": said.paper.url}
    return {**paper, "topic": said.topic.name, "at": said.at, "status": said.status}


def json_value(value: Any) -> Any:
    """Return a time zone by its name, and any other value unchanged."""
    return str(value) if hasattr(value, "key") else value


def choices_values(preferences: Preferences) -> dict[str, Any]:
    words = {name: getattr(preferences, name) for name in Preferences.WORDS}
    topics = [topic.name for topic in preferences.topics.order_by("name")]
    return {
        "topics": topics,
        **words,
        "max_papers": preferences.max_papers,
        "minimum_score": preferences.minimum_score,
        "detail": preferences.detail,
    }


def deliveries_of(reader: Subscriber) -> QuerySet[Delivery]:
    return Delivery.objects.filter(subscriber=reader).select_related("digest", "batch").order_by("slot")


def delivery_values(delivery: Delivery) -> dict[str, Any]:
    facts = ("slot", "delivered_at", "bounced_at", "soft_bounced_at", "complained_at")
    subject = delivery.digest.subject if delivery.digest else ""
    return {"subject": subject, "status": delivery.state, "reason": delivery.reason} | {
        name: getattr(delivery, name) for name in facts
    }


def events_of(reader: Subscriber) -> QuerySet[ProviderEvent]:
    deliveries, letters = Delivery.objects.filter(subscriber=reader), reader.letters.all()
    ours = Q(delivery_id__in=deliveries.values("pk")) | Q(letter_id__in=letters.values("pk"))
    return ProviderEvent.objects.filter(ours)


def event_values(event: ProviderEvent) -> dict[str, Any]:
    return {"kind": event.kind, "provider": event.provider, "happened_at": event.happened_at, "body": event.body}


@transaction.atomic
def erase(reader: Subscriber) -> None:
    """Erase a reader. Only the keyed hash in Suppression and anonymous deliveries, for the counts, remain.

    An existing suppression of the address keeps its reason.
    """
    reader = Subscriber.objects.select_for_update().get(pk=reader.pk)
    suppression.suppress([suppression.NewSuppression(reader.address_hash, suppression.Reason.ERASED, clock.now())])
    events_of(reader).update(address_hash="", domain="", body={}, message_id="")
    clear_unmatched_events(reader.address_hash)
    erasure_traces.erase_traces(reader)
    chosen = anonymise_deliveries(reader)
    votes.anonymise(tokens.reader_key(reader.pk))
    proposals.anonymise(tokens.reader_key(reader.pk))
    objections.erase(reader.pk)
    audit.record("the reader", reader, "erased")
    reader.delete()
    delete_preferences_with_words(chosen)


def clear_unmatched_events(address_hash: str) -> None:
    """Erase the address from events that were put aside because they match no mail of ours."""
    aside = ProviderEvent.objects.exclude(put_aside="").filter(address_hash=address_hash)
    aside.update(address_hash="", domain="", body={}, message_id="")


def anonymise_deliveries(reader: Subscriber) -> set[int]:
    """Make a reader's deliveries anonymous and free of followed words; return the ids of the preferences they had."""
    deliveries = Delivery.objects.filter(subscriber=reader)
    chosen = {reader.preferences_id, *deliveries.order_by().values_list("preferences_id", flat=True).distinct()}
    for preferences in Preferences.objects.filter(HAS_WORDS, pk__in=chosen):
        # Statistics count deliveries by topic.
        kept = {"max_papers": preferences.max_papers, "detail": preferences.detail}
        twin = Preferences.objects.for_choice(preferences.topics.all(), **kept)
        deliveries.filter(preferences=preferences).update(preferences=twin)
    deliveries.update(subscriber=None, provider_id="", note="")
    return chosen


def delete_preferences_with_words(chosen: Iterable[int]) -> None:
    """Delete preferences with words that no reader and no delivery uses any more."""
    mine = Preferences.objects.filter(HAS_WORDS, pk__in=chosen, subscribers=None)
    for preferences in mine:
        if not Delivery.objects.filter(preferences=preferences).exists():
            preferences.delete()
