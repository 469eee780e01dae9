from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection

from digests.models import LinkCheck
from digests.publication import checklist, link_check
from digests.publication.checklist import STOPS, WARNS, ChecklistItem, run_checklist
from newsletter.issues.models import Issue
from newsletter.papers.ingest import duplicates
from tests.factories import MONDAY, MORNING, EntryFactory, IssueFactory, PaperFactory, published_issue
from tests.newsletter.papers.sources.conftest import Reply, ScriptedServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
DAY = timedelta(days=1)


@pytest.fixture
def issue() -> Issue:
    return IssueFactory(date=MONDAY + DAY, subject="What a Tuesday")


def found(issue: Issue, words: str) -> ChecklistItem:
    (finding,) = [finding for finding in run_checklist(issue) if words in finding.what]
    return finding


def test_a_sound_issue_has_no_finding(issue: Issue) -> None:
    EntryFactory(issue=issue)
    assert run_checklist(issue) == []


def test_an_empty_front_stops(issue: Issue) -> None:
    assert [(finding.level, finding.what) for finding in run_checklist(issue)] == [(STOPS, "The front is empty.")]


def test_a_free_item_alone_stops(issue: Issue) -> None:
    EntryFactory(issue=issue, paper=None, free_title="A talk", free_text="Come.")
    assert found(issue, "There is no paper on the front.").level == STOPS


def test_a_missing_and_a_long_subject_are_findings() -> None:
    EntryFactory(issue=(silent := IssueFactory()))
    EntryFactory(issue=(wordy := IssueFactory(date=MONDAY + DAY, subject="A" * 71)))
    assert found(silent, "no subject").level == WARNS
    assert "71 characters" in found(wordy, "subject is").what


def test_a_draft_note_is_a_finding_with_its_entry(issue: Issue) -> None:
    entry = EntryFactory(issue=issue, note="Hm.", note_is_draft=True)
    EntryFactory(issue=issue, note="Done.")
    finding = found(issue, "is a draft")
    assert finding.entry_id == entry.pk
    assert finding.url.endswith(f"/{issue.pk}/change/#entry-{entry.pk}")


def test_an_entry_without_a_summary_is_a_finding(issue: Issue) -> None:
    EntryFactory(issue=issue, paper=PaperFactory(abstract=""), summary="Ours.")
    bare = EntryFactory(issue=issue, paper=PaperFactory(abstract=""))
    item = EntryFactory(issue=issue, paper=None, free_title="A meeting", free_url="https://example.org/")
    dropped = EntryFactory(issue=issue, paper=PaperFactory(abstract=""), dropped_at=MORNING)
    ids = {finding.entry_id for finding in run_checklist(issue) if "no summary" in finding.what}
    assert ids == {bare.pk, item.pk}
    assert dropped.pk not in ids


def test_a_front_longer_than_a_mail_is_a_finding(issue: Issue) -> None:
    for _ in range(90):
        EntryFactory(issue=issue, paper=PaperFactory(abstract="Words that go on. " * 60))
    assert found(issue, "longer than a mail").level == WARNS


def test_a_paper_from_an_earlier_front_is_a_finding_also_as_its_twin(issue: Issue) -> None:
    before, twin = PaperFactory(), PaperFactory()
    published_issue(MONDAY, before)
    entry = EntryFactory(issue=issue, paper=twin)
    assert run_checklist(issue) == []
    duplicates.merge(before, into=twin)
    finding = found(issue, "stood on the front of 4 May")
    assert (finding.level, finding.entry_id) == (WARNS, entry.pk)


def test_papers_from_an_earlier_shelf_are_one_finding(issue: Issue) -> None:
    shelved = PaperFactory(), PaperFactory()
    published_issue(MONDAY, PaperFactory(), shelf=shelved)
    for paper in shelved:
        EntryFactory(issue=issue, paper=paper)
    assert found(issue, "earlier shelf").what.startswith("2 papers")


# Links


@pytest.fixture
def server(settings: LazySettings) -> Iterator[ScriptedServer]:
    settings.FEED_ALLOW_LOOPBACK = True
    script = ScriptedServer()
    settings.FEED_PORTS = [script.port]
    yield script
    script.stop()


def test_a_dead_link_of_ones_own_stops_and_a_papers_warns(issue: Issue, server: ScriptedServer) -> None:
    server.replies["/gone"] = Reply(status=404)
    server.replies["/there"] = Reply()
    EntryFactory(issue=issue, paper=PaperFactory(code_url=f"{server.url}/gone", url=f"{server.url}/there"))
    item = EntryFactory(
        issue=issue, paper=None, free_title="A meeting", free_text="Soon.", free_url=f"{server.url}/gone"
    )
    front = checklist.front_cards(issue)
    assert len(link_check.links_to_follow(issue, front)) == 2
    assert link_check.check_links(issue, front) == 2
    assert link_check.links_to_follow(issue, front) == []
    levels = {finding.entry_id == item.pk: finding.level for finding in run_checklist(issue)}
    assert levels == {True: STOPS, False: WARNS}
    assert "404" in LinkCheck.objects.get(is_dead=True).trouble


def test_arxivs_pages_are_not_asked_for(issue: Issue) -> None:
    EntryFactory(issue=issue, paper=PaperFactory(project_url="https://arxiv.org/abs/2605.00658v2"))
    assert link_check.links_to_follow(issue, checklist.front_cards(issue)) == []


def test_links_of_intro_and_notes_are_followed_too(issue: Issue) -> None:
    Issue.objects.filter(pk=issue.pk).update(intro="See https://example.org/one.")
    issue.refresh_from_db()
    EntryFactory(issue=issue, note="And [two](https://example.org/two).")
    assert link_check.links_to_follow(issue, checklist.front_cards(issue)) == [
        "https://example.org/one",
        "https://example.org/two",
    ]


def test_an_answer_is_believed_for_hours_and_trouble_for_minutes(issue: Issue, set_clock: Callable[..., None]) -> None:
    Issue.objects.filter(pk=issue.pk).update(intro="https://example.org/well https://example.org/ill")
    issue.refresh_from_db()
    LinkCheck.objects.create(url="https://example.org/well")
    LinkCheck.objects.create(url="https://example.org/ill", trouble="The server took longer than 10 s.")
    assert link_check.links_to_follow(issue, []) == []
    set_clock(MORNING + timedelta(minutes=16))
    assert link_check.links_to_follow(issue, []) == ["https://example.org/ill"]
    set_clock(MORNING + timedelta(hours=13))
    assert len(link_check.links_to_follow(issue, [])) == 2


def test_links_of_what_an_editor_wrote_instead_of_a_paper_or_its_summary_are_followed(issue: Issue) -> None:
    EntryFactory(issue=issue, summary="Short. [Code](https://example.org/code)")
    EntryFactory(issue=issue, paper=None, free_title="A talk", free_text="At https://example.org/talk.")
    front = checklist.front_cards(issue)
    assert set(link_check.links_to_follow(issue, front)) == {"https://example.org/code", "https://example.org/talk"}


def test_a_header_that_cannot_be_written_stops(issue: Issue, settings: LazySettings) -> None:
    EntryFactory(issue=issue)
    settings.PUBLICATION_NAME = "Round\r\nBcc: x@example.org"
    finding = found(issue, "A mail with the subject “What a Tuesday” cannot be sent.")
    assert finding.level == STOPS
    assert "line break" in finding.meaning


def test_a_subject_and_a_title_of_two_lines_are_sent_as_one_and_no_finding(issue: Issue) -> None:
    EntryFactory(issue=issue, paper=PaperFactory(title="Two\r\nlines"))
    with connection.cursor() as cursor:  # past the model, as an import of old data would
        cursor.execute("UPDATE issues_issue SET subject = %s", ["Ed\r\nBcc: x@example.org"])
    issue.refresh_from_db()
    assert run_checklist(issue) == []
    issue.subject = ""
    assert [finding.what for finding in run_checklist(issue)] == ["There is no subject."]


def test_without_a_subject_the_best_fitting_of_the_first_papers_is_named() -> None:
    EntryFactory(issue=(silent := IssueFactory()))
    assert "the best fitting of its first three papers" in found(silent, "no subject").meaning
