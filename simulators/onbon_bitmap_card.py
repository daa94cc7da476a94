"""One Onbon BX-5E or BX-6E bitmap card: its dynamic areas, and how their bytes become dots. Not proven on hardware.

Source: the vendor's "5th动态区域用户手册" and "6th动态区域用户手册" (tables 5.4.1, 5.4.2, appendix 2), a single
source. What they leave open is read so: a length counts what follows it; on 6E the dots, which stand after all areas,
count for no area and no page. Frames round an area, backgrounds and sound are refused, as is whatever the tables do not
allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from simulators import pixels
from simulators.onbon_text import Fields, Refused

BOOT = 2.0  # seconds
MEMORY, DOWNLOAD, TYPE, SCREEN = 4, 8, 10, 18
AREAS = {"5E": 4, "6E": 32}
ROOM = 300 * 1024  # bytes of dots of one area
LAST_MODE = 0x28
MOVING = frozenset({0x03, 0x04})
COLOURS = (pixels.RED, pixels.GREEN)


@dataclass(frozen=True, slots=True)
class Panel:
    generation: str
    width: int
    height: int
    planes: int
    """1: red only; 2: red and green, yellow together."""


@dataclass(frozen=True, slots=True)
class Page:
    mode: int
    stay: int
    """10 ms each."""
    valid: int
    dots: Image.Image
    """As large as the area, dark where nothing is lit."""

    @property
    def seconds(self) -> float:
        # How fast a page moves is told nowhere: one that moves or has no time stands for a second here.
        return max(self.stay / 100, 1.0)


@dataclass(frozen=True, slots=True)
class Area:
    id: int
    run_mode: int
    timeout: int
    x: int
    y: int
    w: int
    h: int
    pages: tuple[Page, ...]
    since: float

    def page(self, now: float) -> Page | None:
        """What it shows; None when its time is over."""
        age, round_s = now - self.since, sum(page.seconds for page in self.pages)
        expired = age >= self.timeout
        if (self.run_mode == 2 and expired) or (self.run_mode == 4 and age >= round_s):
            return None
        if (self.run_mode == 3 and expired) or (self.run_mode == 1 and age >= round_s):
            return self.pages[-1]
        rest = age % round_s
        for page in self.pages:
            if rest < page.seconds:
                return page
            rest -= page.seconds
        return self.pages[-1]


@dataclass(slots=True)
class BitmapCard:
    number: int
    panel: Panel
    areas: dict[int, Area] = field(default_factory=dict)
    dark_until: float = 0.0

    def reset(self, now: float) -> None:
        """The areas are lost with the power (1.3 of the manuals)."""
        self.areas.clear()
        self.dark_until = now + BOOT

    def lit(self, now: float) -> list[tuple[Area, Page]]:
        if now < self.dark_until:
            return []
        pages = [(self.areas[key], self.areas[key].page(now)) for key in sorted(self.areas)]
        return [(area, page) for area, page in pages if page is not None]

    def dots(self, now: float) -> Image.Image:
        """The whole panel, one pixel per LED."""
        whole = pixels.blank(self.panel.width, self.panel.height)
        for area, page in self.lit(now):
            whole.paste(page.dots, (area.x, area.y))
        return whole

    def delete(self, payload: Fields) -> None:
        """A7 01: count 1 | ids 1 each; FF deletes all and no ids follow."""
        count = payload.u8()
        gone = list(self.areas) if count == 0xFF else list(payload.take(count))
        payload.end()
        for each in gone:
            self.areas.pop(each, None)

    def update(self, payload: Fields, now: float) -> None:
        """A7 00, the fields after the two reserved bytes. Nothing is changed when any area is refused."""
        read = _areas_5e if self.panel.generation == "5E" else _areas_6e
        areas = read(payload, self.panel, now)
        self.areas |= {area.id: area for area in areas}


# ---- the fields of A7 00


@dataclass(frozen=True, slots=True)
class Head:
    """An area without its pages."""

    id: int
    run_mode: int
    timeout: int
    x: int
    y: int
    w: int
    h: int

    def area(self, pages: Sequence[Page], now: float) -> Area:
        return Area(self.id, self.run_mode, self.timeout, self.x, self.y, self.w, self.h, tuple(pages), now)


def _areas_5e(payload: Fields, panel: Panel, now: float) -> list[Area]:
    """AreaDataLen 4 | head 22 or more | PageNum 2 | per page: PageDataLen 4 | parameters 9 | reserved 4 | dots."""
    fields = Fields(payload.take(payload.u32()))
    payload.end()
    head = _head(fields, panel)
    raw = [fields.take(fields.u32()) for _ in range(_page_count(fields))]
    fields.end()
    _room([len(page) for page in raw])
    pages = []
    for page in raw:
        mode, stay, valid = _parameters(Fields(page[:9]), head)
        if any(page[9:13]):
            raise Refused(DOWNLOAD)
        pages.append(Page(mode, stay, valid, _dots(page[13:], head, panel)))
    return [head.area(pages, now)]


def _areas_6e(payload: Fields, panel: Panel, now: float) -> list[Area]:
    """AreaNum 2 | the parameters of each area | the dots of all pages of all areas, found by their offsets."""
    found: list[tuple[Head, list[tuple[int, int, int, int, int]]]] = []
    for _ in range(payload.u16()):
        fields = Fields(payload.take(payload.u32()))  # AreaDataLen 4
        head = _head(fields, panel)
        # BackGroundFlag 1 | Transparency 1 | AreaEqual 1 | SoundFlag 1 | Reserved 5
        if any(fields.take(9)):
            raise Refused(DOWNLOAD)
        pages = [_page_6e(Fields(fields.take(fields.u32())), head) for _ in range(_page_count(fields))]
        fields.end()
        _room([length for *_, length in pages])
        found.append((head, pages))
    size = sum(length for _, pages in found for *_, length in pages)
    dots = payload.take(size)
    payload.end()
    _in_order([(offset, length) for _, pages in found for *_, offset, length in pages])
    return [
        head.area([Page(m, s, v, _dots(dots[at : at + n], head, panel)) for m, s, v, at, n in pages], now)
        for head, pages in found
    ]


def _page_6e(fields: Fields, head: Head) -> tuple[int, int, int, int, int]:
    """Parameters 9 | reserved 9 | DataOffset 4 | DataLen 4."""
    mode, stay, valid = _parameters(fields, head)
    reserved, offset, length = fields.take(9), fields.u32(), fields.u32()
    fields.end()
    if any(reserved):
        raise Refused(DOWNLOAD)
    return mode, stay, valid, offset, length


def _in_order(places: Sequence[tuple[int, int]]) -> None:
    """The first page's dots are at 0 and each follows the one before."""
    at = 0
    for offset, length in places:
        if offset != at:
            raise Refused(DOWNLOAD)
        at += length


def _head(fields: Fields, panel: Panel) -> Head:
    # after AreaDataLen: 0 AreaId 1 | 1 RunMode 1 | 2 Timeout 2 | 4 RelateAllPro 1 | 5 RelateProNum 2 | 7 ids 2 each
    number, run_mode, timeout = fields.u8(), fields.u8(), fields.u16()
    relate_all = fields.u8()
    fields.take(2 * fields.u16())
    # then: 0 ImmePlay 1 | 1 reserved 4 | 5 AreaType 1 | 6 X 2 | 8 Y 2 | 10 W 2 | 12 H 2 | 14 AreaFFlag 1
    at_once, reserved, kind = fields.u8(), fields.take(4), fields.u8()
    x, y, w, h = fields.u16(), fields.u16(), fields.u16(), fields.u16()
    frame = fields.u8()
    if kind != 0x10:
        raise Refused(TYPE)
    if number >= AREAS[panel.generation]:
        raise Refused(MEMORY)
    if not w or not h or x + w > panel.width or y + h > panel.height:
        raise Refused(SCREEN)
    if run_mode > 4 or relate_all > 1 or at_once > 2 or any(reserved) or frame:
        raise Refused(DOWNLOAD)
    return Head(number, run_mode, timeout, x, y, w, h)


def _page_count(fields: Fields) -> int:
    count = fields.u16()
    if not count:
        raise Refused(DOWNLOAD)
    return count


def _parameters(fields: Fields, head: Head) -> tuple[int, int, int]:
    """Display mode, stay and valid length of a page."""
    # after PageDataLen: 0 PageStyle | 1 DisplayMode | 2 ClearMode | 3 Speed | 4 StayTime 2 | 6 RepeatTime | 7 valid 2
    style, mode = fields.u8(), fields.u8()
    fields.take(2)
    stay, _, valid = fields.u16(), fields.u8(), fields.u16()
    if style or mode > LAST_MODE:
        raise Refused(DOWNLOAD)
    return mode, stay, min(valid, head.w)


def _room(lengths: Sequence[int]) -> None:
    if sum(lengths) > ROOM:
        raise Refused(MEMORY)


# ---- dots (appendix 2)


def _dots(data: bytes, head: Head, panel: Panel) -> Image.Image:
    """The area as an image. Raises `Refused` when bytes lack or are left over, or a dot beside the area is lit."""
    # Bytes on 5E and words of 32 dots on 6E lie on a raster of the panel: an area that starts or ends within one
    # shares it with what is beside it, and those bits are 1.
    unit = 8 if panel.generation == "5E" else 32
    left, right = head.x % unit, -(head.x + head.w) % unit
    wide = left + head.w + right
    plane = wide // 8 * head.h
    if len(data) != plane * panel.planes:
        raise Refused(DOWNLOAD)
    if panel.generation == "5E":
        planes = [data[start :: panel.planes] for start in range(panel.planes)]  # red byte, green byte, red byte ...
    else:
        planes = [_words(data[start : start + plane]) for start in range(0, len(data), plane)]  # all red, all green
    masks = [_lit(each, wide, head.h, left, head.w) for each in planes]
    image = pixels.blank(head.w, head.h)
    for mask, colour in zip(masks, COLOURS, strict=False):
        image.paste(colour, (0, 0), mask)
    if len(masks) == 2:
        both = Image.composite(masks[1], Image.new("1", masks[1].size), masks[0])
        image.paste(pixels.YELLOW, (0, 0), both)
    return image


def _words(data: bytes) -> bytes:
    """Bit 31 of a word is its leftmost dot, and words are sent low byte first as all numbers are."""
    return b"".join(int.from_bytes(data[at : at + 4], "little").to_bytes(4, "big") for at in range(0, len(data), 4))


def _lit(plane: bytes, wide: int, height: int, left: int, width: int) -> Image.Image:
    """A mask of the dots that are lit: a 0 bit is, the highest bit of a byte is the leftmost."""
    whole = Image.frombytes("1", (wide, height), bytes(255 - byte for byte in plane))
    area = whole.crop((left, 0, left + width, height))
    if whole.histogram()[255] != area.histogram()[255]:
        raise Refused(DOWNLOAD)
    return area
