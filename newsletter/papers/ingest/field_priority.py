"""Which source's value wins for each field of a paper. Pure.

Each field has an origin: the authority of its source, and the arXiv version it comes from. An editor's correction
outranks arXiv, arXiv outranks Hugging Face's copy of it, and that outranks a mention of the paper. Of one authority
the later version wins, of one version the longer text, of one length the alphabetically last. Categories of one
origin are united. The listing day is the earliest of any source; replacements do not count. A paper is withdrawn
where arXiv's latest version is, or where an editor says so; a withdrawal notice replaces neither title nor abstract.

So the order of findings, and repeated findings, make no difference: `join_fields` is associative, commutative
and idempotent.
docs/decisions, “Whose title wins”.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from newsletter.papers.models import Paper, Source
from newsletter.papers.sources.finding import Finding

# Columns of a paper by their names, “origins” among them: {column: [authority, version]}.
Fields = dict[str, Any]

EDITOR_ORIGIN = [4, 0]
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
NO_ORIGIN = [0, 0]
TEXT_FIELDS = (
    "title", "abstract", "machine_summary", "authors", "categories", "primary_category", "code_url", "project_url",
    "proposed_by",
)  # fmt: skip
MAX_LENGTHS = {
    "title": 500,
    "proposed_by": 100,
    "code_url": 500,
    "project_url": 500,
    "primary_category": 30,
}  # columns
CLAIMED_FIELDS = (*TEXT_FIELDS, "withdrawn_at")
SOURCED_FIELDS = (*CLAIMED_FIELDS, "origins", "version", "listed_on")
MERGE_FIELDS = (*SOURCED_FIELDS, "first_seen_at")


def fields_of_finding(finding: Finding, kind: str, now: datetime) -> Fields:
    """Return the columns that `finding` of a source of `kind` gives; `listed_on` is None for a replacement."""
    words = texts_of(finding)
    origin = [AUTHORITY[Source.Kind(kind)], finding.version]
    origins = {name: origin for name in TEXT_FIELDS if words[name]}
    if kind in FROM_ARXIV:
        origins["withdrawn_at"] = origin
    return sort_categories({
        **words,
        "withdrawn_at": now if finding.withdrawn else None,
        "origins": origins,
        "version": finding.version,
        "listed_on": listing_day(finding, now.date()),
    })  # fmt: skip


def is_shared_on_hugging_face(paper: Paper) -> bool:
    """Say whether the name in `proposed_by` is of a person who put the paper on Hugging Face's list."""
    authority, _ = paper.origins.get("proposed_by", NO_ORIGIN)
    return bool(authority == AUTHORITY[Source.Kind.HF_DAILY])


def texts_of(finding: Finding) -> Fields:
    """Return the texts and lists of `finding`; values that are too long for their columns are left out."""
    words = {name: getattr(finding, name) for name in TEXT_FIELDS}
    words |= {name: words[name] if len(words[name]) <= limit else "" for name, limit in MAX_LENGTHS.items()}
    words["proposed_by"] = finding.proposed_by[: MAX_LENGTHS["proposed_by"]]
    words["authors"] = list(finding.authors)
    words["categories"] = [name for name in finding.categories if len(name) <= MAX_LENGTHS["primary_category"]]
    if finding.withdrawn:
        words["title"] = words["abstract"] = ""
    return words


def listing_day(finding: Finding, today: date) -> date | None:
    """Return the day `finding` lists its paper on, at most today, because dates in feeds can be wrong."""
    if finding.announce.startswith("replace"):
        return None
    return min(finding.listed_on or today, today)


def join_fields(known: Fields, said: Fields) -> Fields:
    """Join two sets of columns of one paper; see the module on which values win."""
    fields: Fields = {"origins": {}}
    for name in CLAIMED_FIELDS:
        origin, told = known["origins"].get(name, NO_ORIGIN), said["origins"].get(name, NO_ORIGIN)
        if told > origin:
            fields[name] = said[name]
        elif told < origin or told == NO_ORIGIN:
            fields[name] = known[name]
        else:
            fields[name] = preferred_value(name, known[name], said[name])
        if (kept := max(origin, told)) != NO_ORIGIN:
            fields["origins"][name] = kept
    fields["version"] = max(known["version"], said["version"])
    fields["listed_on"] = earliest(known["listed_on"], said["listed_on"])
    return sort_categories(fields)


def preferred_value(name: str, one: Any, other: Any) -> Any:
    """Return the winning one of two values of the same origin."""
    if name == "categories":
        return sorted({*one, *other})
    if name == "withdrawn_at":
        return earliest(one, other)
    return max(one, other, key=lambda value: (len(value), value))


def unite_fields(own: Fields, others: Iterable[Fields]) -> Fields:
    """Return the columns of a paper that `others` are merged into: theirs win where they have more authority.

    Versions of different papers are not compared. `withdrawn_at` is taken from `others` only where `own` has no value.
    """
    fields = {**own, "origins": {**own["origins"]}}
    for other in others:
        for name, origin in other["origins"].items():
            mine = fields["origins"].get(name, NO_ORIGIN)
            if origin[0] > mine[0] and (name != "withdrawn_at" or mine == NO_ORIGIN):
                fields[name], fields["origins"][name] = other[name], origin
        fields["version"] = fields["version"] or other["version"]
        fields["listed_on"] = earliest(fields["listed_on"], other["listed_on"])
        fields["first_seen_at"] = earliest(fields["first_seen_at"], other["first_seen_at"])
    return sort_categories(fields)


def correct_fields(known: Fields, values: Mapping[str, Any]) -> Fields:
    """Return the columns with an editor's `values`, which outrank every source."""
    return {**known, **values, "origins": {**known["origins"], **dict.fromkeys(values, EDITOR_ORIGIN)}}


def sort_categories(fields: Fields) -> Fields:
    """Sort the categories: the primary one first, then alphabetically. Changes and returns `fields`."""
    primary = fields["primary_category"]
    fields["categories"] = sorted({*fields["categories"]}, key=lambda category: (category != primary, category))
    return fields


def earliest(one: Any, other: Any) -> Any:
    return min(one, other) if one is not None and other is not None else other if one is None else one


def to_json(fields: Fields) -> dict[str, Any]:
    """Return the columns as JSON values."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in fields.items()}


def from_json(values: Mapping[str, Any]) -> Fields:
    """Return the columns of `to_json`; rows stored before there were machine summaries lack theirs."""
    fields = {"machine_summary": "", **values, "listed_on": date.fromisoformat(values["listed_on"])}
    for name in ("first_seen_at", "withdrawn_at"):
        fields[name] = datetime.fromisoformat(values[name]) if values[name] else None
    return fields
