import pytest

from digests.mail_setup.bimi import check_bimi
from digests.mail_setup.finding import Level
from tests.digests.mail_setup.setup import findings_of

STRICT = {"_dmarc.example.org": ["v=DMARC1; p=reject"]}
HOST = "default._bimi.example.org"
WHOLE = "v=BIMI1; l=https://example.org/logo.svg; a=https://example.org/logo.pem"


def test_without_a_record_nothing_is_said() -> None:
    assert findings_of(check_bimi, STRICT) == []


@pytest.mark.parametrize("author", ["papers@example.org", "papers@mail.example.org"])
def test_a_whole_record_is_good_for_the_domains_below_too(author: str) -> None:
    (finding,) = findings_of(check_bimi, STRICT | {HOST: [WHOLE]}, from_address=author)
    assert finding.level == Level.GOOD


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({"_dmarc.example.org": ["v=DMARC1; p=none"]}, Level.WARNING, "the DMARC policy is “none”"),
        ({HOST: [WHOLE.replace("https://example.org/logo.svg", "logo.png")]}, Level.WARNING, "is “logo.png”"),
        ({HOST: [WHOLE, WHOLE + "?2"]}, Level.WARNING, "has 2 records"),
        ({HOST: [WHOLE.split(" a=")[0]]}, Level.NOTE, "names no certificate"),
        ({HOST: ["v=BIMI1; l=; a="]}, Level.NOTE, "declines to show a logo"),
    ],
)
def test_what_keeps_the_logo_away_is_named(changed: dict[str, list[str]], level: Level, words: str) -> None:
    (finding,) = findings_of(check_bimi, STRICT | {HOST: [WHOLE]} | changed)
    assert finding.level == level
    assert words in finding.found
