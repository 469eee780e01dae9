"""Reads what the receiving server wrote into a mail: its verdicts (RFC 8601), and whether TLS was used to it."""

import re
from email.message import Message
from typing import NamedTuple

COMMENT = re.compile(r"\([^()]*\)")
RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)(.*)", re.I | re.S)
PROPERTY = re.compile(r"\b(?:smtp|header|policy|body)\.([a-z-]+)\s*=\s*\"?([^\s;\"]+)", re.I)
TLS_WORDS = re.compile(r"\bwith\s+(?:utf8)?(?:e?smtps|esmtpsa|lmtps|lmtpsa)\b|\btls\s*v?1|version=tls", re.I)
FROM_OUTSIDE = re.compile(r"\bfrom\s+(?!localhost|\[?127\.)")
MOST_COMMENTS = 200  # taken out of one field


class Result(NamedTuple):
    """One verdict, such as spf=pass; `properties` are those of its headers, such as mailfrom."""

    method: str
    result: str
    properties: dict[str, str]

    @property
    def mail_from_domain(self) -> str:
        return self.properties.get("mailfrom", "").rpartition("@")[2].lower()


class Verdict(NamedTuple):
    """What one server says of a mail."""

    server: str
    results: list[Result]

    def find(self, method: str) -> Result | None:
        return next((result for result in self.results if result.method == method), None)


def read_verdict(mail: Message) -> Verdict | None:
    """Return the topmost Authentication-Results, which the reader's own server wrote; None where there is none."""
    fields = mail.get_all("Authentication-Results", [])
    return parse_verdict(str(fields[0])) if fields else None


def parse_verdict(text: str) -> Verdict:
    """Read one field.

    >>> parse_verdict("mx.example.net; spf=pass (ok) smtp.mailfrom=b@example.org").results[0].mail_from_domain
    'example.org'
    """
    for _ in range(MOST_COMMENTS):
        text, count = COMMENT.subn(" ", text)
        if not count:
            break
    server, *parts = text.split(";")
    found = (RESULT.fullmatch(part) for part in parts)
    results = [
        Result(match[1].lower(), match[2].lower(), {name.lower(): value for name, value in PROPERTY.findall(match[3])})
        for match in found
        if match
    ]
    return Verdict(server.strip().split(" ")[0], results)


def has_tls(mail: Message) -> bool | None:
    """Return whether the mail came to the reader's server by TLS; None where no Received field says how it came."""
    hops = [str(field) for field in mail.get_all("Received", [])]
    outside = [hop for hop in hops if FROM_OUTSIDE.search(hop)]
    return bool(TLS_WORDS.search(outside[0])) if outside else None
