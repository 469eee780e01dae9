"""Stores the last check of the mail's setup, which a task runs: no page waits for name servers."""

import hashlib
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from digests.mail_setup.checks import CHECKS, run_checks
from digests.mail_setup.finding import Finding, Level, is_passed
from digests.mail_setup.resolver import Resolver
from digests.mail_setup.sender import Sender, configured_sender
from digests.models import MailSetup
from newsletter import clock

GIVEN_UP_AFTER = timedelta(minutes=2)  # a run takes less; one without an end by then was lost with its worker


class LastCheck(NamedTuple):
    """What is known of the setup; `findings` are the worst first."""

    setup: MailSetup | None
    findings: list[Finding]
    is_running: bool
    total_count: int
    is_outdated: bool  # settings that it judged have changed since

    @property
    def is_passed(self) -> bool:
        return bool(self.findings) and is_passed(self.findings)

    @property
    def fault_count(self) -> int:
        return sum(finding.level == Level.FAULT for finding in self.findings)


def is_trial() -> bool:
    """Return whether mail goes to the local mailbox, so that no receiver looks anything up."""
    return bool(settings.EMAIL_PROVIDER == "mailbox")


def load_last_check() -> LastCheck:
    sender = configured_sender()
    setup = MailSetup.objects.filter(domain=sender.from_domain).first()
    if setup is None:
        return LastCheck(None, [], is_running=False, total_count=len(CHECKS), is_outdated=False)
    findings = [Finding.from_json(stored) for stored in setup.findings]
    is_outdated = bool(findings) and setup.settings_hash != hash_of(sender)
    return LastCheck(setup, findings, is_running(setup), len(CHECKS), is_outdated)


def hash_of(sender: Sender) -> str:
    return hashlib.sha256(repr(sender).encode()).hexdigest()


def is_running(setup: MailSetup) -> bool:
    return setup.finished_at is None and clock.now() - setup.asked_at < GIVEN_UP_AFTER


def ask_for_check() -> bool:
    """Note that a check is wanted; return False while one is under way."""
    domain, now = configured_sender().from_domain, clock.now()
    with transaction.atomic():
        setup, is_new = MailSetup.objects.select_for_update().get_or_create(domain=domain, defaults={"asked_at": now})
        if not is_new and is_running(setup):
            return False
        MailSetup.objects.filter(pk=setup.pk).update(asked_at=now, started_at=None, finished_at=None, done_count=0)
    return True


def run_wanted_check() -> bool:
    """Run the check that was asked for; return False where none waits or another worker has begun it."""
    sender = configured_sender()
    waiting = MailSetup.objects.filter(domain=sender.from_domain, started_at=None)
    if not waiting.update(started_at=clock.now()):
        return False
    findings = []
    for count, found in enumerate(run_checks(sender, Resolver(settings.NAME_SERVER)), 1):
        findings += found
        MailSetup.objects.filter(domain=sender.from_domain).update(done_count=count)
    store(sender, findings)
    return True


def check_now() -> list[Finding]:
    """Run all checks while the caller waits, and store what they find."""
    sender, now = configured_sender(), clock.now()
    findings = [each for found in run_checks(sender, Resolver(settings.NAME_SERVER)) for each in found]
    values = {"asked_at": now, "started_at": now, "done_count": len(CHECKS)}
    MailSetup.objects.update_or_create(domain=sender.from_domain, defaults=values)
    store(sender, findings)
    return sorted(findings, key=rank)


def store(sender: Sender, findings: list[Finding]) -> None:
    ended: dict[str, Any] = {
        "finished_at": clock.now(),
        "findings": [finding.to_json() for finding in sorted(findings, key=rank)],
        "settings_hash": hash_of(sender),
    }
    if is_passed(findings):
        ended["passed_at"] = clock.now()
    MailSetup.objects.filter(domain=sender.from_domain).update(**ended)


def rank(finding: Finding) -> int:
    """Order findings by what an operator has to do first."""
    return list(Level).index(finding.level) * -1
