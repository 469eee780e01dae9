"""PLACEHOLDER, being replaced."""

import re


def key_of(text: str) -> str | None:
    found = re.search(r"\d{4}\.\d{4,5}", text)
    return f"arxiv:{found[0]}" if found else None


def abs_url(key: str) -> str:
    return "https://arxiv.org/abs/" + key.partition(":")[2]


def pdf_url(key: str) -> str:
    return "https://arxiv.org/pdf/" + key.partition(":")[2] if key.startswith("arxiv:") else ""


def version_of(text: str) -> int:
    return 0


def url_key(address: str) -> str:
    return "url:" + address
