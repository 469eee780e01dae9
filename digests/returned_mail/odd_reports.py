"""Reads bounces that keep to no standard: which address flufl.bounce finds, and what the text says of the reason."""

import re
from copy import deepcopy
from itertools import islice

from flufl.bounce import all_failures

from digests.returned_mail.delivery_reports import DELAYED, FAILED, LONGEST_ANSWER, Report
from digests.returned_mail.stranger_mail import MOST_PARTS, AnyMessage, StrangerMail
from newsletter.mail.header_line import clean_line
from newsletter.mail.refusal import ENHANCED, UNKNOWN, read_refusal

MOST_CHARACTERS = 16_000  # of the text that is searched by patterns which are not ours
LONGEST_LINE = 500
SAYS_FAILED = re.compile(
    r"undeliver(?:ed|able)|not (?:be )?delivered|returned mail|failure notice|returning message to sender"
    r"|(?:delivery|mail|message)[\w ]{0,20} (?:fail|error|problem)|non[- ]?delivery|unzustellbar|non remis",
    re.IGNORECASE,
)


def read_odd_report(mail: StrangerMail) -> Report | None:
    """Return what a mail from a mail server says became of ours; None for a mail of another kind."""
    says_failed = SAYS_FAILED.search(mail.subject) is not None
    is_report = any(mail.of_type("message/delivery-status"))  # without a word of what it reports
    if not (mail.is_from_machine or says_failed or is_report or mail.has("X-Failed-Recipients")):
        return None
    temporary, permanent = find_addresses(mail)
    answer = clean_line(mail.text)[:LONGEST_ANSWER]
    if found := sorted(permanent or temporary):
        action = FAILED if permanent else DELAYED
        return Report(action, found[0].decode("ascii", "replace"), failure_status(answer), answer)
    if is_report or mail.has("X-Failed-Recipients") or (says_failed and read_refusal(answer) != UNKNOWN):
        named = mail.header("X-Failed-Recipients").partition(",")[0]
        return Report(FAILED, named, failure_status(answer), answer)
    return None


def failure_status(answer: str) -> str:
    """Return the first code of a failure in a text; what looks like one of success is some program's version."""
    found = ENHANCED.search(answer)
    return found[0] if found else ""


def find_addresses(mail: StrangerMail) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the addresses for which delivery goes on, and those for which it failed."""
    try:
        temporary, permanent = all_failures(excerpt(mail))
    except Exception:  # its patterns meet whatever strangers write
        return frozenset(), frozenset()
    return temporary, permanent


def excerpt(mail: StrangerMail) -> AnyMessage:
    """Return a copy of the mail that ends where another mail begins, its texts bounded in both directions."""
    copy = deepcopy(mail.message)
    parts = list(islice(copy.walk(), MOST_PARTS))
    for part in parts:
        inner = part.get_payload()
        if isinstance(inner, list):
            part.set_payload(inner[:MOST_PARTS] if part.is_multipart() and not is_mail(part) else [])
        elif isinstance(inner, str):
            lines = [line[:LONGEST_LINE] for line in inner[:MOST_CHARACTERS].splitlines()]
            part.set_payload("\n".join(lines))
    return copy


def is_mail(part: AnyMessage) -> bool:
    return part.get_content_type() == "message/rfc822"
