"""A networked loudspeaker that plays every WAV file it is sent, one after the other. It never answers.

    "RIFF" size 4 "WAVE" | chunks: name 4, size 4, bytes (padded to even)      size: of everything after it
    "fmt " 16: PCM 1, channels 2, rate 4, bytes a second 4, bytes a frame 2, bits 2      "data": 16-bit samples

Integers are little-endian. It hears sound and knows no text: what was said can only be listened to. It plays 16-bit
mono of 8 to 48 kHz and refuses everything else. A file that comes while another sounds waits; that is counted, as in a
hall two announcements must never run into each other.

Source: the RIFF/WAVE layout. There is no such device in particular behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from array import array
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.port import Gone, Wire

KEPT = 20
BIGGEST = 16 * 1024 * 1024
BARS = 48

# ---- WAV


class Refused(Exception):
    """A file that this loudspeaker cannot play; the text says why."""


class Deframer:
    """Cuts the stream into RIFF files by their own length; looks for the next `RIFF` in anything else."""

    def __init__(self) -> None:
        self.garbage = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        files = []
        while self._align() and len(self._rest) >= 8:
            size = 8 + int.from_bytes(self._rest[4:8], "little")
            if size > BIGGEST:
                self._drop(4)
                continue
            if len(self._rest) < size:
                break
            files.append(bytes(self._rest[:size]))
            del self._rest[:size]
        return files

    def _align(self) -> bool:
        """Whether the stream stands at a RIFF; throws away what is before it."""
        at = self._rest.find(b"RIFF")
        self._drop(at if at >= 0 else max(0, len(self._rest) - 3))
        return at >= 0

    def _drop(self, count: int) -> None:
        self.garbage += count
        del self._rest[:count]


def chunks(file: bytes) -> dict[bytes, bytes]:
    """Raises `Refused` when the lengths do not meet the end of the file."""
    if file[8:12] != b"WAVE":
        raise Refused("no WAVE")
    found, at = {}, 12
    while at < len(file):
        name, size = file[at : at + 4], int.from_bytes(file[at + 4 : at + 8], "little")
        at += 8 + size
        if len(name) < 4 or at > len(file):
            raise Refused("a chunk is longer than the file")
        found[name] = file[at - size : at]
        at += size % 2
    return found


def samples_of(file: bytes) -> tuple[array[int], int]:
    """(samples, rate). Raises `Refused`."""
    parts = chunks(file)
    if b"fmt " not in parts or b"data" not in parts or len(parts[b"fmt "]) < 16:
        raise Refused("no fmt or no data")
    sizes = iter((2, 2, 4, 4, 2, 2))
    fields, at = [], 0
    for size in sizes:
        fields.append(int.from_bytes(parts[b"fmt "][at : at + size], "little"))
        at += size
    kind, channels, rate, a_second, a_frame, bits = fields
    if (kind, channels, bits) != (1, 1, 16):
        raise Refused(f"format {kind}, {channels} channels, {bits} bits; it plays 16-bit mono PCM")
    if not 8000 <= rate <= 48000 or (a_second, a_frame) != (2 * rate, 2) or len(parts[b"data"]) % 2:
        raise Refused("the numbers of fmt and data contradict each other")
    return array("h", parts[b"data"]), rate


# ---- the loudspeaker


@dataclass(frozen=True, slots=True)
class Heard:
    """One file: `at` is when it began to sound, loop time in seconds."""

    at: float
    seconds: float
    peak: float
    """Of full scale."""
    loudness: float
    """RMS in dB below full scale; -99 for silence."""
    shape: tuple[float, ...]
    """The peaks of `BARS` equal parts, for the picture."""
    wav: bytes


class Loudspeaker:
    """Has no options."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.heard: deque[Heard] = deque(maxlen=KEPT)
        self.refused: deque[str] = deque(maxlen=KEPT)
        self.count = self.waited = self.garbage = 0
        self.unplugged = False

    async def talk(self, wire: Wire) -> None:
        deframer = Deframer()
        with contextlib.suppress(Gone):
            while True:
                data = await wire.read()
                if self.unplugged:
                    deframer = Deframer()
                    continue
                before = deframer.garbage
                for file in deframer.feed(data):
                    self.receive(file)
                self.garbage += deframer.garbage - before

    def receive(self, file: bytes) -> None:
        try:
            samples, rate = samples_of(file)
        except Refused as why:
            self.refused.append(str(why))
            return
        now, free = _now(), self.silent_from()
        self.waited += now < free
        self.count += 1
        self.heard.append(_listen(max(now, free), samples, rate, file))

    def silent_from(self) -> float:
        """Loop time from which on nothing sounds."""
        return self.heard[-1].at + self.heard[-1].seconds if self.heard else 0.0

    def wav(self, n: int) -> bytes:
        """The file that came as the `n`th before the last; 0 is the last. Raises IndexError when it is not kept."""
        if not 0 <= n < len(self.heard):
            raise IndexError(n)
        return self.heard[-1 - n].wav

    # ---- what a person does, sees and hears

    def controls(self) -> list[dict[str, Any]]:
        return [{"name": "unplug", "label": "拔线", "on": self.unplugged}]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name != "unplug":
            raise KeyError(name)
        self.unplugged = not self.unplugged

    def state(self) -> dict[str, Any]:
        now = _now()
        return {
            "heard": [
                {
                    "ago_s": round(now - each.at, 1),
                    "seconds": round(each.seconds, 2),
                    "peak": round(each.peak, 3),
                    "loudness_db": round(each.loudness, 1),
                }
                for each in reversed(self.heard)
            ],
            "count": self.count,
            "sounding": now < self.silent_from(),
            "waited": self.waited,
            "refused": list(self.refused),
            "garbage": self.garbage,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        """The box, its last sound as bars, and how long ago and how long it sounded."""
        last = self.heard[-1] if self.heard else None
        sounding = _now() < self.silent_from()
        colour = "#2fbf94" if sounding else "#5f7488"
        words = "还没有响过" if last is None else f"{_ago(_now() - last.at, sounding)} · {last.seconds:.1f} 秒"
        bars = "".join(
            f'<rect x="{128 + 4 * nth}" y="{60 - 44 * high:.0f}" width="3" height="{2 + 88 * high:.0f}"/>'
            for nth, high in enumerate(last.shape if last else ())
        )
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 336 150" width="336" height="150">'
            '<rect width="336" height="150" rx="8" fill="#0b1622"/>'
            '<rect x="24" y="12" width="80" height="126" rx="8" fill="#14273a" stroke="#5f7488"/>'
            f'<circle cx="64" cy="42" r="14" fill="{colour}"/><circle cx="64" cy="96" r="30" fill="{colour}"/>'
            f'<circle cx="64" cy="96" r="12" fill="#0b1622"/><g fill="{colour}">{bars}</g>'
            f'<text x="128" y="132" font-size="18" fill="#ffffff" font-family="sans-serif">{words}</text></svg>'
        )


def _listen(at: float, samples: array[int], rate: int, wav: bytes) -> Heard:
    loud = [abs(sample) / 32768 for sample in samples] or [0.0]
    mean = math.sqrt(sum(value * value for value in loud) / len(loud))
    part = -(-len(loud) // BARS)
    return Heard(
        at=at,
        seconds=len(samples) / rate,
        peak=max(loud),
        loudness=20 * math.log10(mean) if mean else -99.0,
        shape=tuple(max(loud[start : start + part]) for start in range(0, len(loud), part)),
        wav=wav,
    )


def _ago(seconds: float, sounding: bool) -> str:
    if sounding:
        return "正在响"
    return f"{seconds:.0f} 秒前" if seconds < 60 else f"{seconds // 60:.0f} 分钟前"


def _now() -> float:
    return asyncio.get_running_loop().time()


SIMULATOR = Loudspeaker
