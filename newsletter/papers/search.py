"""Find a stored paper by words, or any paper by its link, which is looked up at arXiv where it is not stored."""

import re
from dataclasses import replace
from datetime import date, timedelta

from django.db import connection, transaction
from django.db.models import Max

from newsletter import clock
from newsletter.papers import paper_key
from newsletter.papers.ingest import fetch, store
from newsletter.papers.ingest.default_sources import ARXIV_API
from newsletter.papers.models import Paper, Source
from newsletter.papers.sources import SourceError, arxiv_api
from newsletter.papers.sources.finding import Finding

WINDOWS = (3, 30, 36_500)  # days, tried in turn: common words find enough papers in the first
# Words too common to search for.
STOP_WORDS = {"a", "an", "and", "as", "by", "for", "from", "in", "is", "of", "on", "the", "to", "with"}  # fmt: skip
MAX_TEXT = 200  # characters of a search; the rest is ignored
MAX_WORDS = 12
WORD = re.compile(r"[^\s'\\&|!<>():*\x00]+")
PART_OF_ID = re.compile(r"[0-9]{4}\.[0-9]{0,5}")
MAX_SECONDS = 10.0  # to wait for the lock on arXiv, and again for its answer

NO_LINK = (
    "This is not the link of a paper. Paste an arXiv id or link, a DOI, or the link of a page on Hugging Face papers."
)
NOT_ON_ARXIV = (
    "No source has brought this paper, and papers outside arXiv cannot be looked up. "
    "If it is on arXiv too, paste that link; if not, add a free item."
)
UNKNOWN_TO_ARXIV = "arXiv has no paper {}. Check the id: one digit more or less is another paper."
ARXIV_UNREACHED = "arXiv cannot be reached now: {} Nothing was changed; try again in a minute."


class NotFound(Exception):
    """There is no such paper, or arXiv cannot be asked now. The message is for the person who searched."""


# Common words match very many papers, so the newest days are searched first; rare words are fast in all papers.
MATCHING_IDS = """
WITH found AS MATERIALIZED (
  SELECT paper.id, paper.listed_on, paper.score
  FROM papers_paper paper JOIN papers_paperwords held ON held.paper_id = paper.id
  WHERE held.words @@ to_tsquery('simple', papers_plain(%(words)s)) AND paper.listed_on > %(since)s
    AND paper.merged_into_id IS NULL AND paper.withdrawn_at IS NULL
)
SELECT id FROM found ORDER BY listed_on DESC, score DESC, id DESC LIMIT %(limit)s
"""


def search(text: str, limit: int = 20) -> list[Paper]:
    """Return the papers whose title and authors contain every word of `text`, also as a prefix; newest first.

    An id, key or link finds that paper; the beginning of an arXiv id finds the papers whose id begins with it.
    """
    text = text.strip()[:MAX_TEXT]
    if (key := paper_key.key_of(text)) and (paper := known_paper(key)):
        return [paper]
    if PART_OF_ID.fullmatch(text):
        return list(Paper.objects.present().filter(key__startswith=f"arxiv:{text}").order_by("-key")[:limit])
    query, ids = tsquery_of(text), list[int]()
    newest = Paper.objects.aggregate(day=Max("listed_on"))["day"]
    for days in WINDOWS if query and newest else ():
        ids = matching_ids(query, newest - timedelta(days=days), limit)
        if len(ids) >= limit:
            break
    papers = Paper.objects.in_bulk(ids)
    return [papers[pk] for pk in ids if pk in papers]


def tsquery_of(text: str) -> str:
    """Return `text` as a tsquery; words of more than two letters match as prefixes."""
    words = WORD.findall(text)[:MAX_WORDS]
    told = [word for word in words if word.lower() not in STOP_WORDS] or words
    return " & ".join(f"'{word}'" + ":*" * (len(word) > 2) for word in told)


def matching_ids(words: str, since: date, limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(MATCHING_IDS, {"words": words, "since": since, "limit": limit})
        return [pk for (pk,) in cursor.fetchall()]


def paper_for_link(link: str) -> Paper:
    """Return the paper that `link` names; one that is not stored yet is fetched from arXiv, but not listed as new.

    This may take half a minute. Raise NotFound. Safe to repeat.
    """
    key = paper_key.key_of(link)
    if key is None:
        if (url := paper_key.url_key(link)) and (paper := known_paper(url)):
            return paper
        raise NotFound(NO_LINK)
    if (paper := known_paper(key)) is None:
        paper = fetch_paper(key)
    return paper


def known_paper(key: str) -> Paper | None:
    """Return the paper with this key or alias; where it is merged, the surviving one."""
    paper = store.papers_by_key({key}).get(key)
    return paper.line()[-1] if paper else None


def fetch_paper(key: str) -> Paper:
    name = paper_key.arxiv_id(key)
    if name is None:
        raise NotFound(NOT_ON_ARXIV)
    source = Source.objects.filter(kind=Source.Kind.ARXIV_API, is_active=True).first()
    source = source or Source(kind=Source.Kind.ARXIV_API, url=ARXIV_API)
    try:
        finding = ask_arxiv(source, name)
    except SourceError as exc:
        raise NotFound(ARXIV_UNREACHED.format(exc)) from exc
    if finding is None or finding.key != key:
        raise NotFound(UNKNOWN_TO_ARXIV.format(name))
    if finding.withdrawn:
        raise NotFound(f"The paper {name} was withdrawn from arXiv.")
    return store_paper(source, finding)


def ask_arxiv(source: Source, name: str) -> Finding | None:
    """Return arXiv's description of one paper, None where it has none; raise SourceError where it cannot be asked."""
    (address,) = arxiv_api.addresses_for_ids(source.url, [name])
    findings = fetch.fetch_listing_now(source, address, MAX_SECONDS).findings
    return findings[0] if findings else None


@transaction.atomic
def store_paper(source: Source, finding: Finding) -> Paper:
    """Store a paper as listed on the day it was submitted, so that it does not rank as new."""
    now = clock.now()
    submitted = min(finding.published_at or now, now)
    store.store_findings(source, (replace(finding, listed_on=submitted.date()),))
    paper = known_paper(finding.key)
    if paper is None:
        raise NotFound(UNKNOWN_TO_ARXIV.format(paper_key.arxiv_id(finding.key)))
    Paper.objects.filter(pk=paper.pk, first_seen_at=now).update(first_seen_at=submitted)
    return Paper.objects.get(pk=paper.pk)
