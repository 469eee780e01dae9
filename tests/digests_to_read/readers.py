"""Six readers of different fields, as they filled in the form."""

from datetime import time
from typing import NamedTuple

from newsletter.papers.models import Topic
from subscribers.models import Preferences, Subscriber
from tests.factories import SubscriberFactory

HOUR = time(7)


class Answers(NamedTuple):
    topics: tuple[str, ...]
    max_papers: int = 10
    followed: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()


READERS = {
    "robotics": Answers(("robotics",)),
    "audio": Answers(("audio",)),
    "language": Answers(("language",), followed=("tokenizer",)),
    "medicine": Answers(("medicine",), max_papers=8, muted=("large language model",)),
    "signals": Answers(("signals",)),
    "economics": Answers(("economics", "society")),
}


def make_readers() -> dict[str, Subscriber]:
    """Store the six readers, who are due at seven, UTC; return them by name."""
    return {name: make_reader(name, answers) for name, answers in READERS.items()}


def make_reader(name: str, answers: Answers) -> Subscriber:
    preferences = Preferences.objects.for_choice(
        list(Topic.objects.current().filter(slug__in=answers.topics)),
        max_papers=answers.max_papers,
        followed_phrases=list(answers.followed),
        muted_phrases=list(answers.muted),
    )
    return SubscriberFactory(email=f"{name}@example.org", preferences=preferences, send_time=HOUR)
