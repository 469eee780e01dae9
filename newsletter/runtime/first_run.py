"""Fills a new deployment once, until there is an issue to read."""

from collections.abc import Callable

from django.conf import settings

from newsletter.issues import draft, publish
from newsletter.issues.models import Issue
from newsletter.papers.ingest import default_sources, fetch, sample_papers
from newsletter.papers.models import Source
from newsletter.papers.topics import tagging
from newsletter.papers.trending import ranking

# Enough sources for a first issue within a minute, with arXiv's pauses; the workers fetch the others once they run.
FIRST_SOURCES = 9
# When the first sources are unreachable, all will be.
OFFLINE_AFTER = 2
# Papers of the sample in the first issue; the rest make up the next draft.
SAMPLE_FRONT = 24

Echo = Callable[[str], object]


def is_needed() -> bool:
    return not Issue.objects.exclude(published_at=None).exists()


def prepare(echo: Echo) -> None:
    """Publish a first issue and draft the next; safe to interrupt and to repeat."""
    echo(f"Loading {tagging.load_topics()} topics")
    default_sources.add_sources()
    is_offline = not fetch_sources(echo)
    if is_offline and not settings.DEBUG:
        echo("No source could be reached: there is no issue until one is, and they are asked again by themselves")
        return
    if is_offline:
        echo("No source could be reached: showing the sample that comes with Paper Round")
        sample_papers.load_sample()
    ranking.score_papers()
    issue = draft.draft_next_issue(SAMPLE_FRONT if is_offline else None)
    echo(f"Publishing the issue of {issue.date}")
    publish.publish(issue)
    echo(f"Opening the draft of {draft.draft_next_issue().date}")


def fetch_sources(echo: Echo) -> bool:
    """Fetch the first sources once; return whether any of them answered."""
    sources = list(Source.objects.fetched().order_by("pk")[:FIRST_SOURCES])
    echo(f"Fetching the last {fetch.LISTING_DAYS} listing days of {len(sources)} sources")
    answers: list[bool] = []
    for source in sources:
        answers.append(fetch.fetch_source(source))
        source.refresh_from_db()
        echo(f"  {source.name}: {source.last_error or 'done'}")
        if len(answers) >= OFFLINE_AFTER and not any(answers):
            break
    return any(answers)
