"""One paper from several sources: whose word counts for which field. Pure.

Each field has an origin: the authority of who gave it, and arXiv's version of the paper it is from. An editor's
correction counts more than arXiv, arXiv more than Hugging Face's copy of it, that more than whoever mentions the
paper; of one authority the later version counts, of one version the longer text, of one length the last by the
alphabet. Categories of one origin add up. The listing day is the earliest that any source gives, a replacement's not
counted. A paper is withdrawn where arXiv's latest version is, or an editor says so; the notice replaces no words.

So it does not matter in which order findings come, nor how often: `joined` is associative, commutative, idempotent.
docs/decisions, “Whose title wins”.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from newsletter.papers.models import Source
from newsletter.papers.sources.finding import Finding

# Columns of a paper by their names, “origins” among them: {column: [authority, version]}.
Fields = dict[str, Any]

BY_HAND = [4, 0]
FROM_ARXIV = {Source.Kind.ARXIV, Source.Kind.ARXIV_API}
AUTHORITY = {
    Source.Kind.ARXIV: 3,
    Source.Kind.ARXIV_API: 3,
    Source.Kind.HF_DAILY: 2,
    Source.Kind.SAMPLE: 2,
    Source.Kind.FEED: 1,
    Source.Kind.READERS: 1,
    Source.Kind.EDITORS: 1,
    Source.Kind.FORECAST: 1,
}
NOBODY = [0, 0]
WORDS = (
    "title", "abstract", "authors", "categories", "primary_category", "code_url", "project_url", "proposed_by",
)  # fmt: skip
LONGEST = {"title": 500, "proposed_by": 100, "code_url": 500, "project_url": 500, "primary_category": 30}  # columns
SPOKEN = (*WORDS, "withdrawn_at")
MERGED = (*SPOKEN, "origins", "version", "listed_on")
STATE = (*MERGED, "first_seen_at")


def offered(finding: Finding, kind: str, now: datetime) -> Fields:
    """Return what `finding` of a source of `kind` says, as columns; `listed_on` is None where it says nothing."""
    words = words_of(finding)
    origin = [AUTHORITY[Source.Kind(kind)], finding.version]
    origins = {name: origin for name in WORDS if words[name]}
    if kind in FROM_ARXIV:
        origins["withdrawn_at"] = origin
    return arranged({
        **words,
        "withdrawn_at": now if finding.withdrawn else None,
        "origins": origins,
        "version": finding.version,
        "listed_on": listing_day(finding, now.date()),
    })  # fmt: skip


def words_of(finding: Finding) -> Fields:
    """Return the texts and lists that fit their columns."""
    words = {name: getattr(finding, name) for name in WORDS}
    words |= {name: words[name] if len(words[name]) <= limit else "" for name, limit in LONGEST.items()}
    words["proposed_by"] = finding.proposed_by[: LONGEST["proposed_by"]]
    words["authors"] = list(finding.authors)
    words["categories"] = [name for name in finding.categories if len(name) <= LONGEST["primary_category"]]
    if finding.withdrawn:
        words["title"] = words["abstract"] = ""
    return words


def listing_day(finding: Finding, today: date) -> date | None:
    """Return the day `finding` lists its paper. A feed's date can be wrong: nothing was listed in the future."""
    if finding.announce.startswith("replace"):
        return None
    return min(finding.listed_on or today, today)


def joined(known: Fields, said: Fields) -> Fields:
    """Return the columns of one paper of which both are known."""
    fields: Fields = {"origins": {}}
    for name in SPOKEN:
        origin, told = known["origins"].get(name, NOBODY), said["origins"].get(name, NOBODY)
        if told > origin:
            fields[name] = said[name]
        elif told < origin or told == NOBODY:
            fields[name] = known[name]
        else:
            fields[name] = better(name, known[name], said[name])
        if (kept := max(origin, told)) != NOBODY:
            fields["origins"][name] = kept
    fields["version"] = max(known["version"], said["version"])
    fields["listed_on"] = earliest(known["listed_on"], said["listed_on"])
    return arranged(fields)


def better(name: str, one: Any, other: Any) -> Any:
    """Return which of two values of one origin counts."""
    if name == "categories":
        return sorted({*one, *other})
    if name == "withdrawn_at":
        return earliest(one, other)
    return max(one, other, key=lambda value: (len(value), value))


def united(own: Fields, others: Iterable[Fields]) -> Fields:
    """Return the columns of a paper that `others` were merged into: theirs where they have more authority than it.

    Versions of different papers do not compare. Whether it is withdrawn is its own matter, unless nobody says.
    """
    fields = {**own, "origins": {**own["origins"]}}
    for other in others:
        for name, origin in other["origins"].items():
            mine = fields["origins"].get(name, NOBODY)
            if origin[0] > mine[0] and (name != "withdrawn_at" or mine == NOBODY):
                fields[name], fields["origins"][name] = other[name], origin
        fields["version"] = fields["version"] or other["version"]
        fields["listed_on"] = earliest(fields["listed_on"], other["listed_on"])
        fields["first_seen_at"] = earliest(fields["first_seen_at"], other["first_seen_at"])
    return arranged(fields)


def corrected(known: Fields, values: Mapping[str, Any]) -> Fields:
    """Return the columns with what an editor says, which stays whatever comes."""
    return {**known, **values, "origins": {**known["origins"], **dict.fromkeys(values, BY_HAND)}}


def arranged(fields: Fields) -> Fields:
    """Put the primary category first and the others in the order of the alphabet."""
    primary = fields["primary_category"]
    fields["categories"] = sorted({*fields["categories"]}, key=lambda category: (category != primary, category))
    return fields


def earliest(one: Any, other: Any) -> Any:
    return min(one, other) if one is not None and other is not None else other if one is None else one


def packed(fields: Fields) -> dict[str, Any]:
    """Return the columns as plain JSON values."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in fields.items()}


def unpacked(values: Mapping[str, Any]) -> Fields:
    fields = {**values, "listed_on": date.fromisoformat(values["listed_on"])}
    for name in ("first_seen_at", "withdrawn_at"):
        fields[name] = datetime.fromisoformat(values[name]) if values[name] else None
    return fields
