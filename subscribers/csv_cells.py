"""CSV cells that a spreadsheet does not execute as formulas, and that can be read back unchanged."""

import re

# An apostrophe is escaped too: a spreadsheet takes a leading one for its own mark of a text.
ESCAPED = re.compile(r"['=+\-@\t\r]")


def escape_formula(text: str) -> str:
    """Prefix `text` with an apostrophe if a spreadsheet would execute it as a formula, or drop its apostrophe."""
    return f"'{text}" if ESCAPED.match(text) else text


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`, and drop the apostrophe by which a spreadsheet marks a text."""
    return cell[1:] if cell.startswith("'") else cell
