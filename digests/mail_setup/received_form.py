"""Judges how a received mail is built: its parts, its size, its headers and the way it came."""

from collections.abc import Iterator
from email.message import Message

from digests.mail_setup.finding import Finding, Level
from digests.mail_setup.receiver_verdict import has_tls

CLIPPED_BYTES = 102_400  # Gmail shows no more of the HTML, and hides what stands at the foot
LARGE_BYTES = 150_000  # of a whole mail with its headers
ALONE = ("from", "to", "subject", "date", "message-id", "reply-to")  # may stand once at most (RFC 5322, 3.6)


def judge_form(mail: Message, size: int) -> list[Finding]:
    return [*judge_parts(mail), judge_size(mail, size), *judge_headers(mail), *judge_way(mail)]


def judge_parts(mail: Message) -> Iterator[Finding]:
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    words = f"Its parts are {', '.join(kinds)}."
    extra = [kind for kind in kinds if kind not in ("text/plain", "text/html")]
    if extra:
        todo = "Look whether a server on its way adds them."
        yield Finding("Parts", Level.WARNING, words, "Filters distrust attachments in bulk mail.", todo)
    elif kinds == ["text/plain", "text/html"] and mail.get_content_type() == "multipart/alternative":
        yield Finding("Parts", Level.GOOD, "It has a text and an HTML part, in this order.")
    else:
        means = "A mail has to hold its text twice: first plain, then as HTML, in one multipart/alternative."
        yield Finding("Parts", Level.WARNING, words, means, "Look whether your provider changes the mail.")


def judge_size(mail: Message, size: int) -> Finding:
    html = next((part for part in mail.walk() if part.get_content_type() == "text/html"), None)
    content = html.get_payload(decode=True) if html else None
    length = len(content) if isinstance(content, bytes) else 0
    words = f"The mail has {size:,} bytes, its HTML {length:,}."
    if length > CLIPPED_BYTES:
        means = "Gmail cuts HTML at 102,400 bytes, and with it the link to unsubscribe at the foot."
        return Finding("Size", Level.FAULT, words, means, "Turn off what rewrites links: tracking of clicks.")
    if size > LARGE_BYTES:
        todo = "Look whether your provider rewrites links."
        return Finding("Size", Level.WARNING, words, "Filters take large bulk mail for worse than small.", todo)
    return Finding("Size", Level.GOOD, words)


def judge_headers(mail: Message) -> Iterator[Finding]:
    names = [name.lower() for name in mail]
    if doubled := [name.capitalize() for name in ALONE if names.count(name) > 1]:
        words = f"{', '.join(doubled)} stand{'s' if len(doubled) == 1 else ''} there more than once."
        yield Finding("Headers", Level.FAULT, words, "Gmail refuses such mail.", "Look which server adds them.")
    if absent := [name.capitalize() for name in ("date", "message-id", "to", "subject") if name not in names]:
        words = f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing."
        yield Finding("Headers", Level.WARNING, words, "Filters count that against it.", "See what takes it out.")
    if str(mail.get("X-Spam-Flag", mail.get("X-Spam-Status", ""))).strip().lower().startswith("yes"):
        reason = " ".join(str(mail.get("X-Spam-Status", "X-Spam-Flag: YES")).split())
        words = f"The receiver’s filter takes it for spam: {reason}"
        yield Finding("Headers", Level.WARNING, words, "Readers find it in their spam folder.", "Fix what it names.")


def judge_way(mail: Message) -> Iterator[Finding]:
    is_encrypted = has_tls(mail)
    if is_encrypted is None:
        yield Finding("TLS", Level.NOTE, "No Received field says how it came to the reader’s server.")
    elif is_encrypted:
        yield Finding("TLS", Level.GOOD, "It came to the reader’s server by TLS.")
    else:
        means = "Gmail refuses bulk mail without TLS, and others may read it on its way."
        todo = "Turn TLS on where the mail leaves (Postfix: smtp_tls_security_level = may)."
        yield Finding("TLS", Level.WARNING, "It came to the reader’s server without TLS.", means, todo)
