"""Sample papers that ship with the product, for a first run without internet access."""

import json
from datetime import timedelta
from importlib import resources

from newsletter import clock
from newsletter.papers import data
from newsletter.papers.ingest import store
from newsletter.papers.models import Source
from newsletter.papers.paper_key import abs_url
from newsletter.papers.sources.finding import Finding

SPREAD_DAYS = 3


def load_sample() -> int:
    """Store the sample as listed on the last SPREAD_DAYS days; return how many papers are new. Safe to repeat."""
    papers = json.loads(resources.files(data).joinpath("sample.json").read_text("utf-8"))["papers"]
    source, _ = Source.objects.get_or_create(url="sample:", defaults={"name": "Sample", "kind": Source.Kind.SAMPLE})
    return store.store_findings(source, tuple(map(sample_finding, papers, range(len(papers))))).new


def sample_finding(paper: dict[str, object], number: int) -> Finding:
    key = f"arxiv:{paper['id']}"
    return Finding(
        key=key,
        title=str(paper["title"]),
        abstract=str(paper["summary"]),
        authors=tuple(paper["authors"]),  # type: ignore[arg-type]
        categories=tuple(paper["categories"]),  # type: ignore[arg-type]
        primary_category=str(paper["primary_category"]),
        url=abs_url(key),
        listed_on=clock.today() - timedelta(days=number % SPREAD_DAYS),
        votes=int(str(paper["votes"])),
        comments=int(str(paper["comments"])),
        code_url=str(paper["code_url"]),
        project_url=str(paper["project_url"]),
        rank=number + 1,
    )
