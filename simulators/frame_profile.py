"""Simulators for devices that are driven by a frame profile: the option `profile` says which.

A profile that has no simulator of its own gets a recorder, which shows the bytes and answers nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from simulators.box_six_byte import SixByteLine
from simulators.evaluator_pj06 import Pj06
from simulators.hall import HallSimulator
from simulators.port import Gone, Wire
from simulators.speech_syn6288 import Syn6288
from simulators.strip_a090 import StripLine

STYLE = 'font-family="Noto Sans Mono CJK SC,Noto Sans CJK SC,monospace"'
KEPT, ROW, ROWS = 4096, 16, 8  # bytes that are kept; bytes to a row and rows that are drawn


class Recorder:
    """Shows what it was sent; `pieces` is (loop time, bytes) as they came, oldest first."""

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.profile = str(options.get("profile", ""))
        self.pieces: deque[tuple[float, bytes]] = deque(maxlen=500)
        self.heard = bytearray()
        """The last bytes, in one piece."""

    async def talk(self, wire: Wire) -> None:
        with contextlib.suppress(Gone):
            while True:
                data = await wire.read()
                self.pieces.append((asyncio.get_running_loop().time(), data))
                self.heard += data
                del self.heard[:-KEPT]

    def controls(self) -> list[dict[str, Any]]:
        return [{"name": "clear", "label": "清空"}]

    def control(self, name: str) -> None:
        """Raises KeyError for a name that `controls` does not list."""
        if name != "clear":
            raise KeyError(name)
        self.pieces.clear()
        self.heard.clear()

    def state(self) -> dict[str, Any]:
        return {"profile": self.profile, "pieces": [data.hex(" ").upper() for _, data in self.pieces][-ROWS:]}

    def picture(self) -> str:
        shown = bytes(self.heard[-ROW * ROWS :])
        rows = [shown[at : at + ROW].hex(" ").upper() for at in range(0, len(shown), ROW)] or ["还没有收到数据"]
        words = "".join(
            f'<text x="12" y="{26 + nth * 22}" font-size="16" fill="#7fe0a0" xml:space="preserve">{escape(row)}</text>'
            for nth, row in enumerate(rows)
        )
        h = 22 * len(rows) + 18
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 {h}" width="500" height="{h}" {STYLE}>'
            f'<rect width="500" height="{h}" rx="6" fill="#14181c"/>{words}</svg>'
        )


PROFILES: dict[str, Callable[[str, Mapping[str, Any]], HallSimulator]] = {
    "a0_90": StripLine,
    "syn6288": Syn6288,
    "pj06": Pj06,
    "six_byte_box": SixByteLine,
}


def simulator(device_id: str, options: Mapping[str, Any]) -> HallSimulator:
    return PROFILES.get(str(options.get("profile")), Recorder)(device_id, options)


SIMULATOR = simulator
