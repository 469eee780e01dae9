import pytest

from digests.mail_setup.dkim import check_dkim
from digests.mail_setup.finding import Level
from tests.digests.mail_setup.setup import OWN_SERVER, finding_of, findings_of, key_text
from tests.digests.mail_setup.signing import EDWARDS_KEY
from tests.digests.mail_setup.test_dkim_signature import SHORT

HOST = "pm._domainkey.example.org"


def test_a_key_of_2048_bits_is_good() -> None:
    finding = finding_of(check_dkim, {})
    assert (finding.level, finding.found) == (Level.GOOD, f"The key at {HOST} is there (2048 bits).")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "is not there"),
        (["v=DKIM1; p="], "is revoked"),
        ([f"v=DKIM1; p={key_text()}", f"v=DKIM1; p={key_text(1024)}"], "stands there 2 times"),
        ([f"v=DKIM2; p={key_text()}"], "has the version “DKIM2”"),
        ([f"v=DKIM1; p={key_text()[:-40]}"], "cannot be read"),
        ([f'v=DKIM1; p="{key_text()}'.replace('"', "'")], "cannot be read"),
        ([f"v=DKIM1; k=dsa; p={key_text()}"], "is of the kind “dsa”"),
        ([f"v=DKIM1; s=tlsrpt; p={key_text()}"], "is not for mail"),
        ([f"v=DKIM1; h=sha1; p={key_text()}"], "allows no SHA-256"),
        ([SHORT], "has 512 bits"),
    ],
)
def test_a_key_that_no_receiver_can_use_is_a_fault(texts: list[str], words: str) -> None:
    finding = finding_of(check_dkim, {HOST: texts})
    assert finding.level == Level.FAULT
    assert words in finding.found


@pytest.mark.parametrize(
    ("text", "words"),
    [(f"v=DKIM1; p={key_text(1024)}", "has 1024 bits"), (f"v=DKIM1; t=y; p={key_text()}", "is marked as a test")],
)
def test_a_weak_or_trial_key_is_a_warning(text: str, words: str) -> None:
    finding = finding_of(check_dkim, {HOST: [text]})
    assert finding.level == Level.WARNING
    assert words in finding.found


def test_an_ed25519_key_wants_another_beside_it() -> None:
    finding = finding_of(check_dkim, {HOST: [f"v=DKIM1; k=ed25519; p={EDWARDS_KEY}"]})
    assert (finding.level, finding.meaning) == (Level.GOOD, "Few receivers know Ed25519: sign with an RSA key too.")


def test_every_selector_is_checked() -> None:
    levels = [finding.level for finding in findings_of(check_dkim, {}, selectors=("pm", "pm2"))]
    assert levels == [Level.GOOD, Level.FAULT]


def test_without_a_selector_the_usual_ones_of_the_provider_are_tried() -> None:
    zone = {"k1._domainkey.example.org": [f"v=DKIM1; p={key_text()}"]}
    assert finding_of(check_dkim, zone, selectors=()).level == Level.GOOD


@pytest.mark.parametrize("provider", ["mailgun", "postmark", "smtp"])
def test_without_any_selector_nothing_is_known(provider: str) -> None:
    finding = finding_of(check_dkim, {}, selectors=(), provider=provider)
    assert finding.level == Level.UNKNOWN
    assert "Set DKIM_SELECTOR" in finding.action


def test_an_own_server_gets_the_form_of_the_record() -> None:
    assert str(finding_of(check_dkim, {HOST: []}, OWN_SERVER).record) == f"{HOST}  TXT  v=DKIM1; k=rsa; p=…"
