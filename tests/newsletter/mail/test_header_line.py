"""Text that becomes a header is one clean line where it is stored."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues.models import Issue
from newsletter.mail.header_line import HeaderLine, clean_line
from tests.factories import EntryFactory, IssueFactory

CRAFTED = "Ed\r\nBcc: x@example.org"
CLEAN = "Ed Bcc: x@example.org"


@given(st.text())
def test_a_clean_line_holds_no_control_and_no_line_break_and_stays_as_it_is(text: str) -> None:
    line = clean_line(text)
    assert not {"Cc", "Cs", "Zl", "Zp"} & set(map(unicodedata.category, line))
    assert len(line.splitlines()) <= 1
    assert clean_line(line) == line


def test_a_form_field_for_a_header_makes_one_line_of_what_a_script_posts() -> None:
    assert HeaderLine().clean(CRAFTED) == CLEAN


@pytest.mark.django_db
def test_every_way_of_storing_a_subject_stores_one_line() -> None:
    issue = IssueFactory(subject=CRAFTED)
    assert issue.subject == CLEAN
    assert Issue.objects.get().subject == CLEAN
    Issue.objects.update(subject=f"{CRAFTED}\u2028again")
    assert Issue.objects.get().subject == f"{CLEAN} again"
    issue.subject = CRAFTED
    issue.full_clean()
    assert issue.subject == CLEAN
    issue.subject = CRAFTED
    Issue.objects.bulk_update([issue], ["subject"])
    assert Issue.objects.get().subject == CLEAN


@pytest.mark.django_db
def test_the_title_of_a_free_item_is_one_line() -> None:
    assert EntryFactory(paper=None, free_title=CRAFTED).free_title == CLEAN
