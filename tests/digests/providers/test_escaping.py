"""What looks like a merge field in a paper's text arrives letter by letter, as the ledger's bodies show."""

import html
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digests.providers import Mail, Provider
from digests.providers.single_lane import fill_slots
from tests.digests.providers.mails import LANES, copy_of, sending_to, titled
from tests.outside import provider as outside

TITLES = [
    "%recipient.view_url% for %recipient_email%, %recipient%",
    "%RECIPIENT.sign%%unsubscribe_url% %tag_unsubscribe_url% %mailing_list_unsubscribe_url%",
    "50% of %% is 5 %20 %",
    "{{params.view_url}} {{ params.sign }} {{{contact.EMAIL}}} {% if x %} {# note #}",
    "{",
    "{{",
    "}} {{",
    "[[var:view_url]] [[data:name]] [[[var:sign]]] [[",
    "[",
    "$\\{{x}}$ [[x]] %(x)s {0} ${x} <b>&amp;</b> &#37;",
    'quotes " and \\" and \u2028 \u00e9 \U0001f600',
]
PIECES = st.lists(
    st.sampled_from(
        [*"%{}[]#. ", "recipient", "%recipient.view_url%", "params.view_url", "var:view_url", "unsubscribe_url"]
    ),
    max_size=10,
)
Both = tuple[outside.Provider, Provider]


@pytest.fixture(params=LANES)
def both(request: pytest.FixtureRequest, settings: LazySettings) -> Iterator[Both]:
    with sending_to(request.param, settings, bodies=True) as pair:
        yield pair


def check(both: Both, title: str, key: int) -> None:
    """Send a paper's title, which its reader also follows as words."""
    server, ours = both
    content = titled(title, key=key)
    copy = copy_of(key, choice="".join(filter(str.isprintable, title)))
    (outcome,) = ours.submit([Mail(content, copy)])
    assert outcome.is_accepted
    entry = server.accepted()[-1]
    assert entry.delivery == str(key)
    assert entry.subject == " ".join(title.split())
    assert entry.text.rstrip("\r\n").replace("\r\n", "\n") == fill_slots(content.text, copy).rstrip("\n")
    # Signs may stand as entities, which a mail program shows as the signs.
    assert html.unescape(entry.html).rstrip("\r\n").replace("\r\n", "\n") == html.unescape(
        fill_slots(content.html, copy)
    )


@pytest.mark.parametrize("title", TITLES)
def test_a_title_that_is_syntax_to_a_provider_arrives_letter_by_letter(both: Both, title: str) -> None:
    check(both, title, 1)


def test_any_mixture_of_signs_arrives_letter_by_letter(both: Both) -> None:
    keys = iter(range(1, 1000))

    @hypothesis_settings(max_examples=40, deadline=None)
    @given(PIECES.map("".join))
    def run(title: str) -> None:
        check(both, f"a{title}b", next(keys))
        check(both, f"a{title}", next(keys))

    run()


def test_a_headers_own_signs_are_not_filled(settings: LazySettings) -> None:
    with sending_to("mailgun", settings, bodies=True) as (server, ours):
        content = titled("Papers", headers={"List-Id": "100 %recipient.view_url% <papers.example.org>"})
        ours.submit([Mail(content, copy_of(1))])
        (entry,) = server.accepted()
    assert entry.headers["List-Id"] == "100 %recipient.view_url% <papers.example.org>"
