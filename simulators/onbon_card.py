"""One Onbon BX-K card: its memory and the commands it obeys. Refusals carry the error byte of the answer.

Source: the vendor's BX-K SDK pages (commands, error bytes) and client (payloads). The body of the status answer follows
the SDK; a payload that no page explains is refused with error 8.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.onbon_text import Area, Fields, Refused, parse_area, play_seconds

BOOT = 2.0  # seconds
NO_FILE, DOWNLOAD, NO_FONT, DATETIME = 6, 8, 12, 14


@dataclass(slots=True)
class Panel:
    """What the cards of this line are made of: size in pixels, pixels per unit of X and W, and the font they have."""

    width: int
    height: int
    unit: int
    gbk: bool
    no_font: bool = False


@dataclass(slots=True)
class Card:
    number: int
    panel: Panel
    on: bool = True
    brightness: int = 15
    areas: dict[int, Area] = field(default_factory=dict)
    spoken: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    clock: datetime = datetime(2000, 1, 1)  # noqa: DTZ001 - the card knows no zone
    clock_set: float = 0.0
    dark_until: float = 0.0

    def reset(self, now: float) -> None:
        self.areas.clear()
        self.on, self.dark_until = True, now + BOOT

    def alive(self, now: float) -> list[Area]:
        """The areas whose time is not over, by id; the others are forgotten."""
        for each in list(self.areas.values()):
            if (life := play_seconds(each, self.panel.gbk)) is not None and now - each.since >= life:
                del self.areas[each.id]
        return [self.areas[key] for key in sorted(self.areas)]

    def text(self, now: float) -> str:
        """What visitors can read, all pages, escapes taken out; "" on a dark panel."""
        if not self.on or now < self.dark_until:
            return ""
        return "\n".join(each.plain(self.panel.gbk) for each in self.alive(now))

    def lit(self, now: float) -> list[Area]:
        return self.alive(now) if self.on and now >= self.dark_until else []


Command = Callable[[Card, Fields, float], bytes]


def _nothing(card: Card, payload: Fields, now: float) -> bytes:
    return b""


def _no_file(card: Card, payload: Fields, now: float) -> bytes:
    raise Refused(NO_FILE)


def _status(card: Card, payload: Fields, now: float) -> bytes:
    time = card.clock + timedelta(seconds=now - card.clock_set)
    year = f"{time.year:04d}"
    digits = f"{year[2:]}{year[:2]}{time:%m%d%H%M%S}{time.isoweekday():02d}"
    areas = [each.id for each in card.alive(now)]
    head = bytes([1 if card.on else 2, card.brightness]) + bytes.fromhex(digits)
    programs = bytes([0]) + bytes(4) + bytes([1 if areas else 0, len(areas)])
    return head + programs + bytes([len(areas), *areas]) + bytes(16) + b"HALL-LED\0\0\0\0"


def _reset(card: Card, payload: Fields, now: float) -> bytes:
    card.reset(now)
    return b""


def _set_clock(card: Card, payload: Fields, now: float) -> bytes:
    raw = payload.take(8).hex()
    try:
        clock = datetime.strptime(raw[2:4] + raw[0:2] + raw[4:14], "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError as error:
        raise Refused(DATETIME) from error
    if not 2000 <= clock.year <= 2099:
        raise Refused(DATETIME)
    card.clock, card.clock_set = clock, now
    return b""


def _switch(card: Card, payload: Fields, now: float) -> bytes:
    wanted = payload.u8()
    if wanted not in (1, 2):
        raise Refused(DOWNLOAD)
    card.on = wanted == 1
    return b""


def _brightness(card: Card, payload: Fields, now: float) -> bytes:
    mode = payload.u8()
    levels = payload.take(1 if mode == 1 else 48)
    if mode not in (1, 2) or max(levels) > 15:
        raise Refused(DOWNLOAD)
    half_hour = (now - card.clock_set) // 1800 + card.clock.hour * 2 + card.clock.minute // 30
    card.brightness = levels[0] if mode == 1 else levels[int(half_hour) % 48]
    return b""


def _update_areas(card: Card, payload: Fields, now: float) -> bytes:
    count = payload.u8()
    delete = list(card.areas) if count == 0xFF else list(payload.take(count))
    areas = [_area(card.panel, Fields(payload.take(payload.u16())), now) for _ in range(payload.u8())]
    payload.end()
    for each in delete:
        card.areas.pop(each, None)
    for area in areas:
        card.areas[area.id] = area
        if area.sound:
            card.spoken.append(area.sound)
    return b""


def _area(panel: Panel, fields: Fields, now: float) -> Area:
    area = parse_area(fields, panel.unit, panel.gbk, now)
    fields.end()
    if not area.w or not area.h or area.x + area.w > panel.width or area.y + area.h > panel.height:
        raise Refused(DOWNLOAD)
    if panel.no_font:
        raise Refused(NO_FONT)
    return area


def _clear(card: Card, payload: Fields, now: float) -> bytes:
    card.areas.clear()
    return b""


COMMANDS: dict[tuple[int, int], Command] = {
    (0xA1, 0x00): _nothing,  # format: there are no files to lose
    (0xA1, 0x01): _no_file,
    (0xA1, 0x02): _status,
    (0xA2, 0x00): _nothing,
    (0xA2, 0x01): _reset,
    (0xA2, 0x03): _set_clock,
    (0xA3, 0x00): _switch,
    (0xA3, 0x02): _brightness,
    (0xA3, 0x04): _nothing,
    (0xA3, 0x06): _update_areas,
    (0xA3, 0x08): _nothing,
    (0xA3, 0x10): _clear,
}
GROUPS = {group for group, _ in COMMANDS}
