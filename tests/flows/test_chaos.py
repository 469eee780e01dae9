"""The short run of `make chaos`."""

import os
import subprocess
import sys

import pytest

OF_THE_TESTS = {"DATABASE_URL", "REDIS_URL", "DEBUG", "VAR_DIR", "DJANGO_SETTINGS_MODULE"}


def test_an_issue_is_sent_to_everybody_once_while_everything_breaks() -> None:
    run_chaos("--short", "--provider", "mailgun", "--readers", "2000")


def test_the_site_answers_beside_a_crowd_of_slow_clients() -> None:
    run_chaos("--scenario", "crowd")


def test_a_copy_of_the_database_started_beside_the_original_mails_nobody() -> None:
    run_chaos("--scenario", "copied")


def test_answers_that_prove_nothing_leave_few_readers_in_doubt_and_the_others_are_mailed_once() -> None:
    run_chaos("--scenario", "unclear")


@pytest.mark.parametrize("scenario", ["signature", "refused", "relay"])
def test_refusals_of_our_mail_are_loud_and_cost_no_reader(scenario: str) -> None:
    run_chaos("--scenario", scenario)


def run_chaos(*words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every promise was kept." in done.stdout
