"""The smallest valid row of each table."""

from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar, cast

import factory
from django.db.models import Model

from newsletter.issues.models import Issue, IssueEntry, cutoff_of
from newsletter.issues.publish import publish
from newsletter.papers.models import Paper, PaperTopic, Sighting, Source, Topic
from subscribers.addresses.canonical import hash_address
from subscribers.models import Preferences, Subscriber

Row = TypeVar("Row", bound=Model)
MONDAY = date(2026, 5, 4)
MORNING = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)


class Factory(Generic[Row]):
    """Makes rows of one table; the types are ours, since those of the library name the maker and not the row."""

    def __init__(self, maker: Any) -> None:
        self.maker = maker

    def __call__(self, **fields: Any) -> Row:
        return cast(Row, self.maker.create(**fields))

    def create_batch(self, count: int, **fields: Any) -> list[Row]:
        return cast("list[Row]", self.maker.create_batch(count, **fields))

    def build(self, **fields: Any) -> Row:
        return cast(Row, self.maker.build(**fields))


class SourceMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Source

    name = factory.Sequence(lambda n: f"Source {n}")
    kind = Source.Kind.ARXIV
    url = factory.Sequence(lambda n: f"https://feeds.example.org/{n}")


class TopicMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Topic

    slug = factory.Sequence(lambda n: f"topic-{n}")
    name = factory.LazyAttribute(lambda topic: topic.slug.replace("-", " ").capitalize())


class PaperMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Paper
        skip_postgeneration_save = True

    key = factory.Sequence(lambda n: f"arxiv:2605.{n + 20_000:05}")  # tests name lower numbers themselves
    title = factory.LazyAttribute(lambda paper: f"On {paper.key}")
    abstract = "We show a thing. It holds."
    authors = factory.List(["Ada Example", "Bo Sample"])
    url = factory.LazyAttribute(lambda paper: f"https://arxiv.org/abs/{paper.key.partition(':')[2]}")
    origins = factory.LazyAttribute(lambda _: {name: [3, 0] for name in ("title", "abstract", "authors")})  # arXiv's
    first_seen_at = MORNING
    listed_on = MONDAY

    @factory.post_generation
    def topics(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        for topic in extracted or ():
            PaperTopic.objects.create(paper=self, topic=topic, evidence=["cs.CL"])


class SightingMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Sighting

    paper = factory.SubFactory(PaperMaker)
    source = factory.SubFactory(SourceMaker)
    seen_at = MORNING
    votes = 1


class IssueMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Issue

    date = MONDAY
    cutoff_at = factory.LazyAttribute(lambda issue: cutoff_of(issue.date))


class EntryMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = IssueEntry

    issue = factory.SubFactory(IssueMaker)
    paper = factory.SubFactory(PaperMaker)
    position = factory.Sequence(lambda n: n)


class SubscriberMaker(factory.django.DjangoModelFactory):
    class Meta:
        model = Subscriber
        exclude = ("topics", "max_papers", "detail")

    topics: list[Topic] = []
    max_papers = 10
    detail = Preferences.Detail.LINES
    email = factory.Sequence(lambda n: f"reader{n}@example.org")
    canonical = factory.LazyAttribute(lambda reader: reader.email.lower())
    address_hash = factory.LazyAttribute(lambda reader: hash_address(reader.canonical))
    status = Subscriber.Status.ACTIVE
    frequency = Subscriber.Frequency.DAILY
    next_digest_at = MORNING
    preferences = factory.LazyAttribute(
        lambda reader: Preferences.objects.for_choice(
            reader.topics, max_papers=reader.max_papers, detail=reader.detail
        )
    )


SourceFactory = Factory[Source](SourceMaker)
TopicFactory = Factory[Topic](TopicMaker)
PaperFactory = Factory[Paper](PaperMaker)
SightingFactory = Factory[Sighting](SightingMaker)
IssueFactory = Factory[Issue](IssueMaker)
EntryFactory = Factory[IssueEntry](EntryMaker)
SubscriberFactory = Factory[Subscriber](SubscriberMaker)


def published_issue(day: date = MONDAY, *papers: Paper, shelf: tuple[Paper, ...] = ()) -> Issue:
    """Return an issue published now, `papers` on its front and `shelf` on its shelf."""
    issue = IssueFactory(date=day)
    for place, paper in enumerate(papers, start=1):
        EntryFactory(issue=issue, paper=paper, position=place)
    for place, paper in enumerate(shelf, start=1):
        EntryFactory(issue=issue, paper=paper, position=place, shelf=IssueEntry.Shelf.SHELF)
    publish(issue)
    issue.refresh_from_db()
    return issue
