"""Cells of a table that a spreadsheet opens: none is taken for a formula, and each can be read back."""

import re

RISKY = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Return `text` with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if RISKY.match(text) else text


def bare(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[1:] if GUARDED.match(cell) else cell
