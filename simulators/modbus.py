"""A Modbus line, RTU or TCP: LED-485 digit boards at windows, and input modules with call buttons.

    RTU: unit 1 | function 1 | data | CRC-16 2, low byte first; 3.5 characters of silence around each frame
    TCP: transaction 2 | 0000 | length 2 | unit 1 | function 1 | data

Source: the Modbus specifications; what boards and modules do is in modbus_board.py and modbus_inputs.py. Where they say
nothing: a TCP gateway answers 0B for a unit that nobody has. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.gap import heard
from simulators.modbus_board import Board
from simulators.modbus_inputs import READ_COILS, READ_INPUTS, Module
from simulators.modbus_pdu import BUSY, NOBODY, Refused, exception
from simulators.modbus_picture import Panel, draw
from simulators.port import Gone, Wire

LONGEST_RTU, LONGEST_PDU = 256, 253
LABELS = {
    "call": "呼叫",
    "recall": "重呼",
    "start": "开始",
    "finish": "办结",
    "cancel": "取消",
    "pause": "暂停",
    "transfer": "转移",
    "miss": "弃号",
    "hold": "挂起",
    "resume": "回叫",
}
FINGERS = {"press": "按一下", "long": "长按", "tap": "一碰（短于轮询）"}


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


@dataclass(slots=True)
class Shown:
    """What a board shows, or which coils of a module are on (`01000000`), from `at` (loop time, seconds) on.

    Also noted when the same is written anew.
    """

    at: float
    unit: int
    text: str


class ModbusLine:
    """Digit boards and input modules on one line.

    Options: `framing` ("rtu", default, or "tcp"), `inputs` (unit id -> names of the buttons on its first inputs),
    `buzzer` (the coil that sounds one, on each module), `units` (ids of the digit boards; without it `addresses` that
    are no module's, or 1 when there are no modules), `digits` (of each board, default 4), `baud` (of the host's port,
    default 9600: a board set to another one hears nothing).
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        self.tcp = str(options.get("framing", "rtu")).lower() == "tcp"
        self.baud = int(options.get("baud", 9600))
        inputs = {int(unit): names for unit, names in dict(options.get("inputs", {})).items()}
        self.modules = [Module(unit, names, self.baud, options.get("buzzer")) for unit, names in inputs.items()]
        named = options.get("units", options.get("addresses")) or ([] if inputs else [1])
        units = [int(unit) for unit in named if int(unit) not in inputs]
        self.boards = [Board(unit, int(options.get("digits", 4)), self.baud) for unit in units]
        self.history: deque[Shown] = deque(maxlen=500)
        self.busy = self.unplugged = self.bounce = False
        self._wires: set[Wire] = set()

    @property
    def shown(self) -> dict[int, str]:
        """Unit id -> what can be read on the board."""
        return {board.unit: board.text for board in self.boards}

    async def talk(self, wire: Wire) -> None:
        self._wires.add(wire)
        try:
            with contextlib.suppress(Gone):
                await (self._talk_tcp(wire) if self.tcp else self._talk_rtu(wire))
        finally:
            self._wires.discard(wire)

    async def _talk_rtu(self, wire: Wire) -> None:
        """A frame is what stands between silences of 3.5 characters of 11 bits; above 19200 baud, of 1.75 ms."""
        buffer = b""
        async with contextlib.aclosing(heard(wire, max(3.5 * 11 / self.baud, 0.00175))) as pieces:
            async for data in pieces:
                buffer += data
                if data:
                    continue
                frame, buffer = buffer, b""
                if answer := self.receive_rtu(frame):
                    await wire.write(answer)

    async def _talk_tcp(self, wire: Wire) -> None:
        buffer = b""
        while True:
            buffer += await wire.read()
            while len(buffer) >= 6:
                protocol, size = struct.unpack(">HH", buffer[2:6])
                if protocol or not 2 <= size <= LONGEST_PDU + 1:
                    await wire.close()  # the end of this frame cannot be known, nor the start of the next
                    return
                if len(buffer) < 6 + size:
                    break
                frame, buffer = buffer[: 6 + size], buffer[6 + size :]
                if answer := self.receive_tcp(frame):
                    await wire.write(answer)

    def receive_rtu(self, frame: bytes) -> bytes | None:
        """What stood between two silences in; the answer, or None for silence."""
        if not 4 <= len(frame) <= LONGEST_RTU or crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return None
        answer = self._answer([each for each in self._units() if each.baud == self.baud], frame[0], frame[1:-2])
        if answer is None:
            return None
        body = frame[:1] + answer
        return body + crc16(body).to_bytes(2, "little")

    def receive_tcp(self, frame: bytes) -> bytes | None:
        """A whole frame in."""
        unit, pdu = frame[6], frame[7:]
        if unit and all(each.unit != unit for each in self._units()):
            answer: bytes | None = None if self.unplugged else exception(pdu, NOBODY)
        else:
            answer = self._answer(self._units(), unit, pdu)
        return None if answer is None else frame[:4] + struct.pack(">HB", len(answer) + 1, unit) + answer

    def _units(self) -> list[Board | Module]:
        return [*self.boards, *self.modules]

    def _answer(self, hearers: list[Board | Module], unit: int, pdu: bytes) -> bytes | None:
        """None: nobody is meant, all are (unit 0), or two answer at once and cannot be understood."""
        if self.unplugged:
            return None
        answers = [self._obey(each, pdu) for each in hearers if unit in (0, each.unit)]
        return answers[0] if unit and len(answers) == 1 else None

    def _obey(self, unit: Board | Module, pdu: bytes) -> bytes:
        try:
            if self.busy:
                raise Refused(BUSY)
            answer = unit.obey(pdu)
        except Refused as refused:
            return exception(pdu, refused.code)
        if pdu[0] not in (READ_COILS, READ_INPUTS):
            self.history.append(Shown(_now(), unit.unit, unit.text))
        return answer

    # ---- what a person does and sees

    async def power_cycle(self) -> None:
        for unit in self._units():
            unit.power_up()
        if self.tcp:
            await self.drop()

    async def drop(self) -> None:
        """Every connection ends; a serial port is away for a moment."""
        for wire in list(self._wires):
            await wire.close()

    def press(self, unit: int, name: str, kind: str = "press") -> None:
        """A finger on a button, for as long as `kind` of `SECONDS`. Raises KeyError when there is none."""
        self._module(unit).press(name, kind, self.bounce)

    def _module(self, unit: int) -> Module:
        return {each.unit: each for each in self.modules}[unit]

    def controls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": "power_cycle", "label": "断电重启"},
            {"name": "drop", "label": "断开连接"},
            {"name": "busy", "label": "一直忙", "on": self.busy},
            {"name": "unplug", "label": "拔线", "on": self.unplugged},
        ]
        if self.modules:
            found.append({"name": "bounce", "label": "触点抖动", "on": self.bounce})
        return found + [control for module in self.modules for control in _buttons(module)]

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        what, *where = name.split(":")
        if name == "power_cycle":
            return self.power_cycle()
        if name == "drop":
            return self.drop()
        if name == "busy":
            self.busy = not self.busy
        elif name == "unplug":
            self.unplugged = not self.unplugged
        elif name == "bounce":
            self.bounce = not self.bounce
        elif what == "stuck":
            contact = self._module(int(where[0])).contact(where[1])
            contact.stuck = not contact.stuck
        else:
            self.press(int(where[0]), where[1], what)
        return None

    def state(self) -> dict[str, Any]:
        return {
            "boards": [
                {"unit": each.unit, "baud": each.baud, "text": each.text, "point": each.point} for each in self.boards
            ],
            "modules": [each.state() for each in self.modules],
            "connected": bool(self._wires),
            "busy": self.busy,
            "unplugged": self.unplugged,
        }

    def picture(self) -> str:
        return draw(
            [(f"{board.unit} 号牌", board.lit) for board in self.boards], [_panel(each) for each in self.modules]
        )


def _buttons(module: Module) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for contact in module.contacts:
        place = f"{module.unit}:{contact.name}"
        label = f"{module.unit}号 {LABELS.get(contact.name, contact.name)}"
        fingers = [{"name": f"{kind}:{place}", "label": word} for kind, word in FINGERS.items()]
        fingers[0]["label"] = f"{label} {fingers[0]['label']}"
        stuck: dict[str, Any] = {"name": f"stuck:{place}", "label": "卡住", "on": contact.stuck}
        found += [each | {"group": label} for each in [*fingers, stuck]]
    return found


def _panel(module: Module) -> Panel:
    inputs = module.inputs()
    return Panel(
        unit=module.unit,
        buttons=[
            (LABELS.get(contact.name, contact.name), inputs[nth], module.coils[nth] and nth != module.buzzer)
            for nth, contact in enumerate(module.contacts)
        ],
        inputs=inputs,
        coils=module.coils,
        buzzer=None if module.buzzer is None else module.buzzing,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


SIMULATOR = ModbusLine
