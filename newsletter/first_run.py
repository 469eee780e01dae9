"""What a new deployment does once: fill itself until there is an issue to read."""

from collections.abc import Callable

from django.conf import settings

from newsletter.issues import drafting, publishing
from newsletter.issues.models import Issue
from newsletter.papers import defaults, fetching, ranking, sample, topics
from newsletter.papers.models import Source

# Where the first sources cannot be reached, none will be: the workers ask the others later.
UNREACHABLE_IS_OFFLINE = 2

SAMPLE_FRONT = 24

Echo = Callable[[str], object]


def is_due() -> bool:
    return not Issue.objects.exclude(published_at=None).exists()


def prepare(echo: Echo) -> None:
    """Publish a first issue and open the next; may be broken off and repeated."""
    echo(f"Loading {topics.load_topics()} topics")
    defaults.add_sources()
    is_sample = not fetch_sources(echo)
    if is_sample:
        echo("No source could be reached: showing the sample that comes with Paper Round")
        sample.load_sample()
    ranking.score_papers()
    issue = drafting.draft_next_issue()
    if is_sample:
        issue = as_sample(issue)
    echo(f"Publishing the issue of {issue.date}")
    publishing.publish(issue)
    echo(f"Opening the draft of {drafting.draft_next_issue().date}")


def as_sample(issue: Issue) -> Issue:
    """Label the issue as a sample, and leave papers for the draft after it."""
    issue.is_sample, issue.front_size = True, SAMPLE_FRONT
    issue.save(update_fields=["is_sample", "front_size"])
    return drafting.draft_issue(issue.date)


def fetch_sources(echo: Echo) -> bool:
    """Ask every source once; return whether one of them answered."""
    sources = list(Source.objects.fetched().order_by("pk"))
    echo(f"Fetching the last {settings.FEED_DAYS} listing days of {len(sources)} sources")
    answers: list[bool] = []
    for source in sources:
        answers.append(fetching.fetch_source(source))
        source.refresh_from_db()
        echo(f"  {source.name}: {source.last_error or 'done'}")
        if len(answers) >= UNREACHABLE_IS_OFFLINE and not any(answers):
            break
    return any(answers)
