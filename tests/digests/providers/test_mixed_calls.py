"""Digests of few readers share calls: each reader gets the own digest, and no call is more than the provider takes."""

import html
from dataclasses import replace

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from digests.providers import Mail, Provider, SharedBody
from digests.providers.single_lane import fill_slots
from tests.digests.providers.mails import CONTENT, SITE, copy_of, mails, sending_to, statuses, titled
from tests.digests.providers.test_escaping import TITLES
from tests.outside.provider import Provider as Server

MIXED = ("brevo", "mailjet")


def check(server: Server, ours: Provider, call: list[Mail]) -> None:
    """Hand over mails, and check that one call brought each reader what the reader's own digest says."""
    before = len(server.entries())
    assert statuses(ours, call) == ["accepted"] * len(call)
    entries = server.entries()[before:]
    assert len({entry.request for entry in entries}) == 1
    for entry, (content, copy) in zip(entries, call, strict=True):
        assert (entry.address, entry.delivery) == (copy.to, str(copy.delivery_id))
        assert entry.subject == " ".join(content.subject.split())
        assert entry.text.rstrip("\r\n") == fill_slots(content.text, copy).rstrip("\n")
        assert html.unescape(entry.html).rstrip("\n") == html.unescape(fill_slots(content.html, copy)).rstrip("\n")
        assert entry.headers["List-Unsubscribe"] == f"<{copy.links['unsubscribe_url']}>"
        assert entry.headers["List-Id"] == CONTENT.headers["List-Id"]


@pytest.mark.parametrize("name", MIXED)
def test_readers_of_any_digests_share_a_call_and_each_gets_the_own_one(settings: LazySettings, name: str) -> None:
    digests = [titled(title, key=key) for key, title in enumerate(TITLES)]
    with sending_to(name, settings, bodies=True) as (server, ours):

        @examples(max_examples=30, deadline=None)
        @given(st.lists(st.sampled_from(digests), min_size=1, max_size=20))
        def run(chosen: list[SharedBody]) -> None:
            check(server, ours, [Mail(content, copy_of(number)) for number, content in enumerate(chosen, 1)])

        run()


@pytest.mark.parametrize("name", MIXED)
def test_a_digest_with_fewer_slots_shares_the_call_too(settings: LazySettings, name: str) -> None:
    short = replace(CONTENT, key=2, html=("<p>", "unsubscribe_url", "</p>"), text=("Off: ", "unsubscribe_url", "\n"))
    with sending_to(name, settings, bodies=True) as (server, ours):
        check(server, ours, [*mails(2), Mail(short, copy_of(3))])


@pytest.mark.parametrize("name", MIXED)
def test_a_digest_with_other_headers_has_a_call_of_its_own(settings: LazySettings, name: str) -> None:
    other = replace(CONTENT, key=2, headers={**CONTENT.headers, "List-Id": "Other Papers <other.example.org>"})
    with sending_to(name, settings) as (server, ours):
        assert statuses(ours, [*mails(2), Mail(other, copy_of(3))]) == ["accepted"] * 3
        assert [(entry.request, entry.headers["List-Id"]) for entry in server.entries()] == [
            (1, CONTENT.headers["List-Id"]),
            (1, CONTENT.headers["List-Id"]),
            (2, other.headers["List-Id"]),
        ]


def test_a_reader_who_may_not_be_mailed_is_left_out_of_a_shared_call(settings: LazySettings) -> None:
    with sending_to("brevo", settings, bodies=True) as (server, ours):
        nobody = Mail(titled("Another", key=2), copy_of(2, "nobody"))
        assert statuses(ours, [*mails(1), nobody, Mail(titled("Third", key=3), copy_of(3))]) == [
            "accepted",
            "refused",
            "accepted",
        ]
        assert [entry.subject for entry in server.accepted()] == [CONTENT.subject, "Third"]


@pytest.mark.parametrize("length", [20, 100, 290])
def test_values_that_are_more_than_a_call_takes_are_several_calls(settings: LazySettings, length: int) -> None:
    settings.READERS_IN_DOUBT = 1_000
    readers = [copy_of(number, view_url=f"{SITE}/{'v' * (length - 27)}/") for number in range(1, 1_001)]
    readers = [replace(copy, words=(("choice", f"“{'é' * (length // 2)}”"),)) for copy in readers]
    with sending_to("brevo", settings, counting=True) as (server, ours):
        assert statuses(ours, [Mail(CONTENT, copy) for copy in readers]) == ["accepted"] * 1_000
        assert len({entry.request for entry in server.entries()}) == {20: 1, 100: 1, 290: 2}[length]
