"""CSV cells that a spreadsheet does not execute as formulas, and that can be read back unchanged."""

import re

FORMULA = re.compile(r"'*[=+\-@\t\r]")
ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r]")


def escape_formula(text: str) -> str:
    """Prefix `text` with an apostrophe if a spreadsheet would execute it as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`."""
    return cell[1:] if ESCAPED_FORMULA.match(cell) else cell
