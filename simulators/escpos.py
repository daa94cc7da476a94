"""A Chinese ESC/POS ticket printer, 58 or 80 mm: one TCP client, GBK, QR codes, a cutter, and paper that runs out.

    bytes ─ Tokenizer ─┬─ real-time commands: answered at once, also in a fault and inside other data
                       └─ receive buffer ─ (stops while a fault blocks) ─ PrintEngine ─ slips

Written from Epson's command descriptions and clone manuals. Not simulated, and reported as an error on the slip:
page mode, bit images by column (ESC *), user-defined characters, encodings other than GBK. Printing takes no time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simulators.escpos_engine import PrintEngine, digit
from simulators.escpos_paper import SlipOut, stack
from simulators.escpos_pixels import png
from simulators.escpos_tokens import Token, Tokenizer
from simulators.pixels import font_name
from simulators.port import Gone, Wire

RECEIVE_BUFFER = 64 * 1024
"""Bytes; when a fault lets it fill up, the printer stops reading, as TCP printers do."""
DOTS = {58: 384, 80: 576}
MAKER, MODEL = b"HALL", b"SIM"

# ---- status


@dataclass(slots=True)
class Status:
    """The sensors, and what each status command says of them."""

    paper: Literal["ok", "low", "out"] = "ok"
    cover_open: bool = False
    cutter_error: bool = False
    offline: bool = False
    """Taken offline by its button: it says so, and gives no cause."""

    @property
    def blocked(self) -> bool:
        """Offline: nothing prints, and only real-time commands are answered."""
        return self.paper == "out" or self.cover_open or self.cutter_error or self.offline

    def real_time(self, n: int) -> bytes:
        """The byte of DLE EOT n; nothing for the n that are for ink and peelers."""
        causes = {
            1: 0x08 * self.blocked,
            2: 0x04 * self.cover_open | 0x20 * (self.paper == "out") | 0x40 * self.cutter_error,
            3: 0x08 * self.cutter_error,
            4: {"ok": 0x00, "low": 0x0C, "out": 0x6C}[self.paper],
        }
        return bytes([0x12 | causes[n]]) if n in causes else b""

    def in_order(self, n: int) -> bytes:
        """The byte of GS r n: 1 paper, 2 drawer."""
        return {1: bytes([self._paper_bits()]), 2: b"\x00"}.get(digit(n), b"")

    def automatic(self) -> bytes:
        """The four bytes of ASB."""
        first = 0x10 | 0x08 * self.blocked | 0x20 * self.cover_open
        return bytes([first, 0x08 * self.cutter_error, self._paper_bits(), 0])

    def _paper_bits(self) -> int:
        return {"ok": 0x00, "low": 0x03, "out": 0x0F}[self.paper]


def watched(before: bytes, after: bytes, mask: int) -> bool:
    """True if an item that GS a `mask` enables differs between these four ASB bytes."""
    online = (before[0] ^ after[0]) & 0x28 and mask & 0x02
    error = before[1] != after[1] and mask & 0x04
    paper = before[2] != after[2] and mask & 0x08
    return bool(online or error or paper)


# ---- the printer

_CLEAR = b"\x37\x25\x00"  # the answer to DLE DC4 8
LINGER = 30.0
"""Seconds that some printers go on serving a client that has hung up: the next one is refused."""


class Escpos:
    """`options`: `paper_mm` 58 or 80 (default); other keys are the driver's."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.mute = False
        """A blind printer: prints, but no status ever comes back."""
        self.mute_open = False
        """Says nothing while the cover is open, as many USB printers do."""
        self.linger = False
        """Stays busy for `LINGER` after a client has hung up, as some TCP printers do."""
        self._busy_until = 0.0
        self._status = Status()
        self._tokenizer = Tokenizer()
        self._engine = PrintEngine(DOTS[int(options.get("paper_mm", 80))])
        self._buffer: deque[Token] = deque()
        self._buffered = 0
        self._room = asyncio.Event()
        self._asb = 0
        self._asb_said = self._status.automatic()
        self._outbox: asyncio.Queue[bytes | None] | None = None
        self._power_lost = False

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        """One client; a second one is hung up on at once."""
        if self.busy:
            await wire.close()
            return
        self._outbox = asyncio.Queue()
        self._asb = 0
        hung_up = True
        try:
            while await self._session(wire, self._outbox):
                hung_up = False
                await wire.close()  # a TCP peer is gone now; on a serial line the printer comes back on the same wire
        finally:
            self._outbox = None
            if self.linger and hung_up:
                self._busy_until = asyncio.get_running_loop().time() + LINGER

    @property
    def busy(self) -> bool:
        """Whether a new client is refused now."""
        return self._outbox is not None or asyncio.get_running_loop().time() < self._busy_until

    async def _session(self, wire: Wire, outbox: asyncio.Queue[bytes | None]) -> bool:
        """Speaks until the peer is gone (False) or the power (True)."""
        self._power_lost = False
        listening = asyncio.create_task(self._listen(wire, outbox))
        try:
            while (data := await outbox.get()) is not None:
                await wire.write(data)
            return self._power_lost
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, wire: Wire, outbox: asyncio.Queue[bytes | None]) -> None:
        try:
            while not self._power_lost:
                self._receive(await wire.read())
                while self._buffered > RECEIVE_BUFFER:
                    self._room.clear()
                    await self._room.wait()
        except Gone:
            outbox.put_nowait(None)

    def say(self, data: bytes) -> None:
        """Sends bytes that nobody asked for; lost when nobody is connected, as are all answers of a mute printer."""
        mute = self.mute or (self.mute_open and self._status.cover_open)
        if data and self._outbox is not None and not mute:
            self._outbox.put_nowait(data)

    # ---- receiving

    def _receive(self, data: bytes) -> None:
        for byte in data:  # byte by byte: a real-time command may drop what the next bytes would have completed
            for token in self._tokenizer.push(byte):
                if token.kind == "realtime":
                    self._real_time(token)
                else:
                    self._buffer.append(token)
                    self._buffered += token.size
                    self._work()

    def _real_time(self, token: Token) -> None:
        n = token.args[0]
        if token.code == b"\x10\x04":
            self.say(self._status.real_time(n))
        elif token.code == b"\x10\x05" and n in (1, 2) and self._status.cutter_error:
            if n == 2:
                self._drop_buffers()
            self.set_cutter_error(False)
        elif token.code == b"\x10\x14" and n == 8:
            self._drop_buffers()
            self.say(_CLEAR)

    def _drop_buffers(self) -> None:
        self._buffer.clear()
        self._buffered = 0
        self._room.set()
        self._tokenizer.reset()
        self._engine.initialize()

    def _work(self) -> None:
        """Prints what is buffered until a fault blocks; the line before a command may use up the paper."""
        while self._buffer and not self._status.blocked:
            token = self._buffer[0]
            if self._engine.must_print_first(token):
                self._engine.print_line()
            else:
                self._buffer.popleft()
                self._buffered -= token.size
                self._obey(token)
            if self._engine.lines_left == 0:
                self.set_paper("out")
        if self._buffered <= RECEIVE_BUFFER:
            self._room.set()

    def _obey(self, token: Token) -> None:
        if token.kind == "command" and token.code == b"\x1dr":
            self.say(self._status.in_order(token.args[0]))
        elif token.kind == "command" and token.code == b"\x1da":
            self._asb = token.args[0]
            self._say_asb(always=True)
        elif token.kind == "command" and token.code == b"\x1dI":
            self.say(_identity(token.args[0]))
        else:
            if token.code == b"\x1b@":
                self._asb = 0
            self._engine.execute(token)

    def _say_asb(self, *, always: bool = False) -> None:
        before, self._asb_said = self._asb_said, self._status.automatic()
        if self._asb and (always or watched(before, self._asb_said, self._asb)):
            self.say(self._asb_said)

    # ---- faults and controls

    def set_paper(self, state: Literal["ok", "low", "out"]) -> None:
        """`out` drops the piece in print: the roll has ended. `ok` is a new roll."""
        if state == "out" and self._engine.slip.items:
            self._engine.finish("torn")
        if state != "low":
            self._engine.lines_left = None
        self._status.paper = state
        self._changed()

    def paper_after(self, lines: int) -> None:
        """The roll ends when `lines` more lines (or pictures) are printed."""
        self._engine.lines_left = lines
        if lines <= 0:
            self.set_paper("out")

    def set_cover(self, is_open: bool) -> None:
        self._status.cover_open = is_open
        self._changed()

    def set_offline(self, offline: bool) -> None:
        """The button on its front: prints nothing more until it is pressed again."""
        self._status.offline = offline
        self._changed()

    def set_cutter_error(self, active: bool) -> None:
        """Recoverable: DLE ENQ 1 clears it and prints on, DLE ENQ 2 clears it and drops the buffers."""
        self._status.cutter_error = active
        self._changed()

    def power_cycle(self) -> None:
        """Buffered bytes vanish, TCP peers are hung up on; the paper stays as it is, half a slip and all."""
        self._drop_buffers()
        self._asb = 0
        self._status.cutter_error = self._status.offline = False
        self._busy_until = 0.0
        if self._outbox is not None:
            while not self._outbox.empty():
                self._outbox.get_nowait()
            self._power_lost = True
            self._outbox.put_nowait(None)

    def _changed(self) -> None:
        self._say_asb()
        self._work()

    # ---- what the simulators' page and tests see

    @property
    def slips(self) -> list[SlipOut]:
        """The last 50, oldest first."""
        return self._engine.slips

    @property
    def slip(self) -> SlipOut:
        """The piece that still hangs in the printer."""
        return self._engine.slip

    def state(self) -> dict[str, Any]:
        return {
            "paper": self._status.paper,
            "cover": "open" if self._status.cover_open else "closed",
            "cutter": "error" if self._status.cutter_error else "ok",
            "offline": self._status.offline,
            "connected": self._outbox is not None,
            "busy": self.busy,
            "slips": self._engine.printed,
            "unknown_commands": self._engine.unknown,
            "buffered_bytes": self._buffered,
            "font": font_name(),
        }

    def controls(self) -> list[dict[str, Any]]:
        on = {"offline": self._status.offline, "mute": self.mute, "mute_open": self.mute_open, "linger": self.linger}
        keys: list[dict[str, Any]] = [{"name": name, "label": label} for name, label in _CONTROLS.items()]
        return [key | {"on": on[key["name"]]} if key["name"] in on else key for key in keys]

    def control(self, name: str) -> None:
        """Presses one of `controls()`. Raises `KeyError` for any other name."""
        match name:
            case "paper_ok" | "paper_low" | "paper_out":
                levels: dict[str, Literal["ok", "low", "out"]] = {"ok": "ok", "low": "low", "out": "out"}
                self.set_paper(levels[name.removeprefix("paper_")])
            case "cover_open" | "cover_close":
                self.set_cover(name == "cover_open")
            case "power_cycle":
                self.power_cycle()
            case "offline":
                self.set_offline(not self._status.offline)
            case "mute" | "mute_open" | "linger":
                setattr(self, name, not getattr(self, name))
            case _:
                raise KeyError(name)

    def picture(self) -> str:
        """The last three slips as one SVG, the newest on top."""
        return stack(self.slips[:-4:-1], self._engine.dots)

    def png(self) -> bytes:
        """The same as the head burns it, a pixel per dot."""
        return png(self.slips[:-4:-1], self._engine.dots)


_CONTROLS = {
    "paper_ok": "装纸",
    "paper_low": "纸将尽",
    "paper_out": "缺纸",
    "cover_open": "开盖",
    "cover_close": "合盖",
    "power_cycle": "断电重启",
    "offline": "脱机",
    "mute": "不应答",
    "mute_open": "开盖不应答",
    "linger": "断开后占线",
}


def _identity(n: int) -> bytes:
    """GS I: one byte for model (1, 49) and type (2, 50: Hanzi and a cutter), or `5F text 00`."""
    texts = {65: b"1.00", 66: MAKER, 67: MODEL, 68: b"0001", 69: b"CHINA GBK"}
    if n in texts:
        return b"\x5f" + texts[n] + b"\x00"
    return {1: b"\x20", 2: b"\x03"}.get(digit(n), b"")


SIMULATOR = Escpos
