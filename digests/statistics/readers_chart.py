"""Computes the coordinates of a chart for a template to draw. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

WIDTH, HEIGHT = 640, 150  # of the line, in the drawing's own units
BARS = 50  # height of what came and left, on each side of the axis
TOP, AXIS = 26, 240  # room above the line; where the axis of the bars is
STEPS = (1, 2, 2.5, 5, 10)


class Bar(NamedTuple):
    x: float
    up: float  # heights
    down: float


class Tick(NamedTuple):
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class ReadersChart:
    points: str  # of the line
    area: str
    ticks: list[Tick]
    months: list[tuple[float, str]]
    bars: list[Bar]
    bar_width: float
    most: int  # readers that the longest bar stands for
    end_y: float
    height: float  # of the whole drawing


def readers_chart(days: Sequence[tuple[date, int, int, int]]) -> ReadersChart:
    """Lay out days as (date, active, new, left), oldest first; at least two of them.

    The line's axis need not begin at 0: its ticks say where it does.
    """
    low, high, step = bounds([active for _, active, _, _ in days])
    gap = WIDTH / (len(days) - 1)
    xs = [round(number * gap, 1) for number in range(len(days))]
    ys = [height_of(active, low, high) for _, active, _, _ in days]
    most = max(1, *(max(new, left) for _, _, new, left in days))
    bars = [
        Bar(round(x - gap * 0.35, 1), round(new * BARS / most, 1), round(left * BARS / most, 1))
        for x, (_, _, new, left) in zip(xs, days, strict=True)
    ]
    points = " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True))
    return ReadersChart(
        points=points,
        area=f"0,{HEIGHT} {points} {WIDTH},{HEIGHT}",
        ticks=[Tick(height_of(value, low, high), f"{value:,}") for value in range(low, high + 1, step)],
        months=[
            (x, f"{day:%-d %b}") for x, (day, *_) in zip(xs, days, strict=True) if day.day == 1 and x < WIDTH - 30
        ],
        bars=bars,
        bar_width=round(gap * 0.7, 1),
        most=most,
        end_y=ys[-1],
        height=TOP + AXIS + 4 + max(bar.down for bar in bars),
    )


def bounds(values: Sequence[int]) -> tuple[int, int, int]:
    """Return the ends of an axis for `values`, rounded to ticks, and the step between its three to six ticks."""
    least, most = min(values), max(values)
    span = max(most - least, most // 10, 1)
    size = 10 ** (len(str(span)) - 1)
    step = next(int(size * step) for step in STEPS if size * step * 4 >= span and size * step == int(size * step))
    low = least // step * step
    high = max(-(-most // step) * step, low + step)
    return low, high, step


def height_of(value: int, low: int, high: int) -> float:
    return round(HEIGHT - (value - low) * HEIGHT / (high - low), 1)
