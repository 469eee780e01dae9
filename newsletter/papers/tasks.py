from celery import shared_task

from newsletter.papers import fetching, ranking
from newsletter.papers.models import Source


@shared_task
def fetch_due_sources() -> None:
    for source_id in Source.objects.due().values_list("pk", flat=True):
        fetch_source.delay(source_id)


@shared_task
def fetch_source(source_id: int) -> None:
    fetching.fetch_source(Source.objects.get(pk=source_id))


@shared_task
def score_papers() -> None:
    ranking.score_papers()
