import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from digests.assembly import assemble
from digests.models import Batch, Delivery, ProviderEvent, PublishRequest
from digests.sending import send_batch
from newsletter.issues.desk import proposal_decisions
from newsletter.issues.models import Issue, IssueEntry
from newsletter.papers.models import Proposal, Vote
from subscribers import letters, tokens
from subscribers.digest_schedule import Rhythm
from subscribers.imports import uploads
from subscribers.imports.import_run import stored_defaults
from subscribers.models import Farewell, ImportRun, Letter, SignupRequest, Subscriber, Suppression
from subscribers.subscription import link_requests, requests
from tests.digests.provider_events.webhooks import SETTINGS, Event, post
from tests.factories import MONDAY, MORNING, PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.links import press
from tests.provider import sent
from tests.subscribers.signups import answer_all, answers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]
TYPED, CANONICAL, NETWORK = "Ada.Lovelace@Analytical.Example.ORG", "ada.lovelace@analytical.example.org", "93.184.216"
# Parts of the address, however it is spelled, what the reader wrote, and where the reader came from.
TRACES = ("lovelace", "analytical", "difference engine", "babbage", "farewell words", NETWORK)
FILE = f"email,status\n{TYPED},spam\n{CANONICAL},\nda {TYPED},\n"


@pytest.fixture
def reader(client: Client, admin_client: Client, settings: LazySettings, tmp_path: Path) -> Subscriber:
    """A reader who did all that can be done here, and about whom others did all that they can."""
    settings.ANYMAIL, settings.VAR_DIR = SETTINGS, tmp_path
    settings.WEBHOOK_FORMER_PROVIDERS = ["postmark"]
    published_issue(MONDAY, PaperFactory(topics=[TopicFactory(slug="vision")], title="An engine"))
    join(client)
    reader = Subscriber.objects.get()
    speak_of_papers(client)
    be_told_by_the_provider(client)
    move_away_and_back(client, reader)
    be_written_to_by_others()
    be_noted_by_operators(admin_client, reader)
    be_looked_at_by_editors(admin_client, reader)
    Farewell.objects.create(subscriber=reader, words=f"Farewell words of {TYPED}")
    return reader


def join(client: Client) -> None:
    words = {"followed_phrases": "difference engine", "muted_authors": "Charles Babbage"}
    client.post("/subscribe/", answers(email=TYPED, **words), REMOTE_ADDR=f"{NETWORK}.34")
    press(client, link_of(answer_all()[0]))
    assemble.assemble_due_digests()
    send_batch.send_batch(Batch.objects.get())


def speak_of_papers(client: Client) -> None:
    """Vote by the digest, and propose one paper that is taken and one that waits."""
    vote, propose = (re.findall(rf"https?://[^/\s]+(/{page}/\S+)", sent()[-1].body)[0] for page in ("vote", "propose"))
    entry = IssueEntry.objects.get().pk
    press(client, f"{vote.partition('?')[0]}?entry={entry}", {"entry": entry, "act": "vote"})
    for paper in (PaperFactory(), PaperFactory()):
        press(client, propose, {"paper": paper.url, "because": f"Mrs Lovelace asks, {TYPED}"})
    proposal_decisions.accept(Proposal.objects.latest("pk"), None, "Thank you")
    assert (Vote.objects.count(), Proposal.objects.exclude(why="").count()) == (1, 2)


def link_of(letter: Letter | None) -> str:
    assert letter is not None
    letters.send(letter)
    link = re.search(r"https?://[^/\s]+(/(?:confirm|address|erase)/\S+)", sent()[-1].body)
    assert link
    return link[1]


def be_told_by_the_provider(client: Client) -> None:
    known, letter = {"delivery": str(Delivery.objects.get().pk)}, {"letter": str(Letter.objects.get().pk)}
    for minute, metadata in enumerate((known, letter, {"delivery": "999999"})):
        event = Event("postmark", "bounced", TYPED, MORNING.replace(minute=minute), metadata)
        assert post(client, event).status_code == 200
    ProviderEvent.objects.filter(delivery_id=999999).update(put_aside="unknown")


def move_away_and_back(client: Client, reader: Subscriber) -> None:
    for address in ("lovelace@other.example.org", TYPED):
        press(client, link_of(link_requests.plan_move_letter(reader, address)))
        reader.refresh_from_db()
    assert reader.canonical == CANONICAL


def be_written_to_by_others() -> None:
    """Have another wait for a letter there, one who had the address before, and a sign-up nobody answered yet."""
    one, other = SubscriberFactory.create_batch(2)
    one.letters.create(kind=Letter.Kind.ADDRESS, address=CANONICAL)
    other.letters.create(kind=Letter.Kind.MOVED, address=CANONICAL, status=Letter.Status.SENT)
    requests.store_request(
        SignupRequest.Kind.SUBSCRIBE, TYPED, answers(), network=f"{NETWORK}.0/24", ip=f"{NETWORK}.34"
    )


def be_looked_at_by_editors(admin: Client, reader: Subscriber) -> None:
    """Have the draft shown as the reader gets it, and its publication asked for."""
    draft, editor = Issue.objects.open().get(), get_user_model().objects.get()
    assert admin.post(reverse("admin:issues_issue_preview", args=[draft.pk]), {"reader": TYPED}).status_code == 200
    assert LogEntry.objects.filter(object_repr=f"Reader {reader.pk}").exists()
    PublishRequest.objects.create(issue=draft, asked_by=editor, revision=draft.revision, papers=1, readers=1)


def be_noted_by_operators(admin: Client, reader: Subscriber) -> None:
    """Suppress and lift with notes that name the reader, and import a file that does."""
    admin.post(reverse("admin:subscribers_suppression_add"), {"address": TYPED, "note": f"{TYPED} wrote"})
    lift = reverse("admin:subscribers_suppression_lift", args=[Suppression.objects.get().pk])
    admin.post(lift, {"note": f"{TYPED} wrote again"})
    assert LogEntry.objects.filter(additional_data__act__in=("added", "lifted")).count() == 2
    defaults = stored_defaults([], Rhythm("daily", 0, reader.send_time, "UTC"))
    run = ImportRun(name="all.csv", format="csv", consent_source="x", consent_on=MONDAY, defaults=defaults, by="mara")
    uploads.store_upload(SimpleUploadedFile("all.csv", FILE.encode()), run)
    for _ in range(2):  # the look through it, and the import
        uploads.continue_run(run, lambda: True)
        assert [problem[0] for problem in run.problems] == [3, 4]
        run.begin_writing()
    Suppression.objects.update(note=f"A complaint of {CANONICAL}")


def whole_database() -> Iterator[tuple[str, str]]:
    """Yield every row of every table there is, as the text of all its columns."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")
            yield from ((table, row) for (row,) in cursor.fetchall())
    for session in Session.objects.all():
        yield "django_session", str(session.get_decoded())


def tables_with(*traces: str) -> dict[str, set[str]]:
    """Return which tables hold which traces, in letters of whatever size, as text or as bytes."""
    forms = {form: trace for trace in traces for form in (trace, trace.encode().hex())}
    found: dict[str, set[str]] = {}
    for table, row in whole_database():
        if held := {trace for form, trace in forms.items() if form in row.lower()}:
            found.setdefault(table, set()).update(held)
    return found


def test_nothing_of_an_erased_reader_is_found_in_any_column_of_any_table(
    client: Client, reader: Subscriber, tmp_path: Path
) -> None:
    keyed, told = reader.address_hash, Suppression.objects.get()
    told.delete()
    link = link_of(link_requests.plan_letter(reader, Letter.Kind.ERASE))
    told.save()
    key = tokens.reader_key(reader.pk)
    assert set(tables_with(*TRACES, keyed, key)) == {
        "subscribers_subscriber", "subscribers_letter", "subscribers_signuprequest", "subscribers_consent",
        "subscribers_suppression", "subscribers_liftedsuppression", "subscribers_farewell", "subscribers_preferences",
        "digests_providerevent", "papers_vote", "papers_proposal",
    }  # fmt: skip

    assert "Your data has been deleted" in press(client, link).content.decode()

    assert tables_with(*TRACES, key) == {}
    assert tables_with(keyed) == {"subscribers_suppression": {keyed}}
    assert (Suppression.objects.get().reason, Suppression.objects.get().note) == ("complaint", "")
    assert Delivery.objects.get().is_sent
    reports = [path.read_text().lower() for path in tmp_path.rglob("*.csv")]
    assert len(reports) == 1
    assert not any(trace in report for trace in TRACES for report in reports)
