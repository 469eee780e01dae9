"""A form field for time zones: cities by region with their current UTC offsets.

Browsers and long-standing readers use older names such as Asia/Calcutta. Those are accepted, and listed only for a
reader who has chosen one.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from newsletter import clock

# Display names of regions whose zone prefix is unclear.
REGIONS = {"America": "Americas", "Arctic": "Europe", "Indian": "Indian Ocean"}
NOT_ZONES = {"Factory", "localtime"}

Choices = list[tuple[str, str | list[tuple[str, str]]]]


class ZoneSelect(forms.Select):
    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> Any:
        groups = super().optgroups(name, value, attrs)
        chosen = value[0] if value else ""
        if chosen in known_zones() and chosen not in offered_zones():
            groups.insert(0, (None, [self.create_option(name, chosen, zone_label(chosen, clock.now()), True, 0)], 0))
        return groups


class ZoneField(forms.TypedChoiceField):
    """Cleans to a ZoneInfo; accepts every name in the time zone database."""

    widget = ZoneSelect

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=choices, coerce=ZoneInfo, **options)

    def valid_value(self, value: Any) -> bool:
        return value in known_zones()


def choices() -> Choices:
    return choices_at(clock.now().replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1)
def choices_at(now: datetime) -> Choices:
    """Return UTC and the cities by region. Cached, since it computes hundreds of offsets."""
    regions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in offered_zones():
        if name != "UTC":
            area = name.partition("/")[0]
            regions[REGIONS.get(area, area)].append((name, zone_label(name, now)))
    cities = {region: sorted(zones, key=lambda zone: zone[1]) for region, zones in regions.items()}
    return [("UTC", "UTC"), *sorted(cities.items())]


def zone_label(name: str, now: datetime) -> str:
    """Return a label such as “Berlin (UTC+2)” or “Knox, Indiana (UTC−5)”."""
    _, *places = name.replace("_", " ").split("/")
    offset = now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    return f"{', '.join(reversed(places)) or name} (UTC{offset_text(offset)})"


def offset_text(offset: timedelta) -> str:
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    if not hours and not minutes:
        return ""
    return f"{'−' if offset < timedelta() else '+'}{hours}" + (f":{minutes:02}" if minutes else "")


@cache
def offered_zones() -> frozenset[str]:
    """Return the zones in zone.tab, which lists them by country: no aliases, no abbreviations."""
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines()
    listed = {line.split("\t")[2] for line in lines if line and not line.startswith("#")}
    return frozenset((listed & available_timezones()) | {"UTC"})


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_ZONES)
