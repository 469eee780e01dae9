"""A time zone to choose: cities by region, each with its offset of now. Any other name of a zone is taken too.

Browsers and old readers know zones by names of before, such as Asia/Calcutta: those are accepted, shown where they are
chosen, and offered to nobody else.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from newsletter import clock

# How a region is called where its zones' first word says it badly.
REGIONS = {"America": "Americas", "Arctic": "Europe", "Indian": "Indian Ocean"}
NO_ZONES = {"Factory", "localtime"}

Choices = list[tuple[str, str | list[tuple[str, str]]]]


class ZoneSelect(forms.Select):
    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> Any:
        groups = super().optgroups(name, value, attrs)
        chosen = value[0] if value else ""
        if chosen in known() and chosen not in offered():
            groups.insert(0, (None, [self.create_option(name, chosen, label_of(chosen, clock.now()), True, 0)], 0))
        return groups


class ZoneField(forms.TypedChoiceField):
    """A zone by its name."""

    widget = ZoneSelect

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=choices, coerce=ZoneInfo, **options)

    def valid_value(self, value: Any) -> bool:
        return value in known()


def choices() -> Choices:
    return choices_at(clock.now().replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1)
def choices_at(now: datetime) -> Choices:
    """Return UTC, and the cities by region; looking up hundreds of offsets takes longer than a page may."""
    regions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in offered():
        if name != "UTC":
            area = name.partition("/")[0]
            regions[REGIONS.get(area, area)].append((name, label_of(name, now)))
    cities = {region: sorted(zones, key=lambda zone: zone[1]) for region, zones in regions.items()}
    return [("UTC", "UTC"), *sorted(cities.items())]


def label_of(name: str, now: datetime) -> str:
    """Return how a zone is read, as “Berlin (UTC+2)” or “Knox, Indiana (UTC−5)”."""
    _, *places = name.replace("_", " ").split("/")
    offset = now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    return f"{', '.join(reversed(places)) or name} (UTC{offset_words(offset)})"


def offset_words(offset: timedelta) -> str:
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    if not hours and not minutes:
        return ""
    return f"{'−' if offset < timedelta() else '+'}{hours}" + (f":{minutes:02}" if minutes else "")


@cache
def offered() -> frozenset[str]:
    """Return the zones that the time zone database lists by country: no aliases, no abbreviations."""
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines()
    listed = {line.split("\t")[2] for line in lines if line and not line.startswith("#")}
    return frozenset((listed & available_timezones()) | {"UTC"})


@cache
def known() -> frozenset[str]:
    return frozenset(available_timezones() - NO_ZONES)
