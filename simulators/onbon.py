"""Onbon LED cards (window screens) on one line: BX-K text cards, and by the option `generation` the bitmap cards of
onbon_bitmap.py. Not proven on hardware. What follows is the frame of the text cards.

    A5 A5 ... | Dst 2 | Src 2 | 0 0 0 | Option | CrcMode | DispMode | DeviceType | 02 | DataLen 2 | data | CRC 2 | 5A

Integers are little-endian. Data of a request: group, cmd, reply (02 = stay silent), R0, R1, payload; of an answer:
group, cmd, error, R0, R1, payload. Escapes and CRC are told in onbon_line.py.

Source: the vendor's BX-K client and SDK pages, and frames seen in the field. Where they say nothing this card answers
error 8 (payload it cannot use), is dark for two seconds after a reset, and loses its dynamic areas with the power.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from simulators import pixels
from simulators.onbon_bitmap import GENERATIONS, OnbonBitmap
from simulators.onbon_card import COMMANDS, GROUPS, Card, Panel
from simulators.onbon_line import Line, loop_time
from simulators.onbon_text import Fields, Lit, Refused, caption, layout, page_now, panel, said

HOST_KIND = 0xFE
HEADER = 14
GROUP, CMD, BUSY = 1, 2, 3
SILENT = 0x02
UPDATE = (0xA3, 0x06)


@dataclass(slots=True)
class Shown:
    """What a screen shows from `at` (loop time, seconds) on; also noted when the same text is sent anew."""

    at: float
    screen: int
    text: str


class Onbon(Line[Card]):
    """Cards on one line, with the numbers `screens`.

    Options: `screens` (default [1]), `generation` ("5K": X and W in 8 pixels, "6K": in pixels; default "6K"), `width`
    and `height` in pixels, `charset` ("gb2312" or "gbk", the font the cards have), `bad_crc` ("error" or "silent").
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.device_id = device_id
        fifth = str(options.get("generation", "6K")).startswith("5")
        self.panel = Panel(
            width=int(options.get("width", 256)),
            height=int(options.get("height", 16)),
            unit=8 if fifth else 1,
            gbk=str(options.get("charset", "gb2312")).lower() == "gbk",
        )
        self.cards = {number: Card(number, self.panel) for number in self.numbers}
        self.history: deque[Shown] = deque(maxlen=500)

    @property
    def shown(self) -> dict[int, str]:
        """Screen number -> what can be read on it now."""
        now = loop_time()
        return {number: card.text(now) for number, card in self.cards.items()}

    def _ours(self, body: bytes) -> bool:
        return len(body) >= HEADER + 2 and body[11] == 0x02  # the bitmap families have F0 as byte 4

    def _data(self, body: bytes) -> bytes | None:
        """An optional 16-byte barcode stands before it."""
        start = HEADER + (16 if body[7] == 1 else 0)
        data = body[start:-2]
        return data if len(data) == int.from_bytes(body[12:14], "little") and len(data) >= 5 else None

    def _nack(self, error: int) -> bytes:
        return bytes([0xA0, 0x01, error, 0, 0])

    def _head(self, dst: bytes, card: Card, length: int) -> bytes:
        head = dst + card.number.to_bytes(2, "little") + bytes(6) + bytes([HOST_KIND, 0x02])
        return head + length.to_bytes(2, "little")

    def _obey(self, card: Card, data: bytes, now: float) -> bytes | None:
        group, cmd, reply = data[0:3]
        try:
            if self.busy:
                raise Refused(BUSY)
            if (group, cmd) not in COMMANDS:
                raise Refused(CMD if group in GROUPS else GROUP)
            before = card.text(now)
            said = COMMANDS[group, cmd](card, Fields(data[5:]), now)
            if (text := card.text(now)) != before or (group, cmd) == UPDATE:
                self.history.append(Shown(now, card.number, text))
            answer = (bytes([group, cmd]) if said else b"\xa0\x00") + bytes(3) + said
        except Refused as refused:
            answer = self._nack(refused.error)
        return None if reply == SILENT else answer

    # ---- what a person does and sees

    def controls(self) -> list[dict[str, Any]]:
        found = super().controls()
        found.insert(2, {"name": "no_font", "label": "缺字库", "on": self.panel.no_font})
        return found

    def control(self, name: str) -> None:
        if name == "no_font":
            self.panel.no_font = not self.panel.no_font
        else:
            super().control(name)

    def state(self) -> dict[str, Any]:
        now = loop_time()
        return {
            "screens": {
                str(card.number): {
                    "text": card.text(now),
                    "cut": any(layout(each, self.panel.gbk).cut for each in card.lit(now)),
                    "on": card.on,
                    "dark": now < card.dark_until,
                    "brightness": card.brightness,
                    "areas": [each.id for each in card.alive(now)],
                    "spoken": list(card.spoken)[-3:],
                }
                for card in self.cards.values()
            },
            "font": pixels.font_name(),
            "busy": self.busy,
            "no_font": self.panel.no_font,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        """All panels of the line, one below the other."""
        screens = [(number, lit, self._panel(lit)) for number, lit in self._lit().items()]
        text = "\n".join(said(lit) for _, lit, _ in screens)
        return pixels.svg([(caption(number, lit), dots) for number, lit, dots in screens], text)

    def png(self) -> bytes:
        """The panels alone, four pixels to a LED."""
        return pixels.png([self._panel(lit) for lit in self._lit().values()])

    def _lit(self) -> dict[int, list[Lit]]:
        now = loop_time()
        return {
            card.number: [(each, *page_now(each, self.panel.gbk, now)) for each in card.lit(now)]
            for card in self.cards.values()
        }

    def _panel(self, lit: list[Lit]) -> Image.Image:
        return panel(self.panel.width, self.panel.height, lit)


def simulator(device_id: str, options: Mapping[str, Any]) -> Onbon | OnbonBitmap:
    bitmap = options.get("generation") in GENERATIONS
    return OnbonBitmap(device_id, options) if bitmap else Onbon(device_id, options)


SIMULATOR = simulator
