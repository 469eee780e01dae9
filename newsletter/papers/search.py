"""Find a paper: by words among those that are known, or by its link, asked of arXiv where nobody knew it."""

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

WINDOWS = (3, 30, 36_500)  # days; in the last few, common words find enough
# Too common to look for.
COMMON = {"a", "an", "and", "as", "by", "for", "from", "in", "is", "of", "on", "the", "to", "with"}  # fmt: skip
LONGEST = 200  # characters of a search that count
MOST_WORDS = 12
WORD = re.compile(r"[^\s'\\&|!<>():*\x00]+")
PART_OF_ID = re.compile(r"[0-9]{4}\.[0-9]{0,5}")
MOST_SECONDS = 10.0  # for arXiv's turn, and again for its answer

NO_LINK = "This is no paper’s link. Paste an arXiv id or link, a DOI, or the link of a page on Hugging Face papers."
ELSEWHERE = (
    "No source has brought this paper, and papers outside arXiv cannot be looked up. "
    "If it is on arXiv too, paste that link; if not, add a free item."
)
UNKNOWN = "arXiv knows no paper {}. Check the id: one digit more or less makes another paper of it."
UNREACHED = "arXiv cannot be asked now: {} Nothing was changed; try again in a minute."


class NotFound(Exception):
    """There is no such paper, or it cannot be told now. The message is for whoever looked for it."""


# Common words stand in very many papers, of which the newest are enough; rare ones are found at once among all.
FOUND = """
WITH found AS MATERIALIZED (
  SELECT paper.id, paper.listed_on, paper.score
  FROM papers_paper paper JOIN papers_paperwords held ON held.paper_id = paper.id
  WHERE held.words @@ to_tsquery('simple', papers_plain(%(words)s)) AND paper.listed_on > %(since)s
    AND paper.merged_into_id IS NULL AND paper.withdrawn_at IS NULL
)
SELECT id FROM found ORDER BY listed_on DESC, score DESC, id DESC LIMIT %(limit)s
"""


def search(text: str, limit: int = 20) -> list[Paper]:
    """Return the papers whose title and authors hold each word of `text`, or a word that begins so; newest first.

    A paper's id, key or link finds that paper; the beginning of an arXiv id those that begin so.
    """
    text = text.strip()[:LONGEST]
    if (key := paper_key.key_of(text)) and (paper := known_paper(key)):
        return [paper]
    if PART_OF_ID.fullmatch(text):
        return list(Paper.objects.present().filter(key__startswith=f"arxiv:{text}").order_by("-key")[:limit])
    query, ids = query_of(text), list[int]()
    newest = Paper.objects.aggregate(day=Max("listed_on"))["day"]
    for days in WINDOWS if query and newest else ():
        ids = ids_with(query, newest - timedelta(days=days), limit)
        if len(ids) >= limit:
            break
    papers = Paper.objects.in_bulk(ids)
    return [papers[pk] for pk in ids if pk in papers]


def query_of(text: str) -> str:
    """Return the words of `text` as PostgreSQL looks for them, the last and the longer ones as beginnings of words."""
    words = WORD.findall(text)[:MOST_WORDS]
    told = [word for word in words if word.lower() not in COMMON] or words
    return " & ".join(f"'{word}'" + ":*" * (len(word) > 2) for word in told)


def ids_with(words: str, since: date, limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(FOUND, {"words": words, "since": since, "limit": limit})
        return [pk for (pk,) in cursor.fetchall()]


def paper_of(link: str) -> Paper:
    """Return the paper that `link` names: a known one, or what arXiv says of it, stored but not listed.

    It may take half a minute. Raise NotFound with words for people. Safe to repeat.
    """
    key = paper_key.key_of(link)
    if key is None:
        if (url := paper_key.url_key(link)) and (paper := known_paper(url)):
            return paper
        raise NotFound(NO_LINK)
    if (paper := known_paper(key)) is None:
        paper = fetched_paper(key)
    return paper


def known_paper(key: str) -> Paper | None:
    """Return the paper known by a key or an alias; where it was merged, the one that is left."""
    paper = store.papers_by_key({key}).get(key)
    return paper.line()[-1] if paper else None


def fetched_paper(key: str) -> Paper:
    name = paper_key.arxiv_id(key)
    if name is None:
        raise NotFound(ELSEWHERE)
    source = Source.objects.filter(kind=Source.Kind.ARXIV_API, is_active=True).first()
    source = source or Source(kind=Source.Kind.ARXIV_API, url=ARXIV_API)
    try:
        finding = described(source, name)
    except SourceError as exc:
        raise NotFound(UNREACHED.format(exc)) from exc
    if finding is None or finding.key != key:
        raise NotFound(UNKNOWN.format(name))
    if finding.withdrawn:
        raise NotFound(f"The paper {name} was withdrawn from arXiv.")
    return stored(source, finding)


def described(source: Source, name: str) -> Finding | None:
    """Return what arXiv says of one paper, None where it knows none; raise SourceError where it says nothing."""
    (address,) = arxiv_api.addresses_for_ids(source.url, [name])
    findings = fetch.ask_once(source, address, MOST_SECONDS).findings
    return findings[0] if findings else None


@transaction.atomic
def stored(source: Source, finding: Finding) -> Paper:
    """Store a paper as of the day it was submitted: it is no news, and no listing brought it."""
    now = clock.now()
    submitted = min(finding.published_at or now, now)
    store.ingest(source, (replace(finding, listed_on=submitted.date()),))
    paper = known_paper(finding.key)
    if paper is None:
        raise NotFound(UNKNOWN.format(paper_key.arxiv_id(finding.key)))
    Paper.objects.filter(pk=paper.pk, first_seen_at=now).update(first_seen_at=submitted)
    return Paper.objects.get(pk=paper.pk)
