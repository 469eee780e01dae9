import socket

import pytest

from digests.monitoring import dns_records
from tests.nameserver import naming

WHOLE = {
    "example.org": ["google-site-verification=x", "v=spf1 include:spf.example.net -all"],
    "pm._domainkey.example.org": ["k=rsa; p=MIGf"],
    "_dmarc.example.org": ["v=DMARC1; p=none"],
}


def found(known: dict[str, list[str]], domain: str = "example.org", selector: str = "pm") -> list[str]:
    with naming(known) as server:
        return list(dns_records.check_records(domain, selector, server))


def test_a_domain_with_all_three_records_is_reported_complete() -> None:
    assert found(WHOLE) == [
        "SPF: there, “v=spf1 include:spf.example.net -all”.",
        "DKIM: there, at pm._domainkey.example.org.",
        "DMARC: there, at example.org, “v=DMARC1; p=none”.",
    ]


def test_a_domain_without_records_gets_the_records_to_publish() -> None:
    spf, dkim, dmarc = found({})
    assert "SPF: example.org has no record" in spf
    assert "DKIM: pm._domainkey.example.org has no key" in dkim
    assert "Publish “v=DMARC1; p=none”" in dmarc


def test_the_policy_of_the_domain_above_holds_too() -> None:
    assert "there, at example.org" in found(WHOLE, "mail.papers.example.org")[2]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"example.org": ["v=spf1 -all", "v=spf1 +all"]}, "2 records where one may be"),
        ({"example.org": ["v=spf10 -all"]}, "SPF: example.org has no record"),
        ({"pm._domainkey.example.org": ["v=DKIM1; p="]}, "is revoked"),
    ],
)
def test_a_useless_record_is_reported(changed: dict[str, list[str]], words: str) -> None:
    assert any(words in sentence for sentence in found(WHOLE | changed))


def test_without_a_selector_the_key_is_not_known() -> None:
    assert found(WHOLE, selector="")[1].startswith("DKIM: not known, since DKIM_SELECTOR is not set.")


def test_silent_name_servers_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_records, "TIMEOUT_SECONDS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        said = list(dns_records.check_records("example.org", "pm", f"127.0.0.1:{silent.getsockname()[1]}"))
    assert said == [f"{name}: unknown, because no name server answers." for name in ("SPF", "DKIM", "DMARC")]
