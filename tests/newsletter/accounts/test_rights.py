"""Every page and every action of the admin, and who may use it. A new one has to be entered here."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from digests.models import Batch, Delivery, ProviderEvent, ReturnedMail, SendingSwitch
from newsletter import audit
from newsletter.accounts import staff_accounts
from newsletter.accounts.roles import ROLES
from newsletter.issues.models import Cutoff, Issue
from newsletter.papers.forecast.model import load_shipped
from newsletter.papers.ingest import duplicates
from newsletter.papers.models import Objection, Proposal, TrainedForecast
from subscribers.models import Farewell, ImportRun, LiftedSuppression, Subscriber, Suppression
from tests.factories import (
    MONDAY,
    MORNING,
    EntryFactory,
    IssueFactory,
    PaperFactory,
    SourceFactory,
    SubscriberFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db
LETTERS = {"c": "curator", "e": "editor", "o": "operator", "s": "superuser", "-": "staff without a role"}


class Rights(NamedTuple):
    """Who may do what with the rows of one kind: a letter for each role."""

    view: str
    add: str = ""
    change: str = ""
    delete: str = ""


KINDS = {
    "issues_issue": Rights("ceos", "", "ces", ""),
    "issues_cutoff": Rights("ces", "es", "es", "es"),
    "papers_paper": Rights("ceos", "", "ces", ""),
    "papers_topic": Rights("ceos", "ces", "ces", ""),
    "papers_proposal": Rights("ces"),
    "papers_objection": Rights("ces"),
    "papers_source": Rights("os", "os", "os", "os"),
    "papers_trainedforecast": Rights("ceos"),
    "subscribers_subscriber": Rights("os", "", "s", ""),  # all its fields are read-only
    "subscribers_suppression": Rights("os", "os", "s", ""),
    "subscribers_liftedsuppression": Rights("os"),
    "subscribers_farewell": Rights("os", "", "s", ""),
    "subscribers_importrun": Rights("os", "os", "os", ""),
    "digests_delivery": Rights("os"),
    "digests_batch": Rights("os"),
    "digests_providerevent": Rights("os"),
    "digests_returnedmail": Rights("os"),
    "digests_sendingswitch": Rights("eos"),
    "auth_user": Rights("os", "os", "os", ""),
    "auth_group": Rights("s", "s", "s", "s"),
    "auditlog_logentry": Rights("eos"),
}
PAGES = {
    "issues_issue_prepare": "ces",
    "issues_issue_act": "ces",
    "issues_issue_find": "ces",
    "issues_issue_note_preview": "ces",
    "issues_issue_preview": "ceos",
    "issues_issue_reach": "ceos",
    "issues_issue_checks": "ceos",
    "issues_issue_test": "ces",
    "issues_issue_publish": "es",
    "issues_issue_withdraw": "es",
    "issues_issue_statistics": "eos",
    "issues_issue_papers": "eos",
    "papers_proposal_accept_one": "ces",
    "papers_proposal_decline_one": "ces",
    "digests_batch_progress": "os",
    "digests_delivery_statistics": "eos",
    "digests_sendingswitch_test": "os",
    "digests_sendingswitch_setup": "eos",
    "digests_sendingswitch_progress": "eos",
    "subscribers_subscriber_embed_form": "os",
    "subscribers_subscriber_export": "os",
    "subscribers_suppression_lift": "os",
    "subscribers_suppression_lift_day": "os",
    "subscribers_importrun_report": "os",
    "auth_user_password_change": "os",
}
POSTED = {"issues_issue_act", "issues_issue_note_preview"}  # pages that are asked for by POST alone
OF_EVERYBODY_AT_WORK = {
    "index", "search", "password_change", "password_change_done", "jsi18n", "app_list", "view_on_site",
}  # fmt: skip
OF_EVERYBODY = {"login", "logout", "autocomplete"}
ACTIONS = {
    ("papers_source", "fetch_now"): "os",
    ("papers_source", "pause"): "os",
    ("papers_source", "resume"): "os",
    ("papers_paper", "rescore"): "ces",
    ("papers_paper", "retag"): "ces",
    ("subscribers_subscriber", "suppress"): "os",
    ("papers_source", "delete_selected"): "os",
    ("papers_paper", "merge"): "ces",
    ("papers_paper", "withdraw"): "ces",
    ("papers_proposal", "accept"): "ces",
    ("papers_proposal", "decline"): "ces",
    ("papers_objection", "accept"): "ces",
    ("papers_objection", "dismiss"): "ces",
    ("issues_cutoff", "delete_selected"): "es",
    ("digests_delivery", "say_sent"): "os",
    ("digests_delivery", "say_not_sent"): "os",
    ("digests_providerevent", "suppress"): "os",
    ("digests_providerevent", "let_go"): "os",
    ("auth_user", "reset_second_factor"): "os",
    ("auth_group", "delete_selected"): "s",
}
BUTTONS = {
    ("papers_paper", "split"): "ces",
    ("issues_issue", "hold"): "es",
}
BUTTONS_ELSEWHERE = {("issues_issue", "release")}  # on an issue in another state: tested beside it


LINKS = {
    "Issues": "/admin/issues/issue/", "Cutoffs": "/admin/issues/cutoff/", "Proposals": "/admin/papers/proposal/",
    "Papers": "/admin/papers/paper/", "Topics": "/admin/papers/topic/",
    "Sources": "/admin/papers/source/", "Subscribers": "/admin/subscribers/subscriber/",
    "Accounts": "/admin/auth/user/", "Audit log": "/admin/auditlog/logentry/",
    "Sending": "/admin/digests/sendingswitch/", "Deliveries": "/admin/digests/delivery/",
}  # fmt: skip


@pytest.fixture
def rows() -> dict[str, Model]:
    """One row of every kind that has a page."""
    issue, into, paper = IssueFactory(date=MONDAY), PaperFactory(), PaperFactory()
    EntryFactory(issue=issue, paper=into)
    duplicates.merge(paper, into)
    reader = SubscriberFactory()
    audit.record(None, issue, "held")
    suppression = Suppression.objects.create(address_hash="a" * 64, reason="bounce")
    uncertain = Delivery.objects.create(
        subscriber=reader, preferences=reader.preferences, slot=MORNING, status="uncertain", expires_at=MORNING
    )
    run = ImportRun.objects.create(name="x.csv", format="plain", consent_source="x", consent_on=MONDAY, is_upload=True)
    run.report_path.parent.mkdir(parents=True, exist_ok=True)
    run.report_path.write_text("line\n")
    lifted = LiftedSuppression.objects.create(
        address_hash="b" * 64, reason="bounce", suppressed_at=MORNING, by="x", note="x"
    )
    return {
        "issues_issue": issue,
        "issues_cutoff": Cutoff.objects.create(weekday=0),
        "papers_paper": paper,
        "papers_topic": TopicFactory(),
        "papers_proposal": Proposal.objects.create(key=into.key, link=into.url, paper=into, reader_key="x"),
        "papers_objection": Objection.objects.create(paper=into, topic=TopicFactory(), reader_id=1),
        "papers_source": SourceFactory(),
        "papers_trainedforecast": TrainedForecast.objects.create(arrays=b"", facts=load_shipped().described()),
        "subscribers_subscriber": reader,
        "subscribers_suppression": suppression,
        "subscribers_liftedsuppression": lifted,
        "subscribers_farewell": Farewell.objects.create(subscriber=reader, reason=Farewell.Reason.values[0]),
        "subscribers_importrun": run,
        "digests_delivery": uncertain,
        "digests_batch": Batch.objects.create(),
        "digests_providerevent": ProviderEvent.objects.create(
            provider="x", kind="bounced", key="x", body={}, happened_at=MORNING
        ),
        "digests_returnedmail": ReturnedMail.objects.create(key="x", why="odd", size=1),
        "digests_sendingswitch": SendingSwitch.objects.create(pk=1),
        "auth_user": User.objects.create_user("somebody"),
        "auth_group": Group.objects.create(name="another"),
        "auditlog_logentry": LogEntry.objects.get(),
    }


def at_work(letter: str) -> Client:
    """Return the browser of somebody with one role."""
    staff_accounts.ensure_roles()
    user = User.objects.create_user(LETTERS[letter][:20], is_staff=True, is_superuser=letter == "s")
    if LETTERS[letter] in ROLES:
        user.groups.add(Group.objects.get(name=LETTERS[letter]))
    client = Client()
    client.force_login(user)
    return client


def named(patterns: list[Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield the name and the arguments of each address below the admin."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from named(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name, set(pattern.pattern.regex.groupindex)


ADDRESSES = dict(named(admin.site.get_urls()))


def expected(name: str) -> str | None:
    """Return who may open a page, None for one that is in no table."""
    if name in PAGES:
        return PAGES[name]
    if name in OF_EVERYBODY_AT_WORK:
        return "-ceos"
    kind, _, page = name.rpartition("_")
    if kind not in KINDS:
        return None
    rights = KINDS[kind]
    return {"changelist": rights.view, "history": rights.view, "change": rights.view}.get(page) or {
        "add": rights.add,
        "delete": rights.delete,
    }.get(page)


def address(name: str, rows: dict[str, Model]) -> str:
    arguments = ADDRESSES[name]
    if not arguments:
        return reverse(f"admin:{name}")
    if name == "app_list":
        return reverse("admin:app_list", args=["papers"])
    if name == "view_on_site":
        issue = rows["issues_issue"]
        return reverse("admin:view_on_site", args=[ContentType.objects.get_for_model(issue).pk, issue.pk])
    (row,) = (row for kind, row in rows.items() if name.startswith(f"{kind}_"))
    if "act" in arguments:
        return reverse(f"admin:{name}", args=[row.pk, "subject"])
    return reverse(f"admin:{name}", args=[row.pk])


def ask(client: Client, name: str, rows: dict[str, Model]) -> HttpResponse:
    """Ask for a page in the way that changes nothing."""
    send: Any = client.post if name in POSTED else client.get
    response: HttpResponse = send(address(name, rows), {"seen": "0", "subject": ""})
    return response


def test_every_address_of_the_admin_is_in_the_table() -> None:
    missing = {name for name in ADDRESSES if name not in OF_EVERYBODY and expected(name) is None}
    assert not missing, "Say in KINDS or PAGES who may open these"


def test_every_action_of_the_admin_is_in_the_table() -> None:
    declared = set()
    for model, page in admin.site._registry.items():
        kind = f"{model._meta.app_label}_{model._meta.model_name}"
        declared |= {(kind, name) for name in page.actions or () if isinstance(name, str)}
        declared |= {(kind, name) for name in page.actions_submit_line}  # type: ignore[attr-defined]
        named_pages = (*page.actions_list, *page.actions_detail, *page.actions_row)  # type: ignore[attr-defined]
        assert {f"{kind}_{name}" for name in named_pages} <= PAGES.keys()
    tables = ACTIONS.keys() | BUTTONS.keys() | BUTTONS_ELSEWHERE
    assert {entry for entry in tables if entry[1] != "delete_selected"} == declared


@pytest.mark.parametrize("letter", LETTERS)
def test_a_role_opens_its_pages_and_no_others(letter: str, rows: dict[str, Model]) -> None:
    client = at_work(letter)
    for name in ADDRESSES.keys() - OF_EVERYBODY:
        status = ask(client, name, rows).status_code
        if name == "app_list" and letter == "-":  # there is no list of an app that somebody may see nothing of
            assert status == 404, name
            continue
        may = letter in (expected(name) or "")
        assert status in ({200, 302} if may else {403}), f"{LETTERS[letter]}: {name} answers {status}"


def test_who_did_not_log_in_is_led_to_the_login_from_every_page(client: Client, rows: dict[str, Model]) -> None:
    for name in ADDRESSES.keys() - OF_EVERYBODY - {"jsi18n"}:
        response = ask(client, name, rows)
        assert response.status_code == 302, name
        assert response["Location"].startswith(reverse("admin:login")), name


@pytest.mark.parametrize("letter", LETTERS)
def test_a_role_changes_what_it_may_and_nothing_else(letter: str, rows: dict[str, Model]) -> None:
    client = at_work(letter)
    for kind, rights in KINDS.items():
        status = client.post(address(f"{kind}_change", rows), {"nothing": "at all"}).status_code
        assert (status != 403) == (letter in rights.change), f"{LETTERS[letter]}: {kind} answers {status}"


@pytest.mark.parametrize("letter", "ceos")
def test_a_role_is_offered_its_actions_and_no_others(letter: str, rows: dict[str, Model]) -> None:
    client = at_work(letter)
    offered = set()
    for kind in {kind for kind, _ in ACTIONS}:
        page = client.get(reverse(f"admin:{kind}_changelist")).content.decode()
        select = re.search(r'<select name="action".*?</select>', page, re.DOTALL)
        offered |= {(kind, name) for name in re.findall(r'<option value="(\w+)"', select[0] if select else "")}
    assert offered == {action for action, letters in ACTIONS.items() if letter in letters}


@pytest.mark.parametrize("letter", "ceos")
def test_a_role_is_offered_its_buttons_and_no_others(letter: str, rows: dict[str, Model]) -> None:
    client = at_work(letter)
    offered = set()
    for kind in {kind for kind, _ in BUTTONS}:
        page = client.get(address(f"{kind}_change", rows)).content.decode()
        offered |= {(kind, name) for name in re.findall(rf'name="{kind}_(\w+)"', page)}
    assert offered == {button for button, letters in BUTTONS.items() if letter in letters}


@pytest.mark.parametrize(
    ("letter", "button", "status"),
    [
        ("c", "hold", "draft"),
        ("c", "release", "held"),
        ("o", "hold", "draft"),
        ("-", "hold", "draft"),
    ],
)
def test_a_button_that_is_not_offered_does_nothing_when_it_is_sent_all_the_same(
    letter: str, button: str, status: str, rows: dict[str, Model]
) -> None:
    Issue.objects.update(status=status)
    at_work(letter).post(address("issues_issue_change", rows), {f"issues_issue_{button}": "1"})
    assert Issue.objects.get().status == status


@pytest.mark.parametrize("letter", "co-")
@pytest.mark.parametrize("status", ["draft", "published"])
def test_only_editors_publish_and_withdraw(letter: str, status: str, rows: dict[str, Model]) -> None:
    Issue.objects.update(status=status, published_at=MORNING if status == "published" else None)
    page = "publish" if status == "draft" else "withdraw"
    asked = {"act": "publish", "is_sure_of": "1", "revision": "0", "reason": "A retraction."}
    assert at_work(letter).post(address(f"issues_issue_{page}", rows), asked).status_code == 403
    assert Issue.objects.get().status == status


@pytest.mark.parametrize("letter", LETTERS)
def test_a_reader_is_looked_at_by_editors_alone(letter: str, rows: dict[str, Model]) -> None:
    client, reader = at_work(letter), rows["subscribers_subscriber"]
    assert isinstance(reader, Subscriber)
    may = letter in "es"
    for page in ("preview", "test"):
        for typed in (reader.email, "nobody@example.org"):  # the answer says nothing of who is a reader
            status = client.post(address(f"issues_issue_{page}", rows), {"reader": typed}).status_code
            assert (status != 403) == may, f"{page} answers {status}"


@pytest.mark.parametrize("letter", LETTERS)
def test_proposals_are_decided_by_those_who_arrange(letter: str, rows: dict[str, Model]) -> None:
    at_work(letter).post(address("papers_proposal_decline_one", rows), {"is_sure": "1"})
    assert (Proposal.objects.get().status == "declined") == (letter in "ces")


def test_an_editor_pauses_sending_and_only_an_operator_lets_it_go_on(rows: dict[str, Model]) -> None:
    editor, operator = at_work("e"), at_work("o")
    page = reverse("admin:digests_sendingswitch_changelist")
    paused = SendingSwitch.objects.exclude(paused_at=None)
    editor.post(page, {"act": "pause", "reason": "A wrong subject", "is_sure": "1"})
    assert paused.exists()
    assert "Resume sending" not in editor.get(page).content.decode()
    assert editor.post(page, {"act": "resume", "is_sure": "1"}).status_code == 403
    assert paused.exists()
    operator.post(page, {"act": "resume", "is_sure": "1"})
    assert not paused.exists()


@pytest.mark.parametrize(
    ("letter", "seen", "hidden"),
    [
        (
            "c",
            {"Issues", "Cutoffs", "Papers", "Proposals", "Topics"},
            {"Sources", "Subscribers", "Accounts", "Audit log", "Sending"},
        ),
        ("e", {"Issues", "Cutoffs", "Proposals", "Sending", "Audit log"}, {"Subscribers", "Accounts", "Deliveries"}),
        ("o", {"Sources", "Subscribers", "Accounts", "Sending", "Audit log"}, {"Cutoffs", "Proposals"}),
        ("-", set(), set(LINKS)),
    ],
)
def test_the_sidebar_shows_what_somebody_may_open(letter: str, seen: set[str], hidden: set[str]) -> None:
    page = at_work(letter).get(reverse("admin:password_change")).content.decode()
    links = {name for name, path in LINKS.items() if f'href="{path}"' in page}
    assert seen <= links
    assert not hidden & links
