from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from newsletter.papers.sources.arxiv_api import addresses, addresses_for_ids, parse
from newsletter.papers.sources.errors import SourceError
from tests.newsletter.papers.sources.conftest import payload

API = "https://export.arxiv.org/api/query"


def test_ids_are_asked_for_a_hundred_a_call() -> None:
    asked = addresses_for_ids(API, (f"2605.{number:05}" for number in range(250)))

    queries = [parse_qs(urlsplit(address).query) for address in asked]
    assert [len(query["id_list"][0].split(",")) for query in queries] == [100, 100, 50]
    assert {query["max_results"][0] for query in queries} == {"100"}


def test_old_ids_stay_readable_in_the_address() -> None:
    assert addresses_for_ids(API, ["hep-th/9901001"]) == [f"{API}?id_list=hep-th/9901001&start=0&max_results=100"]


def test_nothing_is_asked_for_no_ids() -> None:
    assert addresses_for_ids(API, []) == []


def test_a_query_is_asked_as_it_is() -> None:
    assert addresses(f"{API}?search_query=cat:cs.CL", [date(2026, 5, 4)]) == [f"{API}?search_query=cat:cs.CL"]


def test_an_entry_becomes_a_finding() -> None:
    finding = parse(payload("arxiv_api.xml"), API).findings[0]

    assert finding.key == "arxiv:hep-th/9901001"
    assert finding.title == "A Title That Is Broken by Hand"
    assert finding.abstract == "We break lines."
    assert finding.authors == ("Ada Example", "Bohumil Vzor")
    assert finding.categories == ("hep-th", "math.QA")
    assert finding.primary_category == "hep-th"
    assert finding.version == 3
    assert finding.published_at == datetime(1999, 1, 1, 14, 57, 58, tzinfo=UTC)
    assert finding.doi == "10.1000/xyz.1999.1"
    assert finding.listed_on is None
    assert not finding.withdrawn


def test_a_withdrawal_stands_in_the_comment() -> None:
    finding = parse(payload("arxiv_api.xml"), API).findings[1]

    assert finding.withdrawn
    assert finding.title == "0"


def test_an_error_dressed_as_an_entry_is_an_error() -> None:
    with pytest.raises(SourceError, match="incorrect id format for xyz"):
        parse(payload("arxiv_api_error.xml"), API)
