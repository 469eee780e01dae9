"""How many papers each topic had in a week, kept by each process until another paper comes."""

from datetime import date, timedelta

from django.db.models import Count, Max

from newsletter import clock
from newsletter.papers.models import PaperTopic

WEEK = timedelta(days=7)

Version = tuple[date, int | None]
known: dict[Version, dict[int, int]] = {}


def counts() -> dict[int, int]:
    """Return for each topic's id the number of its papers listed in the last seven days."""
    version = (clock.today(), PaperTopic.objects.aggregate(newest=Max("pk"))["newest"])
    if version not in known:
        known.clear()
        known[version] = count()
    return known.get(version, {})


def count() -> dict[int, int]:
    recent = PaperTopic.objects.filter(paper__listed_on__gt=clock.today() - WEEK, paper__merged_into=None)
    return dict(recent.values_list("topic").annotate(count=Count("pk")))
