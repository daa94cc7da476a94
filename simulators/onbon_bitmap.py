"""Onbon BX-5E and BX-6E bitmap cards on one line. Not proven on hardware.

    A5 A5 ... | Dst 2 | Src 2 | F0 | 0 | DeviceType 2 | 0 x4 | DataLen 4 | data | CRC 2 | 5A

Integers are little-endian. Data of a request: RtnReq (0 = stay silent), group, cmd, 2 reserved, payload; of an answer:
0, group, cmd, status 2 (bit 0: NACK), error 2, length 2, payload. Escapes and CRC are told in onbon_line.py.

Source: the vendor's "5th动态区域用户手册" and "6th动态区域用户手册". Where they say nothing this card answers error 8
(payload it cannot use), 17 (made for another card), and is dark for two seconds after a reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from PIL import Image

from simulators import pixels
from simulators.onbon_bitmap_card import MOVING, ROOM, BitmapCard, Panel
from simulators.onbon_line import Line, loop_time
from simulators.onbon_text import Fields, Refused

GENERATIONS = ("5E", "6E")
TYPES = {"5E": 0x0154, "6E": 0x0174}
ANY_TYPE = 0xFFFE
GROUP, CMD, BUSY, CONTROLLER = 1, 2, 3, 17
GROUPS = {0xA1, 0xA2, 0xA4, 0xA7, 0xB0}
PING, UPDATE, DELETE = (0xA2, 0x00), (0xA7, 0x00), (0xA7, 0x01)
FIRMWARE = b"5.000000"


class OnbonBitmap(Line[BitmapCard]):
    """Cards on one line, with the numbers `screens`.

    Options: `screens` (default [1]), `generation` ("5E" or "6E"), `width` and `height` in dots, `colour` (whatever it
    is: given, the cards have two colours), `bad_crc` ("error" or "silent").
    """

    LONGEST: ClassVar[int] = 4 * ROOM
    """Two bytes for each, and more than one area."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.device_id = device_id
        width, height = int(options.get("width", 128)), int(options.get("height", 16))
        self.panel = Panel(str(options["generation"]), width, height, 2 if options.get("colour") else 1)
        self.cards = {number: BitmapCard(number, self.panel) for number in self.numbers}

    @property
    def shown(self) -> dict[int, str]:
        """Screen number -> how many dots are lit: nobody here can read them."""
        now = loop_time()
        return {number: _said(card.dots(now)) for number, card in self.cards.items()}

    # ---- header: 0 Dst 2 | 2 Src 2 | 4 ProtocolVer 1 | 5 reserved 1 | 6 DeviceType 2 | 8 reserved 4 | 12 DataLen 4

    def _ours(self, body: bytes) -> bool:
        return len(body) >= 16 + 2 and body[4] == 0xF0  # a text card's frame has 02 as byte 11 and 0 here

    def _data(self, body: bytes) -> bytes | None:
        data = body[16:-2]
        if len(data) != int.from_bytes(body[12:16], "little") or len(data) < 5:
            return None
        return body[6:8] + data  # with the type of card that it is for

    def _head(self, dst: bytes, card: BitmapCard, length: int) -> bytes:
        own = TYPES[self.panel.generation].to_bytes(2, "little")
        return dst + card.number.to_bytes(2, "little") + b"\xf0\x00" + own + bytes(4) + length.to_bytes(4, "little")

    # ---- answer: 0 reserved 1 | 1 group 1 | 2 cmd 1 | 3 status 2 | 5 error 2 | 7 length 2 | 9 payload

    def _nack(self, error: int) -> bytes:
        return b"\x00\xa0\x01" + b"\x01\x00" + error.to_bytes(2, "little") + b"\x00\x00"

    def _obey(self, card: BitmapCard, data: bytes, now: float) -> bytes | None:
        wanted, answer_wanted, kind = int.from_bytes(data[0:2], "little"), data[2], (data[3], data[4])
        try:
            if self.busy:
                raise Refused(BUSY)
            if wanted not in (ANY_TYPE, TYPES[self.panel.generation]):
                raise Refused(CONTROLLER)
            payload = Fields(data[7:])  # after RtnReq 1, group 1, cmd 1, reserved 2
            answer = self._do(card, kind, payload, now)
        except Refused as refused:
            answer = self._nack(refused.error)
        return answer if answer_wanted else None

    def _do(self, card: BitmapCard, kind: tuple[int, int], payload: Fields, now: float) -> bytes:
        if kind == PING:
            payload.end()
            said = self._ping(card)
            return b"\x00\xa2\x80" + bytes(4) + len(said).to_bytes(2, "little") + said
        if kind == UPDATE:
            card.update(payload, now)
        elif kind == DELETE:
            card.delete(payload)
        else:
            raise Refused(CMD if kind[0] in GROUPS else GROUP)
        return b"\x00\xa0\x00" + bytes(6)

    def _ping(self, card: BitmapCard) -> bytes:
        """controllerType 2 | firmware 8 | paraStatus 1 | address 2 | baud 1 | width 2 | height 2 | colour 1 | ..."""
        numbers = (card.number, self.panel.width, self.panel.height)
        address, width, height = (number.to_bytes(2, "little") for number in numbers)
        own = TYPES[self.panel.generation].to_bytes(2, "little")
        colour = bytes([3 if self.panel.planes == 2 else 1])
        # ... brightness 1 | on/off 1 | scanConf 2 | rowsPerChannel 1 | gray 1 | unitWidth 2; what follows is not told
        rest = bytes([15, 1]) + b"\x00\x00" + bytes([4, 0]) + width
        return own + FIRMWARE + b"\x01" + address + b"\x01" + width + height + colour + rest

    # ---- what a person sees

    def state(self) -> dict[str, Any]:
        now = loop_time()
        return {
            "screens": {
                str(card.number): {
                    "text": _said(card.dots(now)),
                    "dark": now < card.dark_until,
                    "areas": sorted(card.areas),
                    "pages": [len(area.pages) for area, _ in card.lit(now)],
                }
                for card in self.cards.values()
            },
            "busy": self.busy,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        """All panels of the line, one below the other."""
        now = loop_time()
        panels = [(_caption(card, now), card.dots(now)) for card in self.cards.values()]
        return pixels.svg(panels, "\n".join(_said(dots) for _, dots in panels))

    def png(self) -> bytes:
        """The panels alone, four pixels to a LED."""
        return pixels.png([card.dots(loop_time()) for card in self.cards.values()])


def _said(dots: Image.Image) -> str:
    colours = dots.getcolors(maxcolors=dots.width * dots.height) or []
    lit = sum(count for count, colour in colours if colour != tuple(bytes.fromhex(pixels.OFF[1:])))
    return f"点阵：{lit} 点亮" if lit else ""


def _caption(card: BitmapCard, now: float) -> str:
    pages = [f" 共 {len(area.pages)} 页" for area, _ in card.lit(now) if len(area.pages) > 1]
    moves = " ←" if any(page.mode in MOVING for _, page in card.lit(now)) else ""
    return f"{card.number} 号屏{moves}{''.join(pages)}"
