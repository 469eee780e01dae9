import time
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.received_mail import NoMail, judge_mail
from digests.mail_setup.resolver import Resolver
from tests.digests.mail_setup.nameserver import BROKEN, naming
from tests.digests.mail_setup.setup import sound_zone
from tests.digests.mail_setup.signing import COVERED, signed

RECEIVED = (
    b"Return-Path: <b@example.org>\n"
    b"Received: from mx.example.org (mx.example.org [192.0.2.7]) by mx.example.net with ESMTPS id 1; now\n"
    b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org (good); spf=pass (it may)\n"
    b" smtp.mailfrom=b@example.org; dmarc=pass (p=none) header.from=example.org\n"
)
DIGEST = b"""From: Paper Round <papers@example.org>
To: ada@example.net
Subject: Five papers
Date: Mon, 04 May 2026 06:00:00 +0000
Message-ID: <1@example.org>
List-Unsubscribe: <https://papers.example.org/unsubscribe/abc>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: 20260504:digest:paperround
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset="utf-8"

Papers
--b
Content-Type: text/html; charset="utf-8"

<p>Papers</p>
--b--
"""


def judged(mail: bytes, changed: Mapping[str, list[str]] | None = None) -> list[Finding]:
    with naming(sound_zone() | dict(changed or {})) as server:
        return judge_mail(mail, Resolver(server))


def of_subject(subject: str, mail: bytes, changed: Mapping[str, list[str]] | None = None) -> list[Finding]:
    return [finding for finding in judged(mail, changed) if finding.subject == subject]


def faults(mail: bytes, changed: Mapping[str, list[str]] | None = None) -> list[str]:
    return [finding.found for finding in judged(mail, changed) if finding.level == Level.FAULT]


def test_a_whole_mail_is_good_in_everything() -> None:
    found = judged(RECEIVED + signed(DIGEST))
    assert {finding.level for finding in found} == {Level.GOOD}
    assert [finding.found for finding in found] == [
        "The signature of example.org (selector pm) is valid, with a key of 2048 bits, and is aligned with From.",
        "Both headers are there, and a valid signature covers them.",
        "The receiver says spf=pass for example.org, which is aligned with From.",
        "The mail passes DMARC by DKIM and SPF; the policy of example.org is “none”.",
        "It has a text and an HTML part, in this order.",
        f"The mail has {len(RECEIVED + signed(DIGEST)):,} bytes, its HTML 13.",
        "It came to the reader’s server by TLS.",
    ]


def test_line_ends_of_either_kind_are_taken() -> None:
    assert faults((RECEIVED + signed(DIGEST)).replace(b"\n", b"\r\n")) == []


def test_an_unsigned_mail_passes_by_spf_alone_and_is_still_wrong() -> None:
    assert faults(RECEIVED + DIGEST)[0] == "The mail is not signed."
    assert of_subject("DMARC", RECEIVED + DIGEST)[0].found.startswith("The mail passes DMARC by SPF;")


def test_a_changed_mail_says_which_signature_broke() -> None:
    wrong = faults(RECEIVED + signed(DIGEST).replace(b"Five papers", b"Six papers"))
    assert "does not fit the header and the published key" in wrong[0]
    assert wrong[1] == "No valid signature is aligned with From (example.org)."


def test_a_signature_of_the_provider_alone_does_not_stand_for_us() -> None:
    zone = sound_zone()
    provider = {"pm._domainkey.mailer.net": zone["pm._domainkey.example.org"]}
    mail = signed(DIGEST, domain="mailer.net")
    assert "No valid signature is aligned with From (example.org)." in faults(mail, provider)
    both = signed(mail)
    assert faults(both, provider) == []
    assert {finding.level for finding in of_subject("DKIM", both, provider)} == {Level.GOOD, Level.NOTE}


def test_a_broken_signature_beside_a_good_one_does_no_harm() -> None:
    assert faults(RECEIVED + signed(signed(DIGEST), selector="gone")) == []


def test_a_strict_policy_takes_no_signature_of_a_subdomain() -> None:
    zone = sound_zone()
    below = {"pm._domainkey.mail.example.org": zone["pm._domainkey.example.org"]}
    mail = signed(DIGEST, domain="mail.example.org")
    assert faults(mail, below) == []
    strict = {"_dmarc.example.org": ["v=DMARC1; p=none; adkim=s"]}
    assert "No valid signature is aligned with From (example.org)." in faults(mail, below | strict)


@pytest.mark.parametrize("name", ["list-unsubscribe", "list-unsubscribe-post"])
def test_a_signature_has_to_cover_the_headers_of_one_click(name: str) -> None:
    mail = signed(DIGEST, covered=tuple(field for field in COVERED if field != name))
    assert faults(mail) == [f"The signature of example.org does not cover {name} (its h)."]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"<https://papers", b"<http://papers", "List-Unsubscribe is “<http://"),
        (b"=One-Click", b"=Yes", "List-Unsubscribe-Post “List-Unsubscribe=Yes”"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", b"", "The mail has no List-Unsubscribe-Post."),
    ],
)
def test_a_digest_without_one_click_is_wrong(before: bytes, after: bytes, words: str) -> None:
    (wrong,) = faults(signed(DIGEST.replace(before, after)))
    assert words in wrong


def test_a_confirmation_needs_no_one_click() -> None:
    letter = b"\n".join(line for line in DIGEST.split(b"\n") if b"List-" not in line and b"Feedback" not in line)
    assert of_subject("One-click unsubscribing", signed(letter))[0].level == Level.NOTE
    assert faults(signed(letter)) == []


@pytest.mark.parametrize(
    ("policy", "means"),
    [("none", "It may go to spam."), ("quarantine", "It goes to spam."), ("reject", "It is refused.")],
)
def test_a_mail_that_fails_dmarc_says_what_the_policy_does(policy: str, means: str) -> None:
    (finding,) = of_subject("DMARC", DIGEST, {"_dmarc.example.org": [f"v=DMARC1; p={policy}"]})
    assert (finding.level, finding.meaning) == (Level.FAULT, means)


def test_a_domain_without_a_policy_is_wrong() -> None:
    assert "Neither _dmarc.example.org nor a domain above it has a policy." in faults(
        signed(DIGEST), {"_dmarc.example.org": []}
    )


def test_an_envelope_of_another_domain_gives_no_pass() -> None:
    other = RECEIVED.replace(b"b@example.org", b"b@mailer.net")
    assert of_subject("SPF", other + signed(DIGEST))[0].level == Level.NOTE
    assert "passes DMARC by DKIM;" in of_subject("DMARC", other + signed(DIGEST))[0].found


def test_a_failed_spf_and_another_verdict_of_the_receiver_are_told() -> None:
    told = RECEIVED.replace(b"spf=pass", b"spf=softfail").replace(b"dmarc=pass", b"dmarc=fail")
    assert of_subject("SPF", told + signed(DIGEST))[0].level == Level.WARNING
    assert of_subject("DMARC", told + signed(DIGEST))[1].found == "mx.example.net, which received it, says dmarc=fail."


def test_a_forged_verdict_below_the_receivers_own_counts_nothing() -> None:
    forged = b"Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=b@example.org\n"
    told = RECEIVED.replace(b"spf=pass", b"spf=fail") + forged
    assert of_subject("SPF", told + DIGEST)[0].found.startswith("The receiver says spf=fail")


def test_html_that_gmail_cuts_is_a_fault() -> None:
    large = DIGEST.replace(b"<p>Papers</p>", b"<p>" + b"\n".join([b"x" * 70] * 1500) + b"</p>")
    assert "its HTML 106," in faults(signed(large))[0]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"text/plain", b"text/html", "Its parts are text/html, text/html."),
        (b"text/html", b"application/pdf", "Its parts are text/plain, application/pdf."),
        (b"multipart/alternative", b"multipart/mixed", "Its parts are text/plain, text/html."),
    ],
)
def test_other_parts_than_text_and_html_are_a_warning(before: bytes, after: bytes, words: str) -> None:
    (finding,) = of_subject("Parts", DIGEST.replace(before, after, 1))
    assert (finding.level, finding.found) == (Level.WARNING, words)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"Subject:", b"Subject: twice\nSubject:", "Subject stands there more than once."),
        (b"Date: Mon, 04 May 2026 06:00:00 +0000\n", b"", "Date is missing."),
        (b"Subject:", b"X-Spam-Status: Yes, score=7.1\nSubject:", "takes it for spam: Yes, score=7.1"),
    ],
)
def test_headers_that_filters_count_are_told(before: bytes, after: bytes, words: str) -> None:
    (finding,) = of_subject("Headers", DIGEST.replace(before, after, 1))
    assert words in finding.found


@pytest.mark.parametrize(
    ("received", "level"),
    [
        (RECEIVED.replace(b"ESMTPS", b"ESMTP"), Level.WARNING),
        (b"Received: by localhost; now\n" + RECEIVED, Level.GOOD),
        (b"Received: from localhost by mx.example.net with LMTP; now\n" + RECEIVED, Level.GOOD),
        (RECEIVED.replace(b"ESMTPS", b"ESMTP (version=TLS1_3 cipher=x)"), Level.GOOD),
        (b"", Level.NOTE),
    ],
)
def test_the_way_to_the_readers_server_is_judged_by_the_hop_from_outside(received: bytes, level: Level) -> None:
    assert of_subject("TLS", received + DIGEST)[0].level == level


def test_silent_name_servers_leave_it_open() -> None:
    found = judged(signed(DIGEST), {"_dmarc.example.org": BROKEN})
    assert (found[0].subject, found[0].level) == ("DKIM and DMARC", Level.UNKNOWN)
    assert [finding.subject for finding in found[1:]] == ["Parts", "Size", "TLS"]


@pytest.mark.parametrize(
    "source", [b"no mail at all", b"From: nobody\n\nx", b"From: a@b.org, c@d.org\n\nx", b"\xff\n"]
)
def test_what_is_no_mail_is_refused(source: bytes) -> None:
    with pytest.raises(NoMail):
        judged(source)


@example(b".", 304)
@given(st.binary(max_size=300), st.integers(0, len(RECEIVED) + len(DIGEST)))
def test_any_damage_to_a_mail_is_judged_or_refused(junk: bytes, at: int) -> None:
    mail = RECEIVED + DIGEST
    try:
        found = judge_mail(mail[:at] + junk + mail[at:], OFFLINE)
    except NoMail:
        return
    assert found


# Its time is over, so that it asks nobody.
OFFLINE = Resolver("127.0.0.1:9", seconds=0)


@pytest.mark.parametrize(
    "source",
    [
        b"From: " + b"(" * 9_000 + b"a@example.org\n\n",
        b"From: a@example.org\n" + b"Content-Type: message/rfc822\n\n" * 2_000,
    ],
)
def test_a_mail_without_end_is_refused(source: bytes) -> None:
    with pytest.raises(NoMail, match="without end"):
        judged(source)


def test_empty_lines_without_end_are_read_within_seconds() -> None:
    started = time.process_time()
    judged(signed(DIGEST) + b"\n" * 1_000_000 + b"x")
    assert time.process_time() - started < 4
