"""Numbers as text: row ids that come in, counts that go out."""

LONGEST_ID = 18  # digits that always fit into a bigint


def parse_row_id(text: str) -> int | None:
    """Return the row id written in `text`; None if it is no number or may be too large for a bigint."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_ID else None


def pluralize(count: int, singular: str, plural: str = "") -> str:
    """Return “1 paper” or “1,200 papers”; `plural` where it is not `singular` with an s."""
    return f"1 {singular}" if count == 1 else f"{count:,} {plural or singular + 's'}"
