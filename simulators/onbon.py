"""Onbon BX-K text cards (LED window screens) on one line. Not proven on hardware.

    A5 A5 ... | Dst 2 | Src 2 | 0 0 0 | Option | CrcMode | DispMode | DeviceType | 02 | DataLen 2 | data | CRC 2 | 5A

Everything between the A5 run and the 5A is escaped (A5 -> A6 02, A6 -> A6 01, 5A -> 5B 02, 5B -> 5B 01); lengths and
the CRC (CRC-16/ARC, low byte first) are those of the bytes before escaping. Integers are little-endian. Data of a
request: group, cmd, reply (02 = stay silent), R0, R1, payload; of an answer: group, cmd, error, R0, R1, payload.

Source: the vendor's BX-K client and SDK pages, and frames seen in the field. Where they say nothing this card answers
error 8 (payload it cannot use), is dark for two seconds after a reset, and loses its dynamic areas with the power.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from simulators import pixels
from simulators.onbon_card import COMMANDS, GROUPS, Card, Panel
from simulators.onbon_text import Fields, Lit, Refused, caption, layout, page_now, panel, said
from simulators.port import Gone, Wire

ANY, HOST_KIND = 0xFFFE, 0xFE
LONGEST = 64 * 1024  # bytes between the markers; a longer one is noise
HEADER = 14
GROUP, CMD, BUSY, CHECKSUM = 1, 2, 3, 5
SILENT = 0x02
UPDATE = (0xA3, 0x06)

# ---- framing


def crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


ESCAPES = {0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"}
UNESCAPES = {escape: bytes([plain]) for plain, escape in ESCAPES.items()}


def wrap(body: bytes) -> bytes:
    """Header and data in, the whole frame out."""
    whole = body + crc16(body).to_bytes(2, "little")
    return b"\xa5" * 8 + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in whole) + b"\x5a"


def unescape(body: bytes) -> bytes | None:
    """None when an escape byte is followed by what no escape has."""
    out, at = bytearray(), 0
    while at < len(body):
        if body[at] not in (0xA6, 0x5B):
            out.append(body[at])
            at += 1
            continue
        plain = UNESCAPES.get(body[at : at + 2])
        if plain is None:
            return None
        out += plain
        at += 2
    return bytes(out)


class Deframer:
    """Finds what stands between any run of A5 and a 5A; a raw A5 inside starts anew, as it can only be a start."""

    def __init__(self) -> None:
        self._body: bytearray | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Unescaped header + data + CRC of each frame; nothing is checked yet."""
        found = []
        for byte in data:
            if byte == 0xA5:
                self._body = bytearray()
            elif self._body is None:
                continue
            elif byte == 0x5A:
                plain = unescape(bytes(self._body))
                if plain:
                    found.append(plain)
                self._body = None
            elif len(self._body) < LONGEST:
                self._body.append(byte)
            else:
                self._body = None
        return found


# ---- the line


@dataclass(slots=True)
class Shown:
    """What a screen shows from `at` (loop time, seconds) on; also noted when the same text is sent anew."""

    at: float
    screen: int
    text: str


class Onbon:
    """Cards on one line, with the numbers `screens`.

    Options: `screens` (default [1]), `generation` ("5K": X and W in 8 pixels, "6K": in pixels; default "6K"), `width`
    and `height` in pixels, `charset` ("gb2312" or "gbk", the font the cards have), `bad_crc` ("error" or "silent").
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        fifth = str(options.get("generation", "6K")).startswith("5")
        self.panel = Panel(
            width=int(options.get("width", 256)),
            height=int(options.get("height", 16)),
            unit=8 if fifth else 1,
            gbk=str(options.get("charset", "gb2312")).lower() == "gbk",
        )
        numbers = options.get("screens") or options.get("addresses") or [1]
        self.cards = {int(number): Card(int(number), self.panel) for number in numbers}
        self.history: deque[Shown] = deque(maxlen=500)
        self._silent_on_bad_crc = options.get("bad_crc", "error") == "silent"
        self.busy = self.unplugged = False

    @property
    def shown(self) -> dict[int, str]:
        """Screen number -> what can be read on it now."""
        now = _now()
        return {number: card.text(now) for number, card in self.cards.items()}

    async def talk(self, wire: Wire) -> None:
        deframer = Deframer()
        with contextlib.suppress(Gone):
            while True:
                data = await wire.read()
                if self.unplugged:
                    deframer = Deframer()
                    continue
                for answer in filter(None, map(self.receive, deframer.feed(data))):
                    await wire.write(answer)

    def receive(self, body: bytes) -> bytes | None:
        """Header + data + CRC in; the answer's frame out, or None where a card keeps silent."""
        if len(body) < HEADER + 2 or body[11] != 0x02:
            return None  # too short, or one of the bitmap families (their byte 4 is F0)
        dst, now = int.from_bytes(body[0:2], "little"), _now()
        cards = [card for card in self.cards.values() if dst in (card.number, ANY) and now >= card.dark_until]
        data = _checked(body)
        if data is None:
            answers = [None if self._silent_on_bad_crc else _nack(CHECKSUM)]
        else:
            answers = [self._obey(card, data, now) for card in cards]
        answer = answers[0] if len(cards) == 1 else None
        if answer is None:
            return None  # several cards that answer one wildcard at once cannot be read
        head = body[2:4] + cards[0].number.to_bytes(2, "little") + bytes(6) + bytes([HOST_KIND, 0x02])
        return wrap(head + len(answer).to_bytes(2, "little") + answer)

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
            answer = _nack(refused.error)
        return None if reply == SILENT else answer

    # ---- what a person does and sees

    def power_cycle(self) -> None:
        """Of all screens that have power."""
        for card in self.cards.values():
            if card.dark_until != math.inf:
                card.reset(_now())

    def controls(self) -> list[dict[str, Any]]:
        return [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "busy", "label": "一直忙", "on": self.busy},
            {"name": "no_font", "label": "缺字库", "on": self.panel.no_font},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
            *self._plugs(),
        ]

    def _plugs(self) -> list[dict[str, Any]]:
        """Where several screens hang on one line, each has its own power."""
        cards = self.cards.values() if len(self.cards) > 1 else ()
        return [
            {"name": f"dead:{card.number}", "label": f"{card.number}号屏断电", "on": card.dark_until == math.inf}
            for card in cards
        ]

    def set_dead(self, screen: int, dead: bool) -> None:
        """Takes the power from one screen of the line, or gives it back: then it starts, and has forgotten its text."""
        card = self.cards[screen]
        card.reset(_now())
        if dead:
            card.dark_until = math.inf

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name == "power_cycle":
            self.power_cycle()
        elif name == "busy":
            self.busy = not self.busy
        elif name == "no_font":
            self.panel.no_font = not self.panel.no_font
        elif name == "unplug":
            self.unplugged = not self.unplugged
        elif name in [each["name"] for each in self._plugs()]:
            screen = int(name.removeprefix("dead:"))
            self.set_dead(screen, self.cards[screen].dark_until != math.inf)
        else:
            raise KeyError(name)

    def state(self) -> dict[str, Any]:
        now = _now()
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
        now = _now()
        return {
            card.number: [(each, *page_now(each, self.panel.gbk, now)) for each in card.lit(now)]
            for card in self.cards.values()
        }

    def _panel(self, lit: list[Lit]) -> Image.Image:
        return panel(self.panel.width, self.panel.height, lit)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _nack(error: int) -> bytes:
    return bytes([0xA0, 0x01, error, 0, 0])


def _checked(body: bytes) -> bytes | None:
    """The data of a frame whose CRC and length are right; an optional 16-byte barcode stands before it."""
    if crc16(body[:-2]) != int.from_bytes(body[-2:], "little"):
        return None
    start = HEADER + (16 if body[7] == 1 else 0)
    data = body[start:-2]
    return data if len(data) == int.from_bytes(body[12:14], "little") and len(data) >= 5 else None


SIMULATOR = Onbon
