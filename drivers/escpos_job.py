"""What an ESC/POS printer can do, and a slip as the bytes of one job for it. The device itself is in escpos.py.

    1B 40  1C 26  1B 61 a  1D 21 s  1B 45 b  text 0A .. 1D 76 30 00 .. 1B 64 03  1D 56 42 00  1D 72 01
    init   Hanzi  align    size     bold                a drawn line   feed      cut          barrier

A line with a character that the printer's font lacks is drawn here and sent as an image; all else stays text.

Sources: Epson's public ESC/POS command descriptions (GS ( k, GS ( H function 48, GS V, GS v 0, ESC a, FS &, FS !) and
those of Chinese clones. What differs from printer to printer is in config/printers/*.toml, each with its evidence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from drivers import raster
from drivers.base import Misconfigured, Qr, Rejected, Rule, Slip, Text
from drivers.text import MISSING, Encoding, lines, outside, wrap

PROFILES: Final = Path(__file__).parents[1] / "config" / "printers"
GEOMETRY: Final = {58: (32, 384), 80: (48, 576)}
"""Paper in mm -> (columns, dots) at 203 dpi."""
CUTS: Final = {"partial": "1D 56 42 00", "full": "1D 56 41 00", "none": ""}

# ---- what a printer can do


@dataclass(frozen=True, slots=True)
class Profile:
    """Raises `Misconfigured` when a value is not one of those named here."""

    paper_mm: int
    """58 or 80."""
    columns: int
    """ASCII characters of a line; a Hanzi takes two."""
    dots: int
    """Dots of a line, a multiple of 8."""
    cut: str
    """`partial`, `full`, `none`, or the bytes of the command in hexadecimal."""
    hanzi: str
    """`select`: FS & follows ESC @; `on_by_default`: the printer does not know FS &."""
    encoding: Encoding
    size: str
    """`GS !` also enlarges Hanzi, up to 4 times; with `FS !` a command of their own does, twice at most."""
    status: str
    """`full`: answers DLE EOT; `none`: says nothing of itself. On USB the port's status lines are read either way."""
    barrier: str
    """What proves the end of a job: `gs_r`, `process_id` (GS ( H function 48, names the job), or `none`."""
    buzzer: str
    """The bytes, in hexadecimal, that sound it at the end of a slip; empty for silence."""
    trust_blind: bool
    """Without a barrier a job ends `printed` when the time it takes has passed and nothing wrong is seen."""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise Misconfigured(f"escpos: {name} is one of {known}, not {getattr(self, name)!r}")
        if self.dots % 8 or not 8 <= self.columns <= self.dots // 12 <= 80:
            raise Misconfigured(f"escpos: {self.columns} columns of 12 dots do not fit {self.dots} dots")
        for name in ("cut", "buzzer"):
            try:
                bytes.fromhex(CUTS.get(getattr(self, name), getattr(self, name)))
            except ValueError as error:
                raise Misconfigured(f"escpos: {name}: {error}") from error


CHOICES: Final[Mapping[str, tuple[object, ...]]] = {
    "paper_mm": (58, 80),
    "hanzi": ("select", "on_by_default"),
    "encoding": ("gbk", "gb18030", "utf8"),
    "size": ("GS !", "FS !"),
    "status": ("full", "none"),
    "barrier": ("gs_r", "process_id", "none"),
    "trust_blind": (True, False),
}
PROFILE_OPTIONS: Final[Mapping[str, type]] = {
    field.name: {"int": int, "bool": bool}.get(str(field.type), str) for field in fields(Profile)
}


def load_profile(name: str, options: Mapping[str, Any]) -> Profile:
    """`config/printers/<name>.toml`, with those of `options` that are a printer's in place of its own.

    Another `paper_mm` takes its own columns and dots with it. Raises `Misconfigured`.
    """
    try:
        table = tomllib.loads((PROFILES / f"{name}.toml").read_text("utf-8")) if re.fullmatch(r"[\w-]+", name) else {}
    except (OSError, ValueError) as error:
        raise Misconfigured(f"escpos: no profile {name!r}: {error}") from error
    if not table.pop("evidence", ""):
        raise Misconfigured(f"escpos: there is no profile {name!r}, or it does not say what it rests on (evidence)")
    given = {key: value for key, value in options.items() if key in PROFILE_OPTIONS}
    if "paper_mm" in given:
        table = {key: value for key, value in table.items() if key not in ("columns", "dots")}
    merged = table | given
    columns, dots = GEOMETRY.get(merged.get("paper_mm", 0), (0, 0))
    merged = {"columns": columns, "dots": dots} | merged
    for key, value in merged.items():
        if type(value) is not PROFILE_OPTIONS.get(key):
            raise Misconfigured(f"escpos: {key} = {value!r} is not known")
    if lacking := PROFILE_OPTIONS.keys() - merged.keys():
        raise Misconfigured(f"escpos: profile {name!r} lacks {', '.join(sorted(lacking))}")
    return Profile(**merged)


# ---- a slip as bytes

MAX_JOB: Final = 65536
ALIGN: Final = {"left": 0, "center": 1, "right": 2}
FEED: Final = b"\x1b\x64\x03"  # clones cut where the paper stands
ROW_DOTS: Final = 34
"""A line of text of size 1 with the usual line spacing of a sixth of an inch."""
RASTER_ROWS: Final = 256
REAL_TIME: Final = re.compile(rb"\x10(?=[\x04\x05\x14])")

# Bytes that fit at error level M in versions 1 to 20 (ISO/IEC 18004); a version has 17 + 4v modules and a margin of 8.
QR_M: Final = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666)


@dataclass(frozen=True, slots=True)
class Job:
    data: bytes
    dots: int
    """About how long the paper will be."""
    lacking: int
    """Characters that neither the printer nor a font here has: they print as 〓."""

    @property
    def seconds(self) -> float:
        """How long it takes a slow printer (50 mm a second) at the end of a slow line (9600 baud)."""
        return self.dots / 400 + len(self.data) / 960


def encode(slip: Slip, profile: Profile, fonts: Sequence[Path] = (), process_id: bytes = b"0000") -> Job:
    """The whole job, with cut and barrier. `process_id`: four bytes of 20 to 7E that only this job has.

    Raises `Rejected("bad_slip")` when a part cannot be printed, or the job is longer than `MAX_JOB` bytes.
    """
    pieces = [piece for part in slip.parts for piece in _part(part, profile, fonts)]
    start = b"\x1b\x40\x1c\x26" if profile.hanzi == "select" else b"\x1b\x40"  # ESC @ ends what FS & began
    cut = bytes.fromhex(CUTS.get(profile.cut, profile.cut))
    end = FEED + cut + bytes.fromhex(profile.buzzer) + _barrier(profile, process_id)
    data = start + b"".join(piece.data for piece in pieces) + end
    if len(data) > MAX_JOB:
        raise Rejected("bad_slip", f"{len(data)} bytes")
    return Job(data, sum(piece.dots for piece in pieces) + 5 * ROW_DOTS, sum(piece.lacking for piece in pieces))


def _barrier(profile: Profile, process_id: bytes) -> bytes:
    commands = {"gs_r": b"\x1d\x72\x01", "process_id": b"\x1d\x28\x48\x06\x00\x30\x30" + process_id}
    return commands.get(profile.barrier, b"")


def _part(part: Text | Qr | Rule, profile: Profile, fonts: Sequence[Path]) -> Iterator[Job]:
    if isinstance(part, Rule):
        yield Job(_style(profile, "left", 1, False) + b"-" * profile.columns + b"\n", ROW_DOTS, 0)
    elif isinstance(part, Qr):
        yield _qr(part, profile)
    elif 1 <= part.size <= 4 and part.align in ALIGN:
        yield from _text(part, profile, fonts)
    else:
        raise Rejected("bad_slip", f"text of size {part.size}, {part.align}")


def _text(part: Text, profile: Profile, fonts: Sequence[Path]) -> Iterator[Job]:
    size = part.size if fonts or profile.size == "GS !" else min(part.size, 2)
    rows = [row for line in lines(part.text, profile.encoding) for row in wrap(line, profile.columns // size)]
    if size > 2 and profile.size == "FS !":
        yield from (_drawn(row, size, part, profile, fonts) for row in rows)
        return
    style = _style(profile, part.align, size, part.bold)
    for row in rows:
        rare = outside(row, profile.encoding)
        if rare and len(raster.lacking(rare, fonts)) < len(rare):
            yield _drawn(row, size, part, profile, fonts)
            continue
        shown = "".join(MISSING if char in rare else char for char in row)
        yield Job(style + shown.encode(profile.encoding) + b"\n", max(ROW_DOTS, 24 * size), len(rare))


def _drawn(row: str, size: int, part: Text, profile: Profile, fonts: Sequence[Path]) -> Job:
    """A line as an image, put in its place by empty dots: clones differ in whether ESC a moves an image."""
    absent = raster.lacking(row, fonts)
    image = raster.render(
        "".join(MISSING if char in absent else char for char in row), 24 * size, fonts, bold=part.bold
    )
    free = profile.dots // 8 - len(image[0])
    margin = bytes({"left": 0, "center": free // 2, "right": free}[part.align])
    space = [b"" for _ in range((ROW_DOTS - 24) // 2)] if size == 1 else []
    rows = [(margin + line).ljust(len(margin + image[0]), b"\0") for line in (*space, *image, *space)]
    return Job(_style(profile, "left", 1, False) + graphics(rows), len(rows), len(absent))


def graphics(rows: Sequence[bytes]) -> bytes:
    """GS v 0: rows of equal length, top first, a set bit for a black dot, in blocks of at most `RASTER_ROWS`."""
    blocks = []
    for at in range(0, len(rows), RASTER_ROWS):
        block = rows[at : at + RASTER_ROWS]
        head = b"\x1d\x76\x30\x00" + len(block[0]).to_bytes(2, "little") + len(block).to_bytes(2, "little")
        # Real-time commands are acted on wherever they stand: one dot more makes them none.
        blocks.append(head + REAL_TIME.sub(b"\x18", b"".join(block)))
    return b"".join(blocks)


def _style(profile: Profile, align: str, size: int, bold: bool) -> bytes:
    # ESC ! leaves Hanzi alone on some clones; GS ! does on a few, which take FS ! for them.
    style = bytes((0x1B, 0x61, ALIGN[align], 0x1D, 0x21, (size - 1) * 0x11, 0x1B, 0x45, bold))
    return style if profile.size == "GS !" else style + bytes((0x1C, 0x21, 0x0C if size > 1 else 0))


def _qr(part: Qr, profile: Profile) -> Job:
    """GS ( k: model, size, level, store, print. A symbol wider than the paper is not printed: modules shrink to fit."""
    data = part.data.encode("utf-8", "replace")
    version = next((v for v, room in enumerate(QR_M, 1) if len(data) <= room), 0)
    # Control characters are refused: 10 04 n would be acted on in the middle of the data.
    if not version or not data or not part.data.isprintable() or not 1 <= part.module <= 16:
        raise Rejected("bad_slip", f"QR code of {len(data)} bytes, {part.module} dots a module")
    modules = 17 + 4 * version + 8
    module = min(part.module, profile.dots // modules)
    commands = (b"1A2\0", bytes((0x31, 0x43, module)), b"1E1", b"1P0" + data, b"1Q0")
    symbol = b"".join(b"\x1d\x28\x6b" + len(body).to_bytes(2, "little") + body for body in commands)
    return Job(_style(profile, "center", 1, False) + symbol, modules * module, 0)
