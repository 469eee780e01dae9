"""What a check of the mail's setup says: what was found, what it means and what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from django.db import models

from newsletter.excerpt import cut_at_word
from newsletter.mail.header_line import clean_line

LONGEST = 2_000  # characters of a sentence, which may quote what anybody published


class Level(models.TextChoices):
    GOOD = "good", "Good"
    NOTE = "note", "Worth knowing"
    WARNING = "warning", "Worth fixing"
    UNKNOWN = "unknown", "Not known"
    FAULT = "fault", "Wrong"


class DnsRecord(NamedTuple):
    """A record to publish, as an operator types it at the domain's name servers."""

    host: str
    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.host}  {self.kind}  {self.value}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about the setup; `record` is the exact record to publish, where publishing one fixes it.

    The texts may quote DNS and mails of strangers: they become lines that terminals and the database take.
    """

    subject: str
    level: Level
    found: str
    meaning: str = ""
    action: str = ""
    record: DnsRecord | None = None

    def __post_init__(self) -> None:
        for name in ("found", "meaning", "action"):
            object.__setattr__(self, name, cut_at_word(clean_line(getattr(self, name)), LONGEST))
        if self.record:
            object.__setattr__(self, "record", DnsRecord(*map(clean_line, self.record)))

    def lines(self) -> Iterator[str]:
        """Yield the finding as lines of text; the record has a line of its own, to be copied."""
        yield f"{self.subject}: {self.level.label.lower()}. " + " ".join(
            part for part in (self.found, self.meaning, self.action) if part
        )
        if self.record:
            yield f"    {self.record}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"level": self.level.value}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Finding":
        record = DnsRecord(*stored["record"]) if stored["record"] else None
        return cls(**stored | {"level": Level(stored["level"]), "record": record})


def is_passed(findings: Iterable[Finding]) -> bool:
    """Return whether nothing is wrong and nothing stayed unknown; warnings and notes do not count."""
    return not {finding.level for finding in findings} & {Level.FAULT, Level.UNKNOWN}
