"""How many papers each topic had in the last week; each process caches the counts until a paper is tagged."""

from datetime import date, timedelta

from django.db.models import Count, Max

from newsletter import clock
from newsletter.papers.models import PaperTopic

WEEK = timedelta(days=7)

Version = tuple[date, int | None]
_cache: dict[Version, dict[int, int]] = {}


def topic_counts() -> dict[int, int]:
    """Return for each topic's id the number of its papers listed in the last seven days."""
    version = (clock.today(), PaperTopic.objects.aggregate(newest=Max("pk"))["newest"])
    if version not in _cache:
        _cache.clear()
        _cache[version] = _count()
    return _cache.get(version, {})


def _count() -> dict[int, int]:
    recent = PaperTopic.objects.filter(paper__listed_on__gt=clock.today() - WEEK, paper__merged_into=None)
    return dict(recent.values_list("topic").annotate(count=Count("pk")))
