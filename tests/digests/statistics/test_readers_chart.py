from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from digests.statistics.readers_chart import BARS, HEIGHT, WIDTH, bounds, readers_chart
from tests.factories import MONDAY

count = st.integers(0, 2_000_000)


@given(st.lists(count, min_size=1))
@example([0])
@example([1_000_000, 1_000_001])
def test_an_axis_holds_all_values_between_few_round_ticks(values: list[int]) -> None:
    low, high, step = bounds(values)
    assert 0 <= low <= min(values)
    assert high >= max(values)
    assert high > low
    ticks = range(low, high + 1, step)
    assert ticks[-1] == high
    assert len(ticks) <= 7


@given(st.lists(st.tuples(count, count, count), min_size=2, max_size=90))
def test_every_day_is_drawn_where_its_figures_stand(figures: list[tuple[int, int, int]]) -> None:
    chart = readers_chart([(MONDAY + timedelta(days=n), *day) for n, day in enumerate(figures)])
    points = [tuple(map(float, point.split(","))) for point in chart.points.split()]
    assert len(points) == len(chart.bars) == len(figures)
    low, high, _ = bounds([active for active, _, _ in figures])
    for (_, y), (active, _, _) in zip(points, figures, strict=True):
        assert abs(low + (HEIGHT - y) * (high - low) / HEIGHT - active) <= 0.06 * (high - low) / HEIGHT + 1e-6
    assert (points[0][0], points[-1][0]) == (0, WIDTH)
    for bar, (_, new, left) in zip(chart.bars, figures, strict=True):
        assert abs(bar.up - new * BARS / chart.most) <= 0.05 + 1e-6
        assert abs(bar.down - left * BARS / chart.most) <= 0.05 + 1e-6
