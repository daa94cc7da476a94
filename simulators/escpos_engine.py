"""The print engine of the ESC/POS simulator: commands in, slips out. Knows nothing of status, wires or time.

A Chinese thermal printer: Hanzi mode is on at power-up, double bytes are GBK, single bytes the chosen code page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import segno

from simulators import code128
from simulators.escpos_paper import CELL, Align, Barcode, Cut, Feed, Item, Line, Qr, Raster, SlipOut, Span
from simulators.escpos_tokens import Token

KEPT_SLIPS = 50
LONGEST = 16_000
"""Dots (two metres) of one slip, after which the paper is taken to be torn off by hand."""

_CODE_PAGES = {0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 16: "cp1252", 17: "cp866", 18: "cp852"}
_CODE_PAGES |= {19: "cp858"}
_ALIGNS: tuple[Align, ...] = ("left", "center", "right")
_LEVELS: dict[int, Literal["L", "M", "Q", "H"]] = {48: "L", 49: "M", 50: "Q", 51: "H"}
_CUTS: dict[int, Cut] = {0: "full", 48: "full", 65: "full", 97: "full", 103: "full"}
_CUTS |= {1: "partial", 49: "partial", 66: "partial", 98: "partial", 104: "partial"}
LOST = "\ufffd"
"""What is printed for a byte that is no character."""


@dataclass(slots=True)
class Settings:
    """What ESC @ sets back. Defaults are those at power-up."""

    hanzi: bool = True
    code_page: int = 0
    wide: int = 1
    high: int = 1
    hanzi_wide: int = 1
    hanzi_high: int = 1
    narrow: bool = False
    bold: bool = False
    underline: bool = False
    reverse: bool = False
    align: Align = "left"
    spacing: int = 34
    margin: int = 0
    width: int = 0
    """Of the printing area; 0 is up to the edge."""
    barcode_height: int = 162
    barcode_module: int = 3
    qr_module: int = 3
    qr_level: Literal["L", "M", "Q", "H"] = "L"
    qr_data: bytes = b""
    graphics: tuple[tuple[bytes, ...], int, int] | None = None
    """Rows, width and height factor stored by GS ( L."""


# Commands that only set one thing: attribute and what to make of n.
_SETTERS: dict[bytes, tuple[str, Callable[[int], object]]] = {
    b"\x1bE": ("bold", lambda n: bool(n & 1)),
    b"\x1bG": ("bold", lambda n: bool(n & 1)),
    b"\x1b-": ("underline", lambda n: digit(n) in (1, 2)),
    b"\x1dB": ("reverse", lambda n: bool(n & 1)),
    b"\x1bM": ("narrow", lambda n: digit(n) == 1),
    b"\x1bt": ("code_page", lambda n: n),
    b"\x1b3": ("spacing", lambda n: n),
    b"\x1dh": ("barcode_height", lambda n: max(1, n)),
    b"\x1dw": ("barcode_module", lambda n: min(max(2, n), 6)),
}
# Known, and nothing on the paper changes: selection, drawer, buzzer, sensors, speed, barcode looks, JIS selector.
_HARMLESS = {b"\x1b" + bytes([letter]) for letter in b"=?pBRUruS"} | {b"\x1d" + bytes([letter]) for letter in b"bHf|"}
_HARMLESS |= {b"\x1bc3", b"\x1bc4", b"\x1bc5", b"\x1b(A", b"\x1cC", b"\x1d(A", b"\x1d(D"}
# Commands that print the line before they act, if there is one.
_PRINTS_FIRST = {b"\x1dV", b"\x1bi", b"\x1bm", b"\x1dv0", b"\x1dk"}


def digit(n: int) -> int:
    """Many commands take n as a number or as its ASCII digit."""
    return n - 48 if n >= 48 else n


class PrintEngine:
    def __init__(self, dots: int) -> None:
        self.dots = dots
        self.slip = SlipOut(dots)
        """The piece that still hangs in the printer."""
        self.slips: list[SlipOut] = []
        self.printed = 0
        """Slips since the start; only the last 50 are kept."""
        self.unknown = 0
        self.lines_left: int | None = None
        """Lines or pictures until the roll ends; None is plenty."""
        self._actions = self._table()
        self.initialize()

    def initialize(self) -> None:
        """ESC @: settings and the line buffer, not the paper."""
        self.now = Settings()
        self._spans: list[Span] = []
        self._x = 0
        self._lead: int | None = None

    def finish(self, cut: Cut) -> None:
        """The piece falls out of the slot."""
        self.slip.cut = cut
        self.slips = [*self.slips[1 - KEPT_SLIPS :], self.slip]
        self.printed += 1
        self.slip = SlipOut(self.dots)

    def must_print_first(self, token: Token) -> bool:
        prints = token.code in _PRINTS_FIRST
        prints |= token.code == b"\x1d(k" and token.args[2:4] == b"1Q"
        prints |= token.code == b"\x1d(L" and token.args[3:4] in (b"2", b"\x02")
        return prints and bool(self._spans or self._lead is not None)

    def execute(self, token: Token) -> None:
        if token.kind == "character":
            self._character(token.code[0])
            return
        self._settle()
        if token.kind == "unknown":
            self.unknown += 1
            self._error(f"unknown command {token}")
        elif token.code in self._actions:
            self._actions[token.code](token.args)
        elif token.code in _SETTERS:
            name, value = _SETTERS[token.code]
            setattr(self.now, name, value(token.args[0]))
        elif token.code not in _HARMLESS and (any(token.args) or not token.args):
            self._error(f"not simulated: {token}")
        if token.dropped:
            self._error(f"{token}: {token.dropped} bytes too many")

    def _table(self) -> dict[bytes, Callable[[bytes], None]]:
        return {
            b"\x1b@": lambda args: self.initialize(),
            b"\x1b2": lambda args: setattr(self.now, "spacing", 34),
            b"\x1c&": lambda args: setattr(self.now, "hanzi", True),
            b"\x1c.": lambda args: setattr(self.now, "hanzi", False),
            b"\x1d!": self._size,
            b"\x1b!": self._print_mode,
            b"\x1c!": lambda args: self._hanzi_size(1 + (args[0] >> 2 & 1), 1 + (args[0] >> 3 & 1)),
            b"\x1cW": lambda args: self._hanzi_size(1 + (args[0] & 1), 1 + (args[0] & 1)),
            b"\x1ba": self._align,
            b"\x1bd": self._feed_lines,
            b"\x1bJ": self._feed_dots,
            b"\x1dL": lambda args: setattr(self.now, "margin", min(_number(args), self.dots)),
            b"\x1dW": lambda args: setattr(self.now, "width", _number(args)),
            b"\x1b$": lambda args: setattr(self, "_x", _number(args)),
            b"\x1b\\": lambda args: setattr(self, "_x", max(0, self._x + int.from_bytes(args, "little", signed=True))),
            b"\x1dV": self._cut,
            b"\x1bi": lambda args: self.finish("full"),
            b"\x1bm": lambda args: self.finish("partial"),
            b"\x1d(k": self._symbol,
            b"\x1dv0": self._raster,
            b"\x1d(L": lambda args: self._graphics(args[2:]),
            b"\x1d8L": lambda args: self._graphics(args[4:]),
            b"\x1dk": self._barcode,
        }

    # ---- characters

    def _character(self, byte: int) -> None:
        lead, self._lead = self._lead, None
        if lead is not None:
            if 0x40 <= byte <= 0xFE and byte != 0x7F:
                self._put_hanzi(bytes([lead, byte]))
                return
            self._lone(lead)
        if byte < 0x20:
            self._control(byte)
        elif self.now.hanzi and 0x81 <= byte <= 0xFE:
            self._lead = byte
        elif self.now.hanzi and byte in (0x80, 0xFF):
            self._lone(byte)
        else:
            page = _CODE_PAGES.get(self.now.code_page, "cp437")
            self._put(" " if byte == 0x7F else bytes([byte]).decode(page, "replace"), 9 if self.now.narrow else 12)

    def _put_hanzi(self, pair: bytes) -> None:
        try:
            text = pair.decode("gbk")
        except UnicodeDecodeError:
            self._error(f"no glyph for {pair.hex(' ').upper()}")
            text = "□"
        self._put(text, CELL)

    def _lone(self, byte: int) -> None:
        self._error(f"lone lead byte {byte:02X}")
        self._put(LOST, 12)

    def _settle(self) -> None:
        lead, self._lead = self._lead, None
        if lead is not None:
            self._lone(lead)

    def _control(self, byte: int) -> None:
        if byte == 0x0A:
            if self._spans:
                self.print_line()
            else:
                self._feed(self.now.spacing)
        elif byte == 0x09:
            self._x = (self._x // 96 + 1) * 96  # a stop every 8 columns
        # NUL, CR, FF and CAN do nothing in standard mode

    def _put(self, text: str, cell: int) -> None:
        now = self.now
        hanzi = cell == CELL
        wide = max(now.wide, now.hanzi_wide) if hanzi else now.wide
        high = max(now.high, now.hanzi_high) if hanzi else now.high
        if self._x + cell * wide > self._area() and self._spans:
            self.print_line()
        span = Span(self._x, text, cell, wide, high, now.bold, now.underline, now.reverse)
        last = self._spans[-1] if self._spans else None
        if last and last == replace(span, x=last.x, text=last.text) and last.end == span.x:
            self._spans[-1] = replace(last, text=last.text + text)
        else:
            self._spans.append(span)
        self._x = span.end

    def _area(self) -> int:
        room = self.dots - self.now.margin
        return min(self.now.width or room, room)

    # ---- paper

    def print_line(self, height: int | None = None) -> None:
        """Burns the line buffer, if there is anything in it, and feeds `height` dots (the line spacing)."""
        self._settle()
        spans, self._spans, self._x = tuple(self._spans), [], 0
        if spans:
            tallest = max(span.high for span in spans) * CELL
            height = max(tallest, self.now.spacing if height is None else height)
            self._lay(Line(spans, self.now.align, self._left(max(span.end for span in spans)), height))

    def _left(self, width: int) -> int:
        slack = max(0, self._area() - width)
        return self.now.margin + {"left": 0, "center": slack // 2, "right": slack}[self.now.align]

    def _lay(self, item: Item) -> None:
        self.slip.items.append(item)
        if self.lines_left and not isinstance(item, Feed):
            self.lines_left -= 1
        if self.slip.length > LONGEST:
            self.finish("torn")

    def _feed(self, dots: int) -> None:
        if dots > 0 and self.lines_left != 0:
            self._lay(Feed(dots))

    def _error(self, text: str) -> None:
        if len(self.slip.errors) < 100:
            self.slip.errors.append(text)

    # ---- commands

    def _size(self, args: bytes) -> None:
        self.now.wide, self.now.high = 1 + (args[0] >> 4 & 7), 1 + (args[0] & 7)

    def _hanzi_size(self, wide: int, high: int) -> None:
        self.now.hanzi_wide, self.now.hanzi_high = wide, high

    def _print_mode(self, args: bytes) -> None:
        n, now = args[0], self.now
        now.narrow, now.bold, now.underline = bool(n & 0x01), bool(n & 0x08), bool(n & 0x80)
        now.high, now.wide = 1 + (n >> 4 & 1), 1 + (n >> 5 & 1)

    def _align(self, args: bytes) -> None:
        n = digit(args[0])
        if self._spans or n > 2:
            self._error(f"ESC a {args[0]:02X} ignored" + (" in mid line" if self._spans else ""))
        else:
            self.now.align = _ALIGNS[n]

    def _feed_lines(self, args: bytes) -> None:
        own = 1 if self._spans else 0
        self.print_line(None if args[0] else 0)
        self._feed((args[0] - own) * self.now.spacing)

    def _feed_dots(self, args: bytes) -> None:
        if self._spans:
            self.print_line(args[0])
        else:
            self._feed(args[0])

    def _cut(self, args: bytes) -> None:
        if args[0] not in _CUTS:
            self._error(f"GS V {args[0]:02X}: no such cut")
            return
        if len(args) > 1:
            self._feed(args[1])
        self.finish(_CUTS[args[0]])

    def _symbol(self, args: bytes) -> None:
        """GS ( k pL pH cn fn ...: only QR codes (cn 49)."""
        function, n = args[2:4], args[4] if len(args) > 4 else -1
        if function == b"1C" and 1 <= n <= 16:
            self.now.qr_module = n
        elif function == b"1E" and n in _LEVELS:
            self.now.qr_level = _LEVELS[n]
        elif function == b"1P" and n == 48:
            self.now.qr_data = args[5:]
        elif function == b"1Q" and n == 48:
            self._print_qr()
        elif function != b"1A":  # the model: every QR code is drawn as model 2
            self._error(f"not simulated: GS ( k {args.hex(' ')[:24].upper()}")

    def _print_qr(self) -> None:
        now = self.now
        if not now.qr_data:
            self._error("QR code without data")
            return
        # Byte mode for anything but ASCII: UTF-8 may look like Shift-JIS pairs, and Kanji mode would change it.
        mode = None if now.qr_data.isascii() else "byte"
        try:
            code = segno.make(now.qr_data, error=now.qr_level, mode=mode, boost_error=False, micro=False)
        except segno.DataOverflowError:
            self._error(f"QR code of {len(now.qr_data)} bytes is too long for level {now.qr_level}")
            return
        rows = tuple(bytes(row) for row in code.matrix)
        width = len(rows) * now.qr_module
        if width > self._area():
            self._error(f"QR code of {width} dots is wider than the paper")
            return
        self._lay(Qr(now.qr_data, now.qr_level, now.qr_module, rows, self._left(width)))

    def _raster(self, args: bytes) -> None:
        """GS v 0 m xL xH yL yH d...; m: bit 0 doubles the width, bit 1 the height."""
        self._image(args[5:], _number(args[1:3]), 1 + (args[0] & 1), 1 + (args[0] >> 1 & 1))

    def _graphics(self, args: bytes) -> None:
        """GS ( L: m fn=112 a bx by c xL xH yL yH d... stores (x in dots); fn=50 prints."""
        function = args[1] if len(args) > 1 else -1
        if function == 112 and len(args) >= 10:
            row = (_number(args[6:8]) + 7) // 8
            self.now.graphics = (_rows(args[10:], row), max(1, args[3]), max(1, args[4]))
        elif function in (2, 50) and self.now.graphics:
            rows, wide, high = self.now.graphics
            self.now.graphics = None
            self._image(b"".join(rows), len(rows[0]) if rows else 0, wide, high)
        else:
            self._error(f"not simulated: GS ( L function {function}")

    def _image(self, data: bytes, row: int, wide: int, high: int) -> None:
        width = row * 8 * wide
        if width > self.dots:
            self._error(f"image of {width} dots is wider than the paper")
        if rows := _rows(data, row)[:LONGEST]:
            self._lay(Raster(rows, wide, high, self._left(width)))

    def _barcode(self, args: bytes) -> None:
        kind = args[0]
        data = args[2:] if kind >= 65 else args[1:].removesuffix(b"\0")
        if kind == 73:
            self._code128(data)
        else:
            self._lay(Barcode(kind if kind >= 65 else kind + 65, data, self.now.margin, self.now.barcode_height))

    def _code128(self, data: bytes) -> None:
        height, module = self.now.barcode_height, self.now.barcode_module
        try:
            bars = code128.bars(data)
        except ValueError as error:
            self._error(f"CODE128: {error}")
            return
        width = len(bars) * module
        if width > self._area():
            self._error(f"barcode of {width} dots is wider than the paper")
            return
        self._lay(Barcode(73, data, self._left(width), height, bars, module))


def _number(args: bytes) -> int:
    return int.from_bytes(args[:2], "little")


def _rows(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[at : at + size] for at in range(0, len(data), size)) if size else ()
