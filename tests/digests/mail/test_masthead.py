"""What stands above the papers says which days they are of, welcomes, and gives the true reason of a fallback."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.assembly import assemble
from digests.mail import compose
from digests.mail.masthead import FALLBACK_LEADS, masthead_of, text_lead
from digests.mail.reader_words import UNNAMED
from digests.mail.slots import fill
from digests.models import Digest
from digests.providers.interface import word_slots
from subscribers.models import Subscriber
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue

Kind = Digest.Kind
FRIDAY = date(2026, 5, 8)


@pytest.mark.parametrize(
    ("kind", "first", "last", "heading"),
    [
        (Kind.DAY, None, FRIDAY, "Friday, 8 May 2026"),
        (Kind.WEEK, date(2026, 5, 4), FRIDAY, "Week of 4 to 8 May"),
        (Kind.WEEK, date(2026, 4, 27), date(2026, 5, 1), "Week of 27 April to 1 May"),
        (Kind.WEEK, date(2026, 4, 27), FRIDAY, "27 April to 8 May"),
        (Kind.DAYS, date(2026, 5, 6), FRIDAY, "6 to 8 May"),
        (Kind.DAYS, date(2026, 12, 30), date(2027, 1, 2), "30 December to 2 January"),
        (Kind.WELCOME, None, FRIDAY, "Welcome"),
    ],
)
def test_the_heading_says_what_is_covered(kind: str, first: date | None, last: date, heading: str) -> None:
    assert masthead_of(kind, first, last).heading == heading


@pytest.mark.parametrize("reason", Digest.FallbackReason.values)
def test_each_reason_to_fall_back_has_a_sentence_of_its_own(reason: str) -> None:
    assert len(set(FALLBACK_LEADS.values())) == len(Digest.FallbackReason)
    assert "so here are the best" in FALLBACK_LEADS[Digest.FallbackReason(reason)]


@given(st.sampled_from(Kind.values), st.integers(0, 400), st.text("ab ", max_size=300))
def test_no_line_of_the_lead_is_wider_than_72_with_any_rhythm(kind: str, days: int, lead: str) -> None:
    masthead = masthead_of(kind, FRIDAY - timedelta(days=days), FRIDAY, " ".join(lead.split()))
    longest = "Wednesdays at 07:00, Ho Chi Minh time"
    lines = "".join(longest if part == "rhythm_text" else part for part in text_lead(masthead)).splitlines()
    assert all(len(line) <= 72 or " " not in line for line in lines)


@pytest.fixture
def digest(set_clock: object) -> Digest:
    topic = TopicFactory()
    published_issue(
        MONDAY, PaperFactory(topics=[topic], title="Seeing"), PaperFactory(topics=[topic], title="Hearing")
    )
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    return Digest.objects.get()


@pytest.mark.django_db
def test_a_first_mail_welcomes_and_says_what_comes_when(digest: Digest) -> None:
    parts = compose.compose(digest)
    words = word_slots((UNNAMED[0], ("rhythm", "weekdays at 07:00, Tokyo time")))
    html, text = fill(parts.html, words), fill(parts.text, words)
    assert ">Welcome</h1>" in html
    sentence = "From now on your digests come weekdays at 07:00, Tokyo time, if there is anything new."
    assert sentence in html
    assert sentence in " ".join(text.split())


@pytest.mark.django_db
def test_a_reader_who_comes_back_is_not_told_that_it_is_the_first_digest(
    digest: Digest, set_clock: Callable[[datetime], None]
) -> None:
    reader = Subscriber.objects.get()
    reader.unsubscribe()
    set_clock(MORNING + timedelta(days=1))
    published_issue(MONDAY + timedelta(days=1), PaperFactory(topics=[TopicFactory()]))
    reader.move_to(Subscriber.Status.PENDING)
    reader.confirm()
    assemble.assemble_due_digests()
    again = compose.compose(Digest.objects.exclude(pk=digest.pk).get())
    assert ">Welcome</h1>" in again.html
    for text in (again.html, again.text):
        assert "first digest" not in text


@pytest.mark.django_db
def test_a_weekly_mail_says_which_days_it_is_of_and_leads_to_the_newest_issue(digest: Digest) -> None:
    digest.kind, digest.first_day = Kind.WEEK, MONDAY - timedelta(days=3)
    parts = compose.compose(digest)
    assert ">Week of 1 to 4\u00a0May</h1>" in parts.html
    assert "\nWeek of 1 to 4 May\n2 papers\n" in parts.text
    assert '<div class="unseen" aria-hidden="true">Week of 1 to 4 May · 2 papers · ' in parts.html.replace(
        ' style="display: none;max-height: 0;overflow: hidden;mso-hide: all;"', ""
    )
    assert "<title>Paper Round: Week of 1 to 4\u00a0May</title>" in parts.html
    assert 'issues/2026-05-04/"' in parts.html
    assert ">Newest issue</a>" in parts.html
