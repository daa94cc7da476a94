"""Hall screens: how large type must be for the farthest seat, and what a panel holds of it. Models of a hall file.

Sizes are in px of a panel whose long side has 1920. Ink of Han is 0.92 of the type's size, of digits 0.765 (Noto Sans
CJK). Read from the farthest seat a row stands at 40′ (1/86 of the distance), the newest number at 57′ (1/60), and
nothing under 25′: EN 301 549 cl. 5.1.4 asks for 42′ of Latin capitals, and readers of all ages took 55′ best.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.hallday import Hours

LONG, SHORT = 1920, 1080
ROW_RATIO, NUMBER_RATIO = 86, 60
HAN_INK, DIGIT_INK = 0.92, 0.765
CAPTION = 0.63
"""Of a row: 25′, the floor for what is not a call."""
ROW_HEIGHT, BAND_HEIGHT, HEAD_PX = 1.3, 1.2, 72
SIDE_PX, GAP_PX = 48, 40
PLACE = 0.85
"""Of the newest number: its window's, at most."""
LEAST_COLUMNS = 6
"""Han in a line, below which nobody reads a text beside the calls."""
DIGIT_EM = 0.62
"""Of a digit or capital, in type sizes."""
TALL_ROWS = 3


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(NamedTuple):
    """How one way to hang a panel is shared between the band of calls, the list of calls and the leaf beside it."""

    band: float
    """px high."""
    rows: int
    across: int
    """Calls that the band holds side by side at the size of a row."""
    number: float
    """px of the newest number, and of its window, while there is one call."""
    place: float
    full: bool
    """Whether 3号窗口 fits, or only 3号窗."""
    beside: bool
    """Whether the leaf has room beside or under the list; else it shows only while the list is empty."""
    columns: int
    lines: int
    """What a leaf holds, in Han, its title among them."""
    columns_alone: int
    lines_alone: int
    """The same while the list is empty."""


class Screen(_Model):
    """A panel and its room."""

    diagonal_inch: Annotated[float, Field(ge=20, le=120)] = 55.0
    distance_m: Annotated[float, Field(gt=0, le=40)] = 8.0
    """To the farthest seat from which it is to be read."""
    theme: Literal["dark", "light", "clock"] = "dark"
    """light where the room is brighter than about 1000 lx; clock: light in the hours of `[screens] light`."""

    @cached_property
    def px_per_mm(self) -> float:
        return LONG / (self.diagonal_inch * 25.4 * LONG / math.hypot(LONG, SHORT))

    @cached_property
    def row(self) -> float:
        """px of a call in the list."""
        return self.distance_m * 1000 / ROW_RATIO / HAN_INK * self.px_per_mm

    @cached_property
    def number(self) -> float:
        """px of the newest number."""
        return self.distance_m * 1000 / NUMBER_RATIO / DIGIT_INK * self.px_per_mm

    @property
    def caption(self) -> float:
        return CAPTION * self.row

    @property
    def rows(self) -> int:
        """Rows that fit under the newest number on a lying panel."""
        return int((SHORT - HEAD_PX - BAND_HEIGHT * self.number) / (ROW_HEIGHT * self.row))

    def layout(self, characters: int, digits: int, tall: bool = False) -> Layout:
        """For numbers of so many characters (A012: 4) and windows of so many digits, on a lying or a `tall` panel."""
        return _tall(self, characters, digits) if tall else _lying(self, characters, digits)


def _em(characters: int, digits: int, full: bool) -> tuple[float, float]:
    """Widths of a number and of its place, in type sizes."""
    return characters * DIGIT_EM, digits * DIGIT_EM + (3 if full else 2)


def _list_em(characters: int, digits: int, full: bool) -> float:
    return sum(_em(characters, digits, full)) + 0.7


def _across(screen: Screen, characters: int, digits: int, inner: float) -> int:
    tile = screen.row * (max(_em(characters, digits, full=False)) + 0.4)
    return max(1, int((inner + GAP_PX / 2) / (tile + GAP_PX / 2)))


def _lying(screen: Screen, characters: int, digits: int) -> Layout:
    inner, height = LONG - 2 * SIDE_PX, SHORT - HEAD_PX - BAND_HEIGHT * screen.number
    lines = int(height / (ROW_HEIGHT * screen.caption))
    columns = {
        full: int((inner - GAP_PX - screen.row * _list_em(characters, digits, full)) / screen.caption)
        for full in (True, False)
    }
    room = inner - GAP_PX - _em(characters, digits, full=True)[0] * screen.number
    places = {full: min(PLACE * screen.number, room / _em(characters, digits, full)[1]) for full in (True, False)}
    full = places[True] >= screen.row and (columns[True] >= LEAST_COLUMNS or columns[False] < LEAST_COLUMNS)
    alone = int(inner / screen.caption)
    return Layout(
        band=BAND_HEIGHT * screen.number,
        rows=screen.rows,
        across=_across(screen, characters, digits, inner),
        number=screen.number,
        place=places[full],
        full=full,
        beside=columns[full] >= LEAST_COLUMNS,
        columns=max(LEAST_COLUMNS, columns[full]),
        lines=lines,
        columns_alone=alone,
        lines_alone=lines,
    )


def _tall(screen: Screen, characters: int, digits: int) -> Layout:
    inner = SHORT - 2 * SIDE_PX
    full = screen.row * _list_em(characters, digits, full=True) <= inner
    widest, its_place = _em(characters, digits, full)
    number, place = min(screen.number, inner / widest), min(PLACE * screen.number, inner / its_place)
    band = (
        2 * BAND_HEIGHT * screen.number + GAP_PX / 2
    )  # one call, its place below; or two calls, each as on a lying one
    height = LONG - HEAD_PX - band
    rows = max(1, min(TALL_ROWS, int(height / 2 / (ROW_HEIGHT * screen.row))))
    line, columns = ROW_HEIGHT * screen.caption, int(inner / screen.caption)
    lines = int((height - rows * ROW_HEIGHT * screen.row - GAP_PX) / line)
    return Layout(
        band=band,
        rows=rows,
        across=_across(screen, characters, digits, inner),
        number=number,
        place=place,
        full=full,
        beside=lines > 1,
        columns=columns,
        lines=lines,
        columns_alone=columns,
        lines_alone=int(height / line),
    )


def _can_be_read(value: Screen) -> Screen:
    if value.rows < 1:
        raise ValueError(
            f"no call fits in type that can be read from {value.distance_m:g} m on {value.diagonal_inch:g} inches: "
            "a larger panel, or a second one"
        )
    return value


Panel = Annotated[Screen, AfterValidator(_can_be_read)]

Commitment = Annotated[str, Field(min_length=1, max_length=60)]


class Screens(_Model):
    """What all hall screens and pads show beside the calls."""

    commitments: Annotated[tuple[Commitment, ...], Field(max_length=9)] = ()
    """五项承诺 of the hall's clerks (亮明承诺), a line each; an approved entry of kind commitment takes their place."""
    welcome: Annotated[str, Field(max_length=20)] = "欢迎光临"
    """On the screen of a zone without windows: an entrance, a lift."""
    leaf_s: Annotated[float, Field(ge=8, le=120)] = 12.0
    """Seconds that each leaf of the playlist stands. None is turned while a call is lit."""
    light: Hours = Hours.model_validate({"from": "08:00", "to": "17:00"})
    """When screens of theme clock are light."""
