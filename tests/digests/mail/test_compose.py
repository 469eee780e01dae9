import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Replace
from hypothesis import given
from hypothesis import strategies as st

from digests.assembly import assemble
from digests.mail import cards, compose, frame, slots
from digests.mail import links as mail_links
from digests.mail.subject import subject_of
from digests.models import Card, CardsPruned, Digest, Frame
from newsletter.issues import publish
from newsletter.issues.models import Issue
from newsletter.papers.models import Paper, Topic
from subscribers.models import Preferences
from tests.factories import (
    MONDAY,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SightingFactory,
    SubscriberFactory,
    TopicFactory,
    published_issue,
)
from tests.queries import query_count, statements

Detail = Preferences.Detail
BACKGROUND, STATEMENT = "Machines see little at night.", "We present an eye that needs no lamp and no sun at all."
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


@pytest.fixture
def topic() -> Topic:
    return TopicFactory(name="Seeing")


def digest_of(topic: Topic, *papers: Paper, detail: str = Detail.LINES) -> Digest:
    published_issue(MONDAY, *papers)
    SubscriberFactory(topics=[topic], max_papers=100, detail=detail)
    assemble.assemble_due_digests()
    return Digest.objects.get()


def test_cards_and_frame_are_stored_at_the_first_mail_and_never_rendered_again(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic]))
    first = compose.compose(digest)
    Card.objects.update(html=slots.slot("number") + "<p>as stored</p>")
    cards.known_cards.clear()
    assert "as stored" in compose.compose(digest).html
    assert Frame.objects.count() == 1
    assert "as stored" not in first.html


def test_a_mail_whose_cards_are_known_costs_no_query(topic: Topic) -> None:
    digest = digest_of(topic, *[PaperFactory(topics=[topic]) for _ in range(5)])
    compose.compose(digest)
    assert statements(lambda: compose.compose(digest)) == []


def test_papers_are_numbered_in_their_order_in_both_parts(topic: Topic) -> None:
    digest = digest_of(topic, *[PaperFactory(topics=[topic], title=f"Title {n:02}") for n in range(1, 13)])
    parts = compose.compose(digest)
    assert re.findall(r"^(\d+)\. +Title (\d+)", parts.text, re.M) == [(str(n), f"{n:02}") for n in range(1, 13)]
    assert re.findall(r">(\d+)</span>.*?Title (\d+)", parts.html) == [(str(n), f"{n:02}") for n in range(1, 13)]


def test_no_line_of_the_text_part_is_wider_than_72(topic: Topic) -> None:
    papers = [
        PaperFactory(topics=[topic], title="A rather long title " * 9, abstract="Words " * 300) for _ in range(3)
    ]
    text = slots.fill(compose.compose(digest_of(topic, *papers)).text, dict.fromkeys(slots.READER_SLOTS, ""))
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= 72


def test_the_preheader_goes_on_where_the_subject_ends(topic: Topic) -> None:
    titles = ["The leader of the day", "A second <b>one</b> & more", "Third", "Fourth " * 20]
    digest = digest_of(topic, *[PaperFactory(topics=[topic], title=title.strip()) for title in titles])
    preheader = preheader_in(compose.compose(digest).html)
    assert preheader.startswith("A second &lt;b&gt;one&lt;/b&gt; &amp; more · Third · Fourth Fourth")
    assert preheader.endswith("Fourth…")
    assert len(html.unescape(preheader)) <= 140


def test_behind_an_editors_subject_the_preheader_begins_with_the_first_title(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic], title="First"), PaperFactory(topics=[topic], title="Next"))
    digest.subject = "What a Monday"
    assert preheader_in(compose.compose(digest).html) == "First · Next"


def test_the_preheader_of_a_single_paper_is_its_summary(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic], abstract="It's short."))
    assert preheader_in(compose.compose(digest).html) == "It&#x27;s short."


def preheader_in(page: str) -> str:
    (found,) = re.findall(r'<div class="unseen"[^>]*>(.*?)</div>', page)
    return str(found)


def test_a_pick_is_marked_in_both_parts_and_once(topic: Topic) -> None:
    issue, paper = IssueFactory(), PaperFactory(topics=[topic])
    SightingFactory(paper=paper, votes=41, comments=1_234)
    EntryFactory(issue=issue, paper=paper, is_pick=True, note="Read.")
    EntryFactory(issue=issue, paper=PaperFactory(topics=[topic]))
    publish.publish(issue)
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    parts = compose.compose(Digest.objects.get())
    assert "Editors’ pick</b> · Seeing: arXiv cs.CL · 41&nbsp;votes</p>" in parts.html
    assert parts.html.count("Editors’ pick") == 1
    assert "EDITORS’ PICK · Seeing: arXiv cs.CL · 41 votes" in parts.text
    assert "Editor: Read." in parts.text


def test_a_reason_names_the_topic_and_the_word_that_speaks_for_it(topic: Topic) -> None:
    paper = PaperFactory(topics=[topic], votes=3)
    paper.paper_topics.update(evidence=["cs.AR", "phrase: systolic array", "phrase: GPU kernel"])
    parts = compose.compose(digest_of(topic, paper))
    assert ">Seeing: systolic array · 3&nbsp;votes</p>" in parts.html
    assert "\n    Seeing: systolic array · 3 votes\n" in parts.text


def test_a_card_names_who_wrote_it_and_leads_to_code_and_details(topic: Topic) -> None:
    links = {"code_url": "https://example.org/code?a=1&b=2", "project_url": "https://example.org/project"}
    paper = PaperFactory(topics=[topic], authors=["Ana", "Bo", *"CDEFGHIJKLMN"], **links)
    parts = compose.compose(digest_of(topic, paper))
    assert "Ana, Bo and 12&nbsp;more" in parts.html
    assert "Ana, Bo and 12 more" in parts.text
    assert re.findall(r"<a [^>]*>(\w+)</a>", parts.html.partition('class="foot"')[0]) == [
        "PDF",
        "Code",
        "Details",
        "Vote",
    ]
    assert f'href="{settings.SITE_URL}/issues/2026-05-04/#paper-1"' in parts.html
    assert links["project_url"] not in parts.html + parts.text
    assert 'href="https://example.org/code?a=1&amp;b=2"' in parts.html
    assert f"Code: {links['code_url']}" in parts.text


def test_a_paper_off_the_front_leads_to_its_project_since_no_page_shows_it(topic: Topic) -> None:
    paper = PaperFactory(topics=[topic], project_url="https://example.org/project")
    published_issue(MONDAY, PaperFactory(), shelf=(paper,))
    SubscriberFactory(topics=[topic])
    assemble.assemble_due_digests()
    page = compose.compose(Digest.objects.get()).html
    assert 'href="https://example.org/project"' in page
    assert "#paper-" not in page


def test_titles_authors_and_summaries_set_their_own_direction_and_the_body_its_language(topic: Topic) -> None:
    page = compose.compose(digest_of(topic, PaperFactory(topics=[topic]))).html
    assert re.search(r'<body lang="en" dir="ltr"', page)
    for name in "tas":
        assert re.search(rf'<(h2|p) class="{name}" dir="auto"', page)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=400), st.integers(1, 99))
def test_a_subject_holds_at_most_70_characters_of_a_title_and_the_count(title: str, count: int) -> None:
    first, _, rest = subject_of(Issue(), title, count).partition(f", and {count - 1} more paper")
    assert len(first) <= 70
    assert bool(rest) == (count > 2)


def test_the_foot_says_why_and_which_listings_and_how_to_change_pause_and_leave(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic]))
    Issue.objects.update(listings="arXiv cs.CL of 4 May")
    frame.frame_of.cache_clear()
    parts = compose.compose(digest)
    links = {name: f"https://example.org/{name}/" for name in slots.LINK_SLOTS}
    for part in (slots.fill(parts.html, links), slots.fill(parts.text, links)):
        part = " ".join(part.split())
        for words in ("You get ", "You subscribed", "1 paper", "Your settings", "Pause a week", "Unsubscribe",
                      "View online", "From arXiv, 4 May", "Whole issue",
                      settings.POSTAL_ADDRESS, "/issues/2026-05-04/", *links.values()):  # fmt: skip
            assert words in part


def test_what_was_stored_under_another_secret_key_is_rendered_anew(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic]))
    mailed = compose.compose(digest)
    for rows in (Card.objects.all(), Frame.objects.all()):
        rows.update(html=Replace("html", Value(slots.slot_key()), Value("0" * 20)))
    cards.known_cards.clear()
    frame.frame_of.cache_clear()
    assert compose.compose(digest) == mailed


def test_a_digest_whose_cards_are_gone_raises_cards_pruned(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic]), PaperFactory(topics=[topic]))
    Card.objects.filter(pk=digest.card_ids[1]).delete()
    with pytest.raises(CardsPruned):
        compose.compose(digest)
    with pytest.raises(CardsPruned):
        _ = digest.cards


def test_a_mail_stays_under_90_kb_and_says_how_many_papers_are_in_brief(topic: Topic) -> None:
    long = {"title": "𝒜" * 480, "abstract": "𝒜" * 3_000, "authors": ["𝒜" * 100] * 3}
    page = compose.compose(digest_of(topic, *[PaperFactory(topics=[topic], **long) for _ in range(30)])).html
    assert 60_000 < len(page.encode()) <= 90_000
    assert re.search(r"its last \d+ papers are listed in brief", page)
    assert page.count("<h2") == 30


@pytest.mark.parametrize(
    ("detail", "shown", "missing"),
    [
        (Detail.TITLE, [], [STATEMENT, BACKGROUND, "Ada Example"]),
        (Detail.LINES, [STATEMENT, "Ada Example"], [BACKGROUND]),
        (Detail.ABSTRACT, [f"{BACKGROUND} {STATEMENT}", "Ada Example"], []),
    ],
)
def test_as_much_stands_under_each_paper_as_the_reader_chose(
    topic: Topic, detail: str, shown: list[str], missing: list[str]
) -> None:
    papers = [
        PaperFactory(topics=[topic], title=title, abstract=f"{BACKGROUND} {STATEMENT}") for title in ("An eye", "Two")
    ]
    parts = compose.compose(digest_of(topic, *papers, detail=detail))
    for part in (parts.html, " ".join(parts.text.split())):
        assert "An eye" in part
        assert "Seeing" in part
        for words in shown:
            assert part.count(words) == 2
        assert not [words for words in missing if words in part]


def test_a_card_is_rendered_once_for_all_digests_of_its_detail(topic: Topic) -> None:
    published_issue(MONDAY, *[PaperFactory(topics=[topic]) for _ in range(3)])
    for most in (3, 2, 1):
        SubscriberFactory(topics=[topic], max_papers=most, detail=Detail.ABSTRACT)
    assemble.assemble_due_digests()
    largest, *others = sorted(Digest.objects.all(), key=lambda digest: -len(digest.card_ids))
    compose.compose(largest)
    assert statements(lambda: [compose.compose(digest) for digest in others]) == []


def test_the_editors_summary_stands_above_the_whole_abstract(topic: Topic) -> None:
    issue = IssueFactory()
    paper = PaperFactory(topics=[topic], abstract=f"{BACKGROUND} {STATEMENT}")
    EntryFactory(issue=issue, paper=paper, summary="It sees by *starlight*.")
    publish.publish(issue)
    SubscriberFactory(topics=[topic], detail=Detail.ABSTRACT)
    assemble.assemble_due_digests()
    parts = compose.compose(Digest.objects.get())
    for part in (parts.html, " ".join(parts.text.split())):
        assert re.search(f"starlight.*{re.escape(BACKGROUND)} {re.escape(STATEMENT)}", part, re.DOTALL)


MARK = "(summary by a machine, from Hugging Face)"


def test_a_machines_summary_says_in_both_parts_whose_it_is_and_never_in_the_preheader(
    topic: Topic, settings: Any
) -> None:
    settings.SHOW_MACHINE_SUMMARIES = True
    machine = "An eye of <glass> sees by starlight."
    parts = compose.compose(
        digest_of(topic, PaperFactory(topics=[topic], abstract=STATEMENT, machine_summary=machine))
    )
    assert "An eye of &lt;glass&gt; sees by starlight. <span" in parts.html
    assert f"{machine} {MARK}" in " ".join(parts.text.split())
    assert (parts.html.count(MARK), parts.html.count("starlight"), parts.html.count(STATEMENT)) == (1, 1, 1)
    assert STATEMENT in parts.html.partition("<h1")[0]


@pytest.mark.parametrize("detail", [Detail.TITLE, Detail.ABSTRACT])
def test_only_two_lines_may_be_a_machines(topic: Topic, settings: Any, detail: str) -> None:
    settings.SHOW_MACHINE_SUMMARIES = True
    paper = PaperFactory(topics=[topic], abstract=STATEMENT, machine_summary="It sees by starlight.")
    parts = compose.compose(digest_of(topic, paper, detail=detail))
    for part in (parts.html, parts.text):
        assert "starlight" not in part
        assert MARK not in part


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_digest_stays_as_it_was_published_where_the_setting_changes(
    topic: Topic, settings: Any, is_shown: bool
) -> None:
    settings.SHOW_MACHINE_SUMMARIES = is_shown
    digest = digest_of(
        topic, PaperFactory(topics=[topic], abstract=STATEMENT, machine_summary="It sees by starlight.")
    )
    settings.SHOW_MACHINE_SUMMARIES = not is_shown
    first = compose.compose(digest)
    Card.objects.update(html="", text="")
    cards.known_cards.clear()
    assert compose.compose(digest) == first
    assert ("starlight" in first.html) == ("starlight" in first.text) == is_shown


ABSTRACT = "It is seen by whoever looks at it. " * 60


@pytest.mark.parametrize(
    ("count", "authors", "lead"),
    [
        (30, 1, r"To keep this mail short, its last \d+ papers have two lines instead of the whole abstract\."),
        (62, 10, r"To keep this mail short, its last \d+ papers are listed in brief, "
                 r"and the others have two lines instead of the whole abstract\."),
    ],
)  # fmt: skip
def test_abstracts_are_shortened_to_two_lines_before_papers_are_listed_in_brief(
    topic: Topic, count: int, authors: int, lead: str
) -> None:
    words = {"abstract": ABSTRACT, "authors": ["A. Reader " * authors]}
    papers = [PaperFactory(topics=[topic], **words) for _ in range(count)]
    parts = compose.compose(digest_of(topic, *papers, detail=Detail.ABSTRACT))
    assert len(parts.html.encode()) <= compose.MAX_HTML_BYTES
    assert parts.html.count("<h2") == count
    for part in (parts.html, " ".join(parts.text.split())):
        assert len(re.findall(lead, part)) == 1


def test_a_mail_that_is_shortened_costs_one_query_and_then_none(topic: Topic) -> None:
    digest = digest_of(
        topic, *[PaperFactory(topics=[topic], abstract=ABSTRACT) for _ in range(30)], detail=Detail.ABSTRACT
    )
    cards.card_templates(digest.card_ids)
    frame.frame_of(digest.issue_id)
    for allowed in (1, 0):
        assert query_count(lambda: compose.compose(digest)) == allowed


def test_thirty_papers_with_a_way_to_vote_for_each_stay_under_90_kb_and_whole(topic: Topic) -> None:
    abstract = "It is seen by whoever looks at it. " * 60
    words = {"title": "Seeing " * 20, "abstract": abstract, "authors": ["A. Reader"] * 9}
    digest = digest_of(topic, *[PaperFactory(topics=[topic], **words) for _ in range(30)])
    page = slots.fill(compose.compose(digest).html, mail_links.links(10**12, 10**12, 1_000))
    assert len(page.encode()) <= 90_000
    assert "listed in brief" not in page
    voted = re.findall(r'href="[^"]+/vote/[^"]+/\?entry=(\d+)"', page)
    assert [int(pk) for pk in voted] == [card.entry_id for card in digest.cards]


def test_a_card_stored_without_a_way_to_vote_is_mailed_as_it_stands(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic], title="Seeing"))
    compose.compose(digest)
    plain = f"{slots.slot('number')} Seeing"
    Card.objects.update(html=plain, text=plain)
    cards.known_cards.clear()
    parts = compose.compose(digest)
    for part in (parts.html, parts.text):
        assert "Seeing" in part
    assert slots.slot("vote_url") not in parts.html


@pytest.mark.parametrize("name", slots.READER_SLOTS)
def test_a_papers_text_cannot_forge_a_slot(topic: Topic, name: str) -> None:
    forged = f"slot-{'0' * 20}-{name}-"
    digest = digest_of(topic, PaperFactory(topics=[topic], title=forged, abstract=forged))
    parts = compose.compose(digest)
    assert slots.fill(parts.html, dict.fromkeys(slots.READER_SLOTS, "FILLED")).count(forged) >= 2


@given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(slots.READER_SLOTS))
def test_cutting_and_filling_gives_back_what_was_cut(before: str, after: str, name: str) -> None:
    text = before + slots.slot(name) + after
    assert slots.fill(text, {name: slots.slot(name)}) == text
    assert slots.fill(text, {name: "X"}) == before + "X" + after


def test_the_lead_of_a_fallback_stays_where_papers_are_in_brief(topic: Topic) -> None:
    long = {"title": "𝒜" * 480, "abstract": "𝒜" * 3_000, "authors": ["𝒜" * 100] * 3}
    digest = digest_of(topic, *[PaperFactory(topics=[topic], **long) for _ in range(30)])
    digest.is_fallback, digest.fallback_reason = True, Digest.FallbackReason.MUTED
    assert re.search(r"your digests come.*an author that you mute.*listed in brief", compose.compose(digest).html)


def test_markup_in_a_paper_arrives_as_text(topic: Topic) -> None:
    digest = digest_of(topic, PaperFactory(topics=[topic], title="Let's <think> about <b>it</b> & more"))
    parts = compose.compose(digest)
    assert "&lt;think&gt; about &lt;b&gt;it&lt;/b&gt; &amp; more" in parts.html
    assert "Let's <think> about <b>it</b> & more" in parts.text
