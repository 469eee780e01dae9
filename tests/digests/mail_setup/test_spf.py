import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.mail_setup.finding import Level
from digests.mail_setup.resolver import NoAnswer, Resolver
from digests.mail_setup.spf import check_spf, merged, with_ending
from digests.mail_setup.spf_record import SpfReading, read_spf, read_terms, spf_texts
from tests.digests.mail_setup.setup import OWN_SERVER, finding_of, findings_of, resolving

DOMAIN = "example.org"


def zone(text: str, **more: list[str]) -> dict[str, list[str]]:
    return {DOMAIN: [text], **{host.replace("_", "."): texts for host, texts in more.items()}}


def test_a_record_that_names_the_provider_is_good() -> None:
    finding = finding_of(check_spf, {})
    assert finding.level == Level.GOOD
    assert finding.found == "“v=spf1 include:mailgun.org -all” at example.org takes 1 of the 10 look-ups that may be."


def test_without_a_record_the_one_to_publish_is_named() -> None:
    finding = finding_of(check_spf, {DOMAIN: ["v=spf10 -all"]})
    assert finding.level == Level.FAULT
    assert str(finding.record) == "example.org  TXT  v=spf1 include:mailgun.org ~all"


def test_without_a_known_return_domain_a_missing_record_is_no_fault() -> None:
    finding = finding_of(check_spf, {DOMAIN: []}, return_domain="", provider="postmark")
    assert finding.level == Level.NOTE
    assert "one of the provider’s own" in finding.meaning
    assert "RETURN_PATH_DOMAIN" in finding.action


def test_two_records_become_one() -> None:
    finding = finding_of(check_spf, {DOMAIN: ["v=spf1 include:a.net -all", "v=spf1 ip4:192.0.2.1 ~all"]})
    assert finding.level == Level.FAULT
    assert "receivers take none" in finding.meaning
    assert finding.record is not None
    assert finding.record.value == "v=spf1 include:a.net ip4:192.0.2.1 ~all"


def test_the_look_ups_of_included_records_count() -> None:
    inner = "v=spf1 " + " ".join(f"a:h{number}.net" for number in range(5)) + " -all"
    hosts = {f"h{number}.net A": ["192.0.2.1"] for number in range(5)}
    spf = {DOMAIN: ["v=spf1 include:mailgun.org include:one.net include:two.net -all"]}
    includes = {"one.net": [inner], "two.net": [inner.replace("a:h0.net ", "").replace("a:h1.net ", "")]}
    fault = finding_of(check_spf, spf | includes | hosts)
    assert fault.level == Level.FAULT
    assert "takes 11 look-ups" in fault.found
    fewer = includes | {"two.net": ["v=spf1 a:h0.net a:h1.net -all"]}
    assert "takes 10 of the 10" in finding_of(check_spf, spf | fewer | hosts).found


def test_records_that_include_each_other_end() -> None:
    spf = {DOMAIN: ["v=spf1 include:mailgun.org include:a.net -all"], "a.net": [f"v=spf1 include:{DOMAIN} -all"]}
    assert any("look-ups or more" in finding.found for finding in findings_of(check_spf, spf))


def test_a_third_look_up_that_finds_nothing_is_a_fault() -> None:
    two = "v=spf1 include:mailgun.org a:x.net a:y.net"
    assert finding_of(check_spf, {DOMAIN: [f"{two} -all"]}).level == Level.GOOD
    fault = finding_of(check_spf, {DOMAIN: [f"{two} mx:z.net -all"]})
    assert "3 terms of the record of example.org find nothing: a:x.net, a:y.net, mx:z.net." in fault.found


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("include:nothing.net", "leads to no SPF record"),
        ("include:twice.net", "leads to 2 SPF records"),
        ("ipv4:192.0.2.1", "“ipv4:192.0.2.1” is no term of SPF"),
        ("ip4:192.0.2.300", "“ip4:192.0.2.300” holds no network"),
        ("include", "“include” names nothing"),
    ],
)
def test_a_term_that_breaks_the_record_is_named(terms: str, words: str) -> None:
    spf = {DOMAIN: [f"v=spf1 include:mailgun.org {terms} -all"], "twice.net": ["v=spf1 -all", "v=spf1 +all"]}
    fault = finding_of(check_spf, spf)
    assert fault.level == Level.FAULT
    assert words in fault.found


@pytest.mark.parametrize(
    ("ending", "level"), [("+all", Level.FAULT), ("all", Level.FAULT), ("?all", Level.WARNING), ("", Level.WARNING)]
)
def test_a_record_that_shuts_nobody_out_gets_an_ending(ending: str, level: Level) -> None:
    finding = finding_of(check_spf, {DOMAIN: [f"v=spf1 include:mailgun.org {ending}".strip()]})
    assert finding.level == level
    assert finding.record is not None
    assert finding.record.value == "v=spf1 include:mailgun.org ~all"


def test_a_redirect_is_followed_and_its_ending_counts() -> None:
    spf = {DOMAIN: ["v=spf1 redirect=_spf.example.org"], "_spf.example.org": ["v=spf1 include:mailgun.org -all"]}
    assert "takes 2 of the 10" in finding_of(check_spf, spf).found


def test_ptr_is_advised_against() -> None:
    finding = finding_of(check_spf, {DOMAIN: ["v=spf1 include:mailgun.org ptr -all"]})
    assert (finding.level, finding.found) == (Level.WARNING, "The record of example.org uses “ptr”.")


def test_a_provider_that_the_record_does_not_name_is_added() -> None:
    finding = finding_of(check_spf, {DOMAIN: ["v=spf1 ip4:192.0.2.1 -all"]})
    assert finding.record is not None
    assert finding.record.value == "v=spf1 include:mailgun.org ip4:192.0.2.1 -all"


@pytest.mark.parametrize("terms", ["ip4:192.0.2.0/24", "mx", "a:mx.example.org", "a:mx.example.org/24"])
def test_an_own_server_may_be_named_in_any_way(terms: str) -> None:
    assert finding_of(check_spf, {DOMAIN: [f"v=spf1 {terms} -all"]}, OWN_SERVER).level == Level.GOOD


def test_an_own_server_that_is_left_out_is_a_fault() -> None:
    addresses = ("192.0.2.7", "2001:db8::7")
    finding = finding_of(check_spf, {DOMAIN: ["v=spf1 mx -all"]}, OWN_SERVER, sending_addresses=addresses)
    assert finding.level == Level.FAULT
    assert finding.record is not None
    assert finding.record.value == "v=spf1 ip6:2001:db8::7 mx -all"


def test_a_term_with_a_minus_lets_nobody_send() -> None:
    with resolving({}) as resolver:
        assert not read_spf(DOMAIN, "v=spf1 -ip4:192.0.2.7 ~all", resolver).allows("192.0.2.7")


RECORDS = st.lists(
    st.sampled_from(["ip4:192.0.2.1", "mx", "include:a.net", "a", "-all", "~all", "?all", "+all"]), max_size=6
).map(lambda terms: " ".join(["v=spf1", *terms]))


@given(st.lists(RECORDS, min_size=2, max_size=4))
def test_merged_records_keep_every_server_and_are_one_record(texts: list[str]) -> None:
    whole = merged(texts)
    assert spf_texts([whole]) == [whole]
    assert whole.split()[-1] in ("-all", "~all")
    servers = {term for text in texts for term in text.split()[1:] if not term.endswith("all")}
    assert servers == set(whole.split()[1:-1])


@given(st.text(max_size=60))
def test_no_record_breaks_the_reading_of_it(text: str) -> None:
    reading = SpfReading()
    with contextlib.suppress(NoAnswer):
        read_terms(DOMAIN, f"v=spf1 {text}", Resolver("127.0.0.1:9", seconds=0), reading, is_top=True)
    assert not reading.allows("192.0.2.1") or "192" in text


@given(RECORDS)
def test_a_new_ending_is_the_only_one(text: str) -> None:
    assert [term for term in with_ending(text).split() if term.endswith("all")] == ["~all"]
