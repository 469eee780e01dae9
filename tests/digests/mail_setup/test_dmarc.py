import pytest
from hypothesis import given
from hypothesis import strategies as st

from digests.mail_setup.dmarc import check_dmarc
from digests.mail_setup.dmarc_record import is_aligned, targets, walk_tree
from digests.mail_setup.finding import Level
from digests.mail_setup.tag_list import read_tags
from tests.digests.mail_setup.setup import finding_of, findings_of, resolving

HOST = "_dmarc.example.org"
RUA = "rua=mailto:reports@example.org"


def test_a_policy_is_shown_as_it_stands() -> None:
    finding = finding_of(check_dmarc, {})
    assert finding.level == Level.GOOD
    assert finding.found == f"“v=DMARC1; p=none; {RUA}” at _dmarc.example.org."


def test_without_a_policy_the_one_to_publish_is_named() -> None:
    finding = finding_of(check_dmarc, {HOST: []})
    assert finding.level == Level.FAULT
    assert str(finding.record) == ("_dmarc.example.org  TXT  v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({HOST: ["v=dmarc1; p=none"]}, "has to begin with “v=DMARC1;”"),
        ({HOST: ["p=none; v=DMARC1"]}, "has to begin with “v=DMARC1;”"),
        ({HOST: [], "example.org": ["v=DMARC1; p=none"]}, "stands at example.org itself"),
    ],
)
def test_a_policy_that_no_receiver_reads_is_missing(changed: dict[str, list[str]], words: str) -> None:
    finding = finding_of(check_dmarc, changed)
    assert finding.level == Level.FAULT
    assert words in finding.found


def test_of_two_policies_none_counts() -> None:
    finding = finding_of(check_dmarc, {HOST: ["v=DMARC1; p=none", f"v=DMARC1; p=reject; {RUA}"]})
    assert finding.level == Level.FAULT
    assert "receivers take none" in finding.meaning


@pytest.mark.parametrize("tags", ["sp=none", "p=nothing", "p=none; sp=block"])
def test_without_a_valid_p_the_policy_counts_only_where_reports_go_somewhere(tags: str) -> None:
    nowhere = findings_of(check_dmarc, {HOST: [f"v=DMARC1; {tags}"]})[0]
    assert (nowhere.level, nowhere.record is not None) == (Level.FAULT, True)
    somewhere = findings_of(check_dmarc, {HOST: [f"v=DMARC1; {tags}; {RUA}"]})
    assert [finding.level for finding in somewhere] == [Level.GOOD, Level.WARNING]
    assert somewhere[1].record is not None
    assert read_tags(somewhere[1].record.value)["p"] == "none"


def test_tags_that_were_taken_out_are_noted() -> None:
    notes = findings_of(check_dmarc, {HOST: [f"v=DMARC1; p=quarantine; pct=50; t=y; {RUA}"]})[1:]
    assert [note.level for note in notes] == [Level.NOTE, Level.NOTE]
    assert "has pct" in notes[0].found
    assert "is being tested" in notes[1].found


def test_a_policy_without_reports_is_noted() -> None:
    assert "names nobody for reports" in findings_of(check_dmarc, {HOST: ["v=DMARC1; p=reject"]})[1].found


def test_reports_to_another_domain_need_its_word() -> None:
    elsewhere = {HOST: ["v=DMARC1; p=none; rua=mailto:a@example.org,mailto:us@reports.net!10m"]}
    good, warning = findings_of(check_dmarc, elsewhere)
    assert (good.level, warning.level) == (Level.GOOD, Level.WARNING)
    assert str(warning.record) == "example.org._report._dmarc.reports.net  TXT  v=DMARC1"
    assert finding_of(check_dmarc, elsewhere | {"example.org._report._dmarc.reports.net": ["v=DMARC1"]})


def test_the_policy_above_covers_a_domain_with_its_sp() -> None:
    finding = finding_of(
        check_dmarc,
        {HOST: [f"v=DMARC1; p=reject; sp=none; {RUA}"]},
        from_address="papers@mail.papers.example.org",
        dkim_domain="papers.example.org",
    )
    assert finding.found.endswith("at _dmarc.example.org, which covers mail.papers.example.org.")
    assert "does not keep forgers out" in finding.meaning


def test_a_signature_of_another_domain_is_a_fault() -> None:
    finding = finding_of(check_dmarc, {}, dkim_domain="mailer.net")
    assert finding.level == Level.FAULT
    assert "is signed by mailer.net, which is not aligned with it." in finding.found


def test_a_strict_policy_asks_for_the_same_domain() -> None:
    strict = {HOST: [f"v=DMARC1; p=none; adkim=s; aspf=s; {RUA}"]}
    finding = findings_of(check_dmarc, strict, dkim_domain="mail.example.org")[0]
    assert "adkim=s asks for the same domain" in finding.found
    good, envelope = findings_of(check_dmarc, strict, return_domain="bounces.example.org")
    assert (good.level, envelope.level) == (Level.GOOD, Level.WARNING)
    assert "aspf=s asks for the same domain" in envelope.found


def test_an_envelope_of_another_domain_is_a_warning() -> None:
    assert [finding.level for finding in findings_of(check_dmarc, {}, return_domain="bounces.net")] == [
        Level.GOOD,
        Level.WARNING,
    ]


@pytest.mark.parametrize(
    ("records", "domain", "organization", "policy"),
    [
        ({}, "a.b.example.org", "a.b.example.org", None),
        ({"example.org": "p=none"}, "a.b.example.org", "example.org", "example.org"),
        ({"b.example.org": "p=none", "example.org": "p=none"}, "a.b.example.org", "example.org", "example.org"),
        (
            {"b.example.org": "p=none; psd=n", "example.org": "p=none"},
            "a.b.example.org",
            "b.example.org",
            "b.example.org",
        ),
        ({"bank": "p=reject; psd=Y"}, "a.b.bank", "b.bank", "bank"),
        ({"bank": "p=reject; psd=y", "b.bank": "p=none"}, "a.b.bank", "b.bank", "b.bank"),
        ({"example.org": "p=none", "a.example.org": "p=reject"}, "a.example.org", "example.org", "a.example.org"),
    ],
)
def test_the_organization_is_found_by_the_walk(
    records: dict[str, str], domain: str, organization: str, policy: str | None
) -> None:
    with resolving({f"_dmarc.{host}": [f"v=DMARC1; {tags}"] for host, tags in records.items()}) as resolver:
        walk = walk_tree(domain, resolver)
    assert walk.organization == organization
    assert (walk.policy.domain if walk.policy else None) == policy


def test_two_records_on_the_way_are_passed_over() -> None:
    records = {"_dmarc.b.example.org": ["v=DMARC1; p=none", "v=DMARC1; p=reject"], HOST: ["v=DMARC1; p=none"]}
    with resolving(records) as resolver:
        assert walk_tree("a.b.example.org", resolver).organization == "example.org"


def test_domains_without_a_common_organization_are_not_aligned() -> None:
    with resolving({HOST: ["v=DMARC1; p=none"]}) as resolver:
        assert is_aligned("a.example.org", "b.example.org", is_strict=False, resolver=resolver)
        assert not is_aligned("a.example.org", "b.example.org", is_strict=True, resolver=resolver)
        assert not is_aligned("example.org", "example.net", is_strict=False, resolver=resolver)


@given(st.lists(st.sampled_from(["a", "bc", "example"]), min_size=1, max_size=40).map(".".join))
def test_a_walk_asks_eight_names_at_most_and_never_one_twice(domain: str) -> None:
    asked = list(targets(domain))
    assert len(asked) == len(set(asked)) <= 8
    assert (asked[0], asked[-1]) == (domain, domain.split(".")[-1])
