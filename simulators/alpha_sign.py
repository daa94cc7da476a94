"""One Alpha sign: its memory, and the commands that it obeys.

Source: the sign maker's protocol document 9708-8061. Where it says nothing, or only for other models: files and run
sequence survive the power, without a run sequence every TEXT file runs, too long a text is cut off and flagged, and a
sign that has just got power is dark for 2 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.alpha_text import Glyph, glyphs, mode_size, pages, plain

ILLEGAL, CHECKSUM, OVERFLOW, TIMEOUT = 0x20, 0x10, 0x08, 0x04
ALWAYS = 0x40  # the bit of the status byte that says it is one
PRIORITY, PRIORITY_SIZE = "0", 125
POOL = 0x7800  # bytes
PAGE, BOOT = 3.0, 2.0  # seconds
FILE = re.compile(rb"([ -~])([ABD])([UL])([0-9A-F]{4})([0-9A-F]{4})")
KINDS = {b"A": "A", b"G": "B", b"I": "D"}  # write commands and the type of file that they fill
READS = {b"B": b"A", b"H": b"G", b"J": b"I"}  # read commands and the write command that the answer looks like
IGNORED = b"!&'();/2"  # special functions that change nothing that is simulated: speaker, calendar, dimming ...


class Refused(Exception):
    """`bits` are those of the status byte."""

    def __init__(self, bits: int) -> None:
        super().__init__(f"status {bits:02X}")
        self.bits = bits


@dataclass(slots=True)
class File:
    kind: str
    """`A` TEXT, `B` STRING, `D` DOTS."""
    size: int
    spec: bytes
    """Its entry in the memory configuration."""
    data: bytes = b""


@dataclass(slots=True)
class Sign:
    address: int
    columns: int
    """Characters on its one line."""
    ack: bool = False
    files: dict[str, File] = field(default_factory=dict)
    order: str = ""
    """Labels of the run sequence."""
    priority: bytes = b""
    errors: int = 0
    """Bits of the status register, kept until they are cleared."""
    dark_until: float = 0.0
    clock: int = 0
    """Minutes of the day at `clock_set` (loop time)."""
    clock_set: float = 0.0

    # ---- what visitors see

    def text(self, now: float) -> str:
        """All that can be read, one file below the other."""
        return "\n".join(plain(text) for _, text in self.running(now))

    def running(self, now: float) -> list[tuple[str, list[Glyph]]]:
        """Label and text of what is shown in turn: the priority file alone, or the run sequence."""
        if now < self.dark_until:
            return []
        if self.priority:
            return [(PRIORITY, self._glyphs(self.priority, now))]
        found = [(label, self.files[label]) for label in self.order or self.files if label in self.files]
        return [(label, self._glyphs(file.data, now)) for label, file in found if file.kind == "A" and file.data]

    def page(self, now: float) -> tuple[str, list[Glyph]]:
        """Label and characters of the page that is shown at this moment; `PAGE` seconds each."""
        turns = [(label, page) for label, text in self.running(now) for page in pages(text, self.columns)]
        return turns[int(now / PAGE) % len(turns)] if turns else ("", [])

    def _glyphs(self, data: bytes, now: float) -> list[Glyph]:
        return glyphs(data, self._string, self.time(now))

    def _string(self, label: str) -> bytes:
        file = self.files.get(label)
        return file.data if file is not None and file.kind == "B" else b""

    def time(self, now: float) -> str:
        minutes = (self.clock + int((now - self.clock_set) / 60)) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def free(self) -> int:
        return POOL - sum(_pool(file) for file in self.files.values())

    # ---- commands

    def obey(self, body: bytes, now: float) -> bytes:
        """Command code and data in; what a read answers (likewise), else nothing. Raises `Refused`."""
        command, label, data = body[:1], body[1:2].decode("latin-1"), body[2:]
        if command in READS:
            return READS[command] + body[1:2] + self._contents(READS[command], label)
        if command == b"F":
            return b"E" + body[1:2] + self._read(label, now)
        if command == b"E":
            self._special(label, data, now)
        elif command in KINDS:
            self._write(command, label, data)
        else:
            raise Refused(ILLEGAL)
        return b""

    def _contents(self, command: bytes, label: str) -> bytes:
        if command == b"A" and label == PRIORITY:
            return self.priority
        return self._file(command, label).data

    def _file(self, command: bytes, label: str) -> File:
        file = self.files.get(label)
        if file is None or file.kind != KINDS[command]:
            raise Refused(ILLEGAL)
        return file

    def _write(self, command: bytes, label: str, data: bytes) -> None:
        if command == b"A" and mode_size(data) is None:
            raise Refused(ILLEGAL)
        if command == b"A" and label == PRIORITY:
            size, self.priority = PRIORITY_SIZE, data[:PRIORITY_SIZE]
        else:
            file = self._file(command, label)
            size, file.data = file.size, data[: file.size]
        if len(data) > size:
            raise Refused(OVERFLOW)

    def _special(self, label: str, data: bytes, now: float) -> None:
        if label == "$":
            self._configure(data)
        elif label == "." and re.fullmatch(rb"[STD][UL][ -~]*", data):
            self.order = data[2:].decode()
        elif label == " " and re.fullmatch(rb"([01]\d|2[0-3])[0-5]\d", data):
            self.clock, self.clock_set = int(data[:2]) * 60 + int(data[2:]), now
        elif label == "s" and data in (b"0", b"1"):
            self.ack = data == b"1"
        elif label == "," and not data:
            self.power_up(now)
        elif label == "4":
            self.errors = 0
        elif not label or label.encode("latin-1") not in IGNORED:
            raise Refused(ILLEGAL)

    def _configure(self, data: bytes) -> None:
        """E$: every file is erased and allocated anew. No entries, or `$$$`, leave none."""
        entries = [] if data in (b"", b"$$$") else [data[at : at + 11] for at in range(0, len(data), 11)]
        files: dict[str, File] = {}
        for entry in entries:
            found = FILE.fullmatch(entry)
            if found is None or entry[:1] in b"0?" or entry[:1].decode() in files:
                raise Refused(ILLEGAL)
            files[entry[:1].decode()] = File(found[2].decode(), int(found[4], 16), entry)
        if sum(_pool(file) for file in files.values()) > POOL:
            raise Refused(OVERFLOW)
        self.files, self.order = files, ""

    def _read(self, label: str, now: float) -> bytes:
        reads: dict[str, Callable[[], str]] = {
            '"': lambda: f"1044-000A0306{self.time(now).replace(':', '')}M00{POOL:04X},{self.free():04X}",
            "#": lambda: f"{POOL:04X},{self.free():04X}",
            "$": lambda: "".join(file.spec.decode() for file in self.files.values()),
            "*": lambda: chr(ALWAYS | self.errors),
            ".": lambda: f"SU{self.order}",
            " ": lambda: self.time(now).replace(":", ""),
        }
        if label not in reads:
            raise Refused(ILLEGAL)
        return reads[label]().encode()

    def power_up(self, now: float) -> None:
        """Also the soft reset. The priority file goes, memory and run sequence stay."""
        self.priority, self.errors, self.dark_until = b"", 0, now + BOOT


def _pool(file: File) -> int:
    """Bytes that a file takes; the size of DOTS is rows and columns, of two dots to a byte."""
    return (file.size >> 8) * (file.size & 0xFF) // 2 if file.kind == "D" else file.size
