"""What an operator reads where the environment is not enough. Each start is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

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


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_with_everything_set_the_product_is_ready_for_the_open_net() -> None:
    done = manage("check", "--deploy", **ENOUGH)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_all_that_is_missing_is_named_in_one_sentence() -> None:
    done = manage("check", SECRET_KEY=ENOUGH["SECRET_KEY"])
    assert done.returncode == 1
    sentence = done.stderr.splitlines()[0].split(". ")[0]
    for name in ENOUGH.keys() - {"SECRET_KEY"}:
        assert name in sentence
    assert "SECRET_KEY" not in sentence
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["POSTAL_ADDRESS", "EMAIL_PROVIDER"])
def test_a_setting_that_is_empty_is_missing(missing: str) -> None:
    done = manage("check", **ENOUGH | {missing: ""})
    assert done.returncode == 1
    assert f"missing from the environment: {missing}." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("provider", ["pigeon", "anymail.backends.mailgun"])
def test_a_provider_nobody_knows_is_named(provider: str) -> None:
    done = manage("check", **ENOUGH | {"EMAIL_PROVIDER": provider})
    assert done.returncode == 1
    assert f"EMAIL_PROVIDER is “{provider}”" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sender", ["Paper Round", "papers at example.org"])
def test_a_sender_without_an_address_is_refused(sender: str) -> None:
    done = manage("check", **ENOUGH | {"FROM_EMAIL": sender})
    assert done.returncode == 1
    assert "FROM_EMAIL holds no address" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("ISSUE_CUTOFF", "5 o’clock")])
def test_a_value_that_cannot_be_read_is_named(name: str, value: str) -> None:
    done = manage("check", **ENOUGH | {name: value})
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr


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
def test_a_pace_that_makes_no_sense_is_refused(name: str, value: str, words: str) -> None:
    done = manage("check", **ENOUGH | {name: value})
    assert done.returncode == 1
    assert name in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_providers_keys_are_read_under_its_own_names() -> None:
    words = "import newsletter.settings as s; print(s.EMAIL_BACKEND, s.ANYMAIL['MAILGUN_API_KEY'])"
    done = subprocess.run(
        [sys.executable, "-c", words],
        env=ENOUGH | {"EMAIL_PROVIDER": "mailgun", "MAILGUN_API_KEY": "k", "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.split() == ["anymail.backends.mailgun.EmailBackend", "k"]


def test_a_lease_shorter_than_a_call_is_refused_since_nothing_could_ever_be_sent() -> None:
    done = manage("check", **ENOUGH, EMAIL_TIMEOUT="30")
    assert done.returncode == 1
    assert "SEND_LEASE_SECONDS is 60, and a call may last 75 seconds by EMAIL_TIMEOUT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["ALERT_WEBHOOK", "HEARTBEAT_URL"])
@pytest.mark.parametrize("url", ["hooks.example.org/x", "ftp://example.org/x", "https:///x"])
def test_an_address_that_cannot_be_posted_to_is_named(name: str, url: str) -> None:
    done = manage("check", **ENOUGH | {name: url})
    assert done.returncode == 1
    assert f"{name} is no address that can be posted to" in done.stderr
    assert "Traceback" not in done.stderr


def test_mail_is_kept_for_long_enough_to_know_what_readers_had() -> None:
    done = manage("check", **ENOUGH, DIGEST_KEEP_DAYS="20", DIGEST_SPAN_DAYS="14")
    assert "DIGEST_KEEP_DAYS is 20, too short to know what readers had before" in done.stderr
    assert "it is at least 28." in done.stderr


@pytest.mark.parametrize(
    ("environment", "asked"), [({}, "False"), (ENOUGH, "True"), (ENOUGH | {"TWO_FACTOR": "0"}, "False")]
)
def test_production_asks_for_a_second_factor_unless_it_is_told_not_to(environment: dict[str, str], asked: str) -> None:
    done = manage(
        "shell", "--no-imports", "-c", "from django.conf import settings; print(settings.TWO_FACTOR)", **environment
    )
    assert done.stdout.strip() == asked, done.stderr
