import pytest

from digests.mail_setup.exchangers import check_exchangers
from digests.mail_setup.finding import Level
from tests.digests.mail_setup.setup import OWN_SERVER, findings_of


def test_domains_that_take_mail_are_good() -> None:
    found = findings_of(check_exchangers, {})
    assert [(one.subject, one.level) for one in found] == [
        ("Mail to the From domain", Level.GOOD),
        ("Replies", Level.GOOD),
    ]
    assert found[1].found == "Replies go to papers@example.org (REPLY_TO is not set), whose domain takes mail."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"example.org MX": ["0 ."]}, "says that it takes no mail"),
        ({"example.org MX": []}, "has neither an MX record nor an address"),
        ({"example.org MX": ["10 gone.example.org."]}, "names gone.example.org, which has no address"),
        ({"example.org MX": ["10 192.0.2.7."]}, "names 192.0.2.7, where a host name has to stand"),
    ],
)
def test_a_from_domain_that_takes_no_mail_is_a_fault(changed: dict[str, list[str]], words: str) -> None:
    fault, replies = findings_of(check_exchangers, changed)
    assert fault.level == Level.FAULT
    assert words in fault.found
    assert str(fault.record) == "example.org  MX  10 mail.example.org."
    assert replies.level == Level.WARNING
    assert "no inbox reads them" in replies.found


def test_a_domain_without_mx_takes_mail_at_its_own_address() -> None:
    changed = {"example.org MX": [], "example.org AAAA": ["2001:db8::7"]}
    assert findings_of(check_exchangers, changed)[0].found == "example.org takes mail, at example.org."


def test_exchangers_are_named_best_first() -> None:
    changed = {"example.org MX": ["20 second.example.org.", "5 mx.example.org."]}
    assert findings_of(check_exchangers, changed)[0].found.endswith("at mx.example.org, second.example.org.")


@pytest.mark.parametrize(
    ("reply_to", "words"),
    [
        ("editors@nowhere.net", "and no inbox reads them. nowhere.net has neither"),
        ("no-reply@example.org", "an inbox that nobody reads"),
        ("bounces@example.org", "where bounces go too"),
    ],
)
def test_replies_that_nobody_reads_are_a_warning(reply_to: str, words: str) -> None:
    replies = findings_of(check_exchangers, {}, reply_to=reply_to, bounce_address="bounces@example.org")[-1]
    assert replies.level == Level.WARNING
    assert words in replies.found
    assert replies.action == "Set REPLY_TO to an address that somebody reads."


def test_bounces_that_nothing_reads_are_a_warning_with_smtp() -> None:
    bounces = findings_of(check_exchangers, {}, OWN_SERVER)[1]
    assert (bounces.subject, bounces.level) == ("Returned mail", Level.WARNING)


def test_the_domain_of_bounces_has_to_take_mail() -> None:
    fault = findings_of(check_exchangers, {}, OWN_SERVER, bounce_address="@bounces.example.org")[1]
    assert (fault.subject, fault.level) == ("Mail to the domain of bounces", Level.FAULT)
