import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from newsletter.issues.models import Issue
from newsletter.papers.community import proposals
from newsletter.papers.models import Proposal
from tests.factories import PaperFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
QUEUE = reverse("admin:papers_proposal_changelist")
LINK = "https://arxiv.org/abs/2605.00658"


@pytest.fixture
def curator(client: Client) -> Client:
    user = User.objects.create_user("mara", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_proposal", "change_proposal")))
    client.force_login(user)
    return client


def proposed(link: str = LINK, *readers: str) -> Proposal:
    for reader in readers or ("ada",):
        proposals.propose(proposals.read_link(link), f"{reader} <likes> it.", reader)
    return Proposal.objects.alike(proposals.read_link(link).key)[0]


def decide(client: Client, action: str, *rows: Proposal, **typed: str) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **typed}
    return client.post(QUEUE, data, follow=True).content.decode()


def test_the_queue_has_one_row_a_paper_with_its_proposers_and_their_reasons(curator: Client) -> None:
    PaperFactory(key="arxiv:2605.00658", title="A <known> one")
    proposed(LINK, "ada", "bo", "cy")
    proposed("https://example.org/x")
    page = curator.get(QUEUE).content.decode()
    assert page.count('name="_selected_action"') == 2
    assert "A &lt;known&gt; one" in page
    assert "3 reasons" in page
    for reader in ("ada", "bo", "cy"):
        assert f"“{reader} &lt;likes&gt; it.”" in page


def test_accepting_asks_for_a_word_and_then_takes_the_paper_in(curator: Client) -> None:
    PaperFactory(key="arxiv:2605.00658", title="A known one")
    row = proposed()
    page = decide(curator, "accept", row)
    assert "Message to the proposer" in page
    assert Proposal.objects.get().status == "new"
    page = decide(curator, "accept", row, is_sure="1", answer="With pleasure.")
    assert "“A known one” was accepted. It is in the draft of 4 May" in page
    assert Proposal.objects.get().answer == "With pleasure."
    assert [entry.title for entry in Issue.objects.get().entries.front()] == ["A known one"]


def test_declining_keeps_the_word(curator: Client) -> None:
    row = proposed()
    assert "was declined" in decide(curator, "decline", row, is_sure="1", answer="Too old.")
    assert list(Proposal.objects.values_list("status", "answer")) == [("declined", "Too old.")]
    assert "None of these is waiting" in decide(curator, "decline", row, is_sure="1")


def test_what_is_no_paper_needs_a_title(curator: Client) -> None:
    row = proposed("https://example.org/x")
    assert "This field is required" in decide(curator, "accept", row, is_sure="1")
    assert not Issue.objects.exists()
    decide(curator, "accept", row, is_sure="1", **{f"item{row.pk}-title": "A talk"})
    assert Issue.objects.get().entries.get(paper=None).free_title == "A talk"


def test_one_proposal_has_a_page_with_the_same_two_buttons(curator: Client) -> None:
    row = proposed(LINK, "ada", "bo")
    page = curator.get(reverse("admin:papers_proposal_change", args=[row.pk])).content.decode()
    assert "bo &lt;likes&gt; it." in page
    for act in ("accept", "decline"):
        assert f"/{row.pk}/{act}" in page
    path = reverse("admin:papers_proposal_decline_one", args=[row.pk])
    assert "Message to the proposer" in curator.get(path).content.decode()
    assert Proposal.objects.filter(status="new").count() == 2
    curator.post(path, {"is_sure": "1", "answer": "No."})
    assert Proposal.objects.filter(status="declined", answer="No.").count() == 2


def test_who_may_only_look_decides_nothing(client: Client) -> None:
    user = User.objects.create_user("lea", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_proposal"))
    client.force_login(user)
    row = proposed()
    page = client.get(QUEUE).content.decode()
    assert LINK in page
    assert "Accept into the draft" not in page
    decide(client, "accept", row, is_sure="1")
    for act in ("accept", "decline"):
        path = reverse(f"admin:papers_proposal_{act}_one", args=[row.pk])
        assert client.post(path, {"is_sure": "1"}).status_code == 403
    assert Proposal.objects.get().status == "new"


def test_who_has_no_permission_sees_no_queue(client: Client) -> None:
    client.force_login(User.objects.create_user("lea", is_staff=True))
    assert client.get(QUEUE).status_code == 403
