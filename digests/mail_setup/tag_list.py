"""Reads the tag lists of DKIM, DMARC and BIMI: "v=DMARC1; p=none" (RFC 6376, section 3.2)."""


def read_tags(text: str) -> dict[str, str]:
    """Return the tags of a list, names in lower case; the first of two with one name counts.

    >>> read_tags("v=DMARC1; p = none;")
    {'v': 'DMARC1', 'p': 'none'}
    """
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, separator, value = part.partition("=")
        if separator:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags
