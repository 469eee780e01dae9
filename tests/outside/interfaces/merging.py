"""Fill merge fields as a provider does: once, so that a value that looks like a field stays as it is."""

import re
from collections.abc import Callable


class Template:
    """A text that is split at its fields once and filled for each recipient."""

    def __init__(self, text: str, fields: re.Pattern[str]) -> None:
        """Split `text` at the matches of `fields`, whose one group holds the field as it is written."""
        self.parts = fields.split(text)

    def fill(self, value: Callable[[str], str]) -> str:
        """Return the text with `value(field)` in the place of each field."""
        if len(self.parts) == 1:
            return self.parts[0]
        return "".join(value(part) if at % 2 else part for at, part in enumerate(self.parts))
