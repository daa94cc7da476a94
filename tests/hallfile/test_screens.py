"""Type of hall screens against the distance of the farthest seat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edge.hallscreens import DIGIT_INK, HAN_INK, LONG, ROW_HEIGHT, SHORT, SIDE_PX, Panel, Screen

PANEL: TypeAdapter[Screen] = TypeAdapter(Panel)
TABLE = {
    (43, 5): (127, 220, 4),
    (43, 8): (204, 352, 2),
    (43, 10): (255, 439, 1),
    (55, 5): (100, 172, 6),
    (55, 8): (159, 275, 3),
    (55, 10): (199, 344, 2),
    (55, 12): (239, 412, 1),
    (55, 15): (299, 515, 1),
    (65, 8): (135, 233, 4),
    (65, 12): (202, 349, 2),
    (65, 15): (253, 436, 1),
    (75, 5): (73, 126, 9),
    (75, 10): (146, 252, 3),
    (75, 15): (219, 378, 1),
}
"""(inches, metres) -> px of a row, px of the newest number, rows: worked out by hand from the angles."""
screens = st.builds(Screen, diagonal_inch=st.floats(32, 100), distance_m=st.floats(2, 15)).filter(lambda it: it.rows)


@pytest.mark.parametrize(("inch", "metres"), TABLE)
def test_sizes_are_those_of_the_table(inch: int, metres: int) -> None:
    screen = Screen(diagonal_inch=inch, distance_m=metres)
    assert (round(screen.row), round(screen.number), screen.rows) == TABLE[inch, metres]


@given(screens)
def test_ink_on_the_panel_is_a_share_of_the_distance(screen: Screen) -> None:
    """The panel's own width says how many px a millimetre has: nothing here knows the formula."""
    width_mm = screen.diagonal_inch * 25.4 * 16 / (16**2 + 9**2) ** 0.5
    mm = width_mm / LONG
    assert screen.row * HAN_INK * mm == pytest.approx(screen.distance_m * 1000 / 86)
    assert screen.number * DIGIT_INK * mm == pytest.approx(screen.distance_m * 1000 / 60)


@given(screens, st.integers(3, 6), st.integers(1, 3), st.booleans())
def test_what_is_laid_out_fits_on_the_panel(screen: Screen, characters: int, digits: int, tall: bool) -> None:
    it = screen.layout(characters, digits, tall)
    width, height = (SHORT, LONG) if tall else (LONG, SHORT)
    inner = width - 2 * SIDE_PX
    assert it.columns_alone * screen.caption <= inner
    assert it.lines_alone * ROW_HEIGHT * screen.caption <= height
    assert it.rows >= 1
    assert it.across >= 1
    assert it.number <= screen.number
    assert it.band + (it.rows * screen.row + (it.lines * screen.caption if tall else 0)) * ROW_HEIGHT <= height
    if it.beside and not tall:
        listed = screen.row * (characters * 0.62 + digits * 0.62 + (3 if it.full else 2))
        assert listed + it.columns * screen.caption <= inner
    if not tall and it.number * characters * 0.62 < inner / 2:
        assert it.place >= screen.row * 0.5


@pytest.mark.parametrize(("inch", "metres"), [(43, 12), (43, 15), (32, 10)])
def test_a_panel_that_nobody_could_read_is_refused(inch: int, metres: int) -> None:
    with pytest.raises(ValidationError, match="larger panel"):
        PANEL.validate_python({"diagonal_inch": inch, "distance_m": metres})
    assert PANEL.validate_python({"diagonal_inch": 75, "distance_m": metres}).rows
