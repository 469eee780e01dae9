"""What receivers write when they refuse a mail: one row a cause, with the texts and the codes that tell it.

Sources: RFC 3463, RFC 7372, RFC 7293 and RFC 7505, and what Gmail, Outlook, Yahoo, Apple, Proofpoint, Mimecast and
Barracuda answer. All texts are in lower case and regular expressions. The first row that matches counts.
"""

import re
from enum import StrEnum
from typing import NamedTuple


class Cause(StrEnum):
    """What about our mail a receiver does not take."""

    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"
    AUTHENTICATION = "authentication"  # several of these, or it is not said which
    RELAY = "relay"  # the server does not know us, or does not send mail for us
    BLOCK_LIST = "block_list"
    REPUTATION = "reputation"
    REVERSE_DNS = "reverse_dns"
    TLS = "tls"
    SENDER = "sender"  # our From or envelope address
    SIZE = "size"
    CONTENT = "content"
    POLICY = "policy"  # nothing more is said


class CauseRow(NamedTuple):
    cause: Cause
    texts: tuple[str, ...]
    codes: frozenset[str]  # the second and third number of an enhanced status code


def row(cause: Cause, *texts: str, codes: str = "") -> CauseRow:
    return CauseRow(cause, texts, frozenset(codes.split()))


OURS = (
    row(
        Cause.RELAY,
        r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed|authorized))",
        r"(?:unable|not permitted|not allowed) to relay",
        r"open relay not allowed|(?:do not|does not|don.t|doesn.t|no) relay|allowed rcpthosts",
        r"relaying (?:mail )?(?:to|from) .{1,80} (?:is not|prohibited)",
        r"authentication (?:is )?required",
        r"(?:credentials|password).{1,40}(?:invalid|incorrect|not accepted)",
        codes="7.8 7.11 7.13 7.54 7.57 7.64 7.139",
    ),
    row(
        Cause.BLOCK_LIST,
        r"block ?list|blacklist|black list|\brbl\b|\bdnsbl\b|spamhaus|spamcop|barracudanetworks\.com/reputation",
        r"barracuda reputation|banned sending ip|envelope blocked|ipcheck\.proofpoint|dnsbl-lookup|sorbs|surbl",
        r"client host .{1,80} blocked|\[bl\d\d\]|part of their network is on our|\(s31[45]\d\)|cloudmark\.com",
        codes=" ".join(f"7.{number}" for number in (511, *range(606, 650))),
    ),
    row(
        Cause.DMARC,
        r"dmarc (?:policy|record|sender|check|verification|validation|evaluation)|(?:pass|fail\w*) dmarc",
        codes="7.31 7.40 7.509",
    ),
    row(
        Cause.AUTHENTICATION,
        r"unauthenticated|sender authentication|required authentication level|authentication checks",
        r"(?:spf or dkim|dkim or spf|spf and dkim|dkim and spf|from: header isn.t aligned)",
        r"anti-?spoofing|authentication.results|\bdmarc\b",
        codes="7.26 7.32 7.515",
    ),
    row(
        Cause.DKIM,
        r"\bdkim\b|signature (?:did|does) not (?:verify|match)",
        codes="7.20 7.21 7.22 7.30",
    ),
    row(
        Cause.SPF,
        r"\bspf\b|sender policy framework",
        codes="7.23 7.24",
    ),
    row(
        Cause.REVERSE_DNS,
        r"\bptr\b|reverse (?:dns|hostname|lookup)|cannot find your (?:reverse )?hostname|\brdns\b",
        codes="7.25",
    ),
    row(
        Cause.REPUTATION,
        r"reputation|unsolicited mail|user complaints|unexpected volume|complaint rate|rate of unsolicited",
        r"\[ts[ds]?s?\d\d\]|\btss\d\d\b|\[hm\d\d\]|\(?rp-00\d\)?|\b(?:ou|dy)-00\d\b|excessive volume",
        r"senderscore|sending (?:limit|quota) (?:exceeded|reached)|daily .{0,20}sending quota",
        codes=" ".join(f"7.{number}" for number in (28, *range(700, 800))),
    ),
    row(
        Cause.TLS,
        r"must issue a starttls|starttls (?:is )?required|(?:tls|encryption) (?:is )?required|not using tls",
        codes="7.10",
    ),
    row(
        Cause.SENDER,
        r"sender (?:address )?(?:rejected|denied|invalid|verify failed|not allowed|refused|blocked)",
        r"(?:address|domain|identity|sender|from)(?: is| are)? (?:not verified|unverified)|from parameter is not a",
        r"(?:bad|invalid|unknown|blocked|banned) sender|sender domain|domain of sender|invalid dns mx or a",
        r"mail from .{1,80} (?:rejected|refused)",
        codes="1.7 1.8 7.27",
    ),
    row(
        Cause.SIZE,
        r"message (?:size|length|exceeded|too (?:big|large))|too (?:big|large) for",
        r"exceed(?:s|ed) .{0,40}(?:message|size) limit",
        codes="2.3 3.4",
    ),
    row(
        Cause.CONTENT,
        r"\bspam|\bphish|\bvirus|malware|mcspam|content (?:rejected|blocked|refused|filter)|due to (?:its )?content",
        r"its content|\[cs\d\d\]|\[ph\d\d\]|potential security issue|security polic|\bsc-00\d\b|malicious|junk ?mail",
        r"(?:violates|prohibited|rejected by) .{0,40}(?:content) policy",
        codes="6.0 6.1 6.2 6.3 6.5 6.6 6.7 6.9",
    ),
    row(
        Cause.POLICY,
        r"polic(?:y|ies)|administrative prohibition|:blocked\)|access denied\.\.\.|your (?:\w+ )?account",
        r"(?:message|mail|email|connection|ip address) (?:was |has been |is )?blocked|banned",
    ),
)

# The mailbox takes nothing now. The rate at which one person is mailed is a matter of the mailbox, even with 5.2.1.
MAILBOX_TEXTS = (
    r"(?:over|exceed\w*|out of) (?:its |the |disk |storage )*(?:quota|storage|space)|quota (?:is )?exceeded",
    r"(?:mailbox|inbox|account|storage|user|quota)(?: is| was| has been)?(?: too)? full",
    r"insufficient (?:disk|system|storage)",
    r"receiving mail (?:too quickly|at a rate)|grey ?list|try again later|temporar(?:y|ily)|mailbox (?:is )?busy",
)
MAILBOX_CODES = frozenset({"2.2", "3.1", "3.2", "4.7"})

# RFC 7293 counts a mailbox or a domain with a new owner among the 5.7 codes: the reader is gone.
ADDRESS_CODES = frozenset({"7.17", "7.18", "2.1"})
ADDRESS_SUBJECT = "1."
# These count only where no code says more, since 5.7.1 stands beside “mailbox unavailable” too.
ADDRESS_TEXTS = (
    r"(?:user|recipient|mailbox|address|account|addressee)(?: is| was| name| id)? "
    r"(?:unknown|not found|does ?n.t exist|does not exist|invalid|disabled|closed|inactive|unavailable|not known)",
    r"(?:unknown|no such|invalid|bad|nonexistent|non-existent) (?:or \w+ )?(?:user|recipient|mailbox|address|account)",
    r"no (?:mailbox|account|one|person)(?: here)? (?:by|with) that|no mailbox here",
    r"not a (?:valid|known) (?:user|mailbox)",
    r"does(?:n.t| not) (?:have an? .{1,40} account|exist)|not our customer|un(?:routeable|routable) address",
    r"mailbox (?:is )?(?:disabled|not available)|account .{0,40}(?:disabled|discontinued|suspended|inactive)",
    r"domain(?: name)? (?:not found|does not exist)|no such domain|invalid domain",
    r"unable to find mx|null mx|no mail host",
    # Outlook answers this at the edge where a company's directory does not know the address.
    r"5\.4\.1 recipient address rejected",
)


def compiled(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(texts))
