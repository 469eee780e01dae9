from celery import shared_task

from newsletter.papers.community import votes
from newsletter.papers.ingest import fetch, source_alerts
from newsletter.papers.models import Source
from newsletter.papers.topics import tagging
from newsletter.papers.trending import ranking


@shared_task
def fetch_due_sources() -> None:
    arxiv = []
    for source in Source.objects.due():
        if source.is_arxiv:
            arxiv.append(source.pk)
        else:
            fetch_source.delay(source.pk)
    # arXiv allows one request at a time: one task fetches all its sources, so the other workers stay free.
    if arxiv:
        fetch_in_turn.delay(arxiv)


@shared_task
def fetch_in_turn(source_ids: list[int]) -> None:
    for source in Source.objects.due().filter(pk__in=source_ids):
        fetch.fetch_source(source)


@shared_task
def fetch_source(source_id: int) -> None:
    fetch.fetch_source(Source.objects.get(pk=source_id))


@shared_task
def score_papers() -> None:
    ranking.score_papers()


@shared_task
def train_forecast() -> None:
    # Imported here, so that NumPy is held only by the worker that trains.
    from newsletter.papers.forecast import train_nightly

    train_nightly.train_forecast()


@shared_task
def write_vote_counts() -> None:
    votes.write_counts()


@shared_task
def retag_recent() -> None:
    tagging.retag_recent()


@shared_task
def report_troubled_sources() -> None:
    source_alerts.report_troubled_sources()
