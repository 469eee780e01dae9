from celery import shared_task

from newsletter.papers import fetching, ranking, topics, voting, watching
from newsletter.papers.models import Source


@shared_task
def fetch_due_sources() -> None:
    arxiv = []
    for source in Source.objects.due():
        if source.is_arxiv:
            arxiv.append(source.pk)
        else:
            fetch_source.delay(source.pk)
    # arXiv takes one call at a time: one worker goes through its sources, and the others are free.
    if arxiv:
        fetch_in_turn.delay(arxiv)


@shared_task
def fetch_in_turn(source_ids: list[int]) -> None:
    for source in Source.objects.due().filter(pk__in=source_ids):
        fetching.fetch_source(source)


@shared_task
def fetch_source(source_id: int) -> None:
    fetching.fetch_source(Source.objects.get(pk=source_id))


@shared_task
def score_papers() -> None:
    ranking.score_papers()


@shared_task
def write_vote_counts() -> None:
    voting.write_counts()


@shared_task
def retag_recent() -> None:
    topics.retag_recent()


@shared_task
def report_troubled_sources() -> None:
    watching.report_troubled_sources()
