"""What an operator reads where the environment is not enough. One process loads the settings of all these tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = {
    "SECRET_KEY": "a-long-key-of-this-deployment-" + "x" * 40,
    "DATABASE_URL": "postgres://papers@127.0.0.1:1/papers",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ALLOWED_HOSTS": "papers.example.org",
    "SITE_URL": "https://papers.example.org",
    "EMAIL_PROVIDER": "smtp",
    "FROM_EMAIL": "Paper Round <papers@example.org>",
    "POSTAL_ADDRESS": "1 Example Street",
}
KEPT = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}


class Loader:
    """A process that loads the settings as often as it is asked to."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-m", "tests.newsletter.settings_loader"], subprocess.PIPE
        self.process = subprocess.Popen(command, env=KEPT, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)

    def settings(self, environment: dict[str, str]) -> dict[str, Any]:
        """Return what the settings are in an environment that is enough."""
        answer = self.ask(environment)
        assert "settings" in answer, answer
        return dict(answer["settings"])

    def refusal(self, environment: dict[str, str]) -> str:
        """Return the words by which an environment is refused."""
        answer = self.ask(environment)
        assert "refusal" in answer, answer
        return str(answer["refusal"])

    def ask(self, environment: dict[str, str]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(environment), file=self.process.stdin, flush=True)
        return dict(json.loads(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def loader() -> Iterator[Loader]:
    loader = Loader()
    yield loader
    loader.process.communicate(timeout=60)
    assert loader.process.returncode == 0


def check(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "check", *words]
    return subprocess.run(command, env=KEPT | environment, capture_output=True, text=True, timeout=600, cwd=ROOT)


def test_with_everything_set_the_product_is_ready_for_the_open_net() -> None:
    done = check(
        "--deploy", **ENOUGH, BOUNCE_ADDRESS="bounces@example.org", ALERT_WEBHOOK="https://alerts.example.org/"
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(("name", "value"), [("POSTAL_ADDRESS", ""), ("PORT", "http")])
def test_a_command_ends_with_the_words_of_the_refusal_and_no_traceback(name: str, value: str, loader: Loader) -> None:
    environment = ENOUGH | {name: value}
    done = check(**environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == loader.refusal(environment)


def test_all_that_is_missing_is_named_in_one_sentence(loader: Loader) -> None:
    sentence = loader.refusal({"SECRET_KEY": ENOUGH["SECRET_KEY"]}).split(". ")[0]
    for name in ENOUGH.keys() - {"SECRET_KEY"}:
        assert name in sentence
    assert "SECRET_KEY" not in sentence


@pytest.mark.parametrize("missing", ["POSTAL_ADDRESS", "EMAIL_PROVIDER"])
def test_a_setting_that_is_empty_is_missing(missing: str, loader: Loader) -> None:
    refusal = loader.refusal(ENOUGH | {missing: ""})
    assert f"missing from the environment: {missing}." in refusal


@pytest.mark.parametrize("provider", ["pigeon", "anymail.backends.mailgun"])
def test_a_provider_nobody_knows_is_named(provider: str, loader: Loader) -> None:
    assert f"EMAIL_PROVIDER is “{provider}”" in loader.refusal(ENOUGH | {"EMAIL_PROVIDER": provider})


@pytest.mark.parametrize("sender", ["Paper Round", "papers at example.org"])
def test_a_sender_without_an_address_is_refused(sender: str, loader: Loader) -> None:
    assert "FROM_EMAIL holds no address" in loader.refusal(ENOUGH | {"FROM_EMAIL": sender})


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("ISSUE_CUTOFF", "5 o’clock")])
def test_a_value_that_cannot_be_read_is_named(name: str, value: str, loader: Loader) -> None:
    assert name in loader.refusal(ENOUGH | {name: value})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SEND_RATE", "fast", "Not a valid number"),
        ("SEND_RATE", "-1", "greater than or equal to 0"),
        ("SEND_RATE", "0.001", "0 means no limit"),
        ("SEND_CALLS_AT_ONCE", "0", "greater than or equal to 1"),
        ("SEND_DAILY_CAP", "-5", "greater than or equal to 0"),
        ("SEND_WARMUP", "50,0", "a day without messages"),
        ("SEND_WARMUP", "50,100", "needs SEND_WARMUP_FROM"),
        ("SEND_WARMUP_FROM", "in May", "Not a valid date"),
        ("LETTERS_SHARE", "1", "less than or equal to 0.9"),
        ("EMAIL_LETTERS_PROVIDER", "pigeon", "“pigeon”, which no backend"),
        ("LETTERS_STREAM", "links", "only Postmark has streams"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(name: str, value: str, words: str, loader: Loader) -> None:
    refusal = loader.refusal(ENOUGH | {name: value})
    assert name in refusal
    assert words in refusal


def test_a_desk_answers_to_its_own_host_names_only(loader: Loader) -> None:
    hosts = loader.settings({"HOST": "192.168.1.5"})["ALLOWED_HOSTS"]
    assert set(hosts) == {"localhost", ".localhost", "127.0.0.1", "[::1]", "192.168.1.5"}
    named = loader.settings({"DEBUG": "1", "SITE_URL": "http://desk.lan:8000", "HOST": "::1"})["ALLOWED_HOSTS"]
    assert set(named) == {"localhost", ".localhost", "127.0.0.1", "[::1]", "desk.lan"}


def test_the_providers_keys_are_read_under_its_own_names(loader: Loader) -> None:
    settings = loader.settings(ENOUGH | {"EMAIL_PROVIDER": "mailgun", "MAILGUN_API_KEY": "k"})
    assert settings["EMAIL_BACKEND"] == "anymail.backends.mailgun.EmailBackend"
    assert settings["ANYMAIL"]["MAILGUN_API_KEY"] == "k"


def test_the_keys_of_former_providers_are_read_too(loader: Loader) -> None:
    keys = {"MAILGUN_WEBHOOK_SIGNING_KEY": "m", "RESEND_SIGNING_SECRET": "r", "MAILERSEND_SIGNING_SECRET": "s"}
    environment = ENOUGH | keys | {"EMAIL_PROVIDER": "postmark", "WEBHOOK_FORMER_PROVIDERS": "mailgun, resend"}
    anymail = loader.settings(environment)["ANYMAIL"]
    assert {name: anymail.get(name) for name in keys} == keys | {"MAILERSEND_SIGNING_SECRET": None}


def test_a_lease_shorter_than_a_call_is_refused_since_nothing_could_ever_be_sent(loader: Loader) -> None:
    refusal = loader.refusal(ENOUGH | {"EMAIL_TIMEOUT": "30"})
    assert "SEND_LEASE_SECONDS is 60, and a call may last 75 seconds by EMAIL_TIMEOUT" in refusal


def test_whoever_sends_by_smtp_and_reads_no_bounces_is_warned() -> None:
    done = check("--deploy", **ENOUGH)
    assert "Bounces are not read" in done.stderr


@pytest.mark.parametrize("address", ["bounces@example.org", "@bounces.example.org", f"{'b' * 31}@example.org"])
def test_bounces_may_return_to_a_name_or_to_a_domain_of_their_own(address: str, loader: Loader) -> None:
    assert loader.settings(ENOUGH | {"BOUNCE_ADDRESS": address})["BOUNCE_ADDRESS"] == address


@pytest.mark.parametrize(
    "address",
    ["bounces", "bounces@", "bounces+x@example.org", f"{'b' * 32}@example.org", "a b@x.org", "ü@x.org"],
)
def test_a_bounce_address_that_holds_no_token_is_refused(address: str, loader: Loader) -> None:
    assert "BOUNCE_ADDRESS" in loader.refusal(ENOUGH | {"BOUNCE_ADDRESS": address})


@pytest.mark.parametrize(
    "mailbox", ["imaps://mail.example.org/INBOX", "pop3://a:b@mail.example.org", "imaps://a@x:b@y"]
)
def test_a_mailbox_that_cannot_be_read_is_refused_without_its_password(mailbox: str, loader: Loader) -> None:
    refusal = loader.refusal(ENOUGH | {"BOUNCE_MAILBOX": mailbox})
    assert "BOUNCE_MAILBOX" in refusal
    assert mailbox not in refusal


@pytest.mark.parametrize("name", ["ALERT_WEBHOOK", "HEARTBEAT_URL"])
@pytest.mark.parametrize("url", ["hooks.example.org/x", "ftp://example.org/x", "https:///x"])
def test_an_address_that_cannot_be_posted_to_is_named(name: str, url: str, loader: Loader) -> None:
    assert f"{name} is no address that can be posted to" in loader.refusal(ENOUGH | {name: url})


def test_mail_is_kept_for_long_enough_to_know_what_readers_had(loader: Loader) -> None:
    refusal = loader.refusal(ENOUGH | {"DIGEST_KEEP_DAYS": "20", "DIGEST_SPAN_DAYS": "14"})
    assert "DIGEST_KEEP_DAYS is 20, too short to know what readers had before" in refusal
    assert "it is at least 28." in refusal


@pytest.mark.parametrize(
    ("environment", "asked"), [({}, False), (ENOUGH, True), (ENOUGH | {"TWO_FACTOR": "0"}, False)]
)
def test_production_asks_for_a_second_factor_unless_it_is_told_not_to(
    environment: dict[str, str], asked: bool, loader: Loader
) -> None:
    assert loader.settings(environment)["TWO_FACTOR"] is asked


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("192.168.1.5", "http://192.168.1.5:8000"),
        ("fd00::5", "http://[fd00::5]:8000"),
    ],
)
def test_the_address_of_a_trial_is_one_that_it_listens_to(loader: Loader, host: str, url: str) -> None:
    assert loader.settings({"HOST": host})["SITE_URL"] == url


def test_a_trial_answers_to_its_own_machine_whatever_other_names_it_is_given(loader: Loader) -> None:
    hosts = loader.settings({"DEBUG": "1", "ALLOWED_HOSTS": "desk.lan"})["ALLOWED_HOSTS"]
    assert {"localhost", "desk.lan"} <= set(hosts)
