"""A USB keypad or evaluator of the keyboard kind, as a pipe of its boot reports. Not proven on hardware.

    modifiers 1 | 00 | usages of the keys that are down, in the order in which they went down, then 00: 6

A report is sent when something changes, and again after each 0.1 s in which nothing did while a key is down; more than
six keys are 01 six times. Usages: 1E to 27 are 1 to 9 and 0, 28 is Enter; of the number block 55 is *, 57 +, 58 Enter,
59 to 62 are 1 to 9 and 0. What the host says, its lights, is ignored.

Source: the usage tables and the boot protocol of USB HID. Chosen here: the 0.1 s, a press of 80 ms, and that a bouncing
key makes and breaks twice in 16 ms before it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from simulators.hid_picture import FACES, draw
from simulators.port import Gone, Wire

USAGES = {str(digit): 0x1D + digit for digit in range(1, 10)} | {"0": 0x27, "Enter": 0x28, "*": 0x55, "+": 0x57}
USAGES |= {f"KP{digit}": 0x58 + digit for digit in range(1, 10)} | {"KP0": 0x62, "KPEnter": 0x58}
NUMBER_BLOCK = [*(f"KP{digit}" for digit in range(10)), "*", "+", "KPEnter"]
TOO_MANY, MOST = 0x01, 6
LEFT_SHIFT = 0x02
REPEAT, PRESS, BOUNCE, BOUNCES = 0.1, 0.08, 0.004, 2  # seconds, seconds, seconds, times
LIT = 1.0  # seconds that the picture shows a press
SWITCHES = {"stuck": "按键卡住", "bounce": "按键抖动", "shift": "按住 Shift", "unplug": "拔线"}


class Keypad:
    """`press` is what a visitor does; the keys are never locked.

    Option: `keys`, a list of names of `USAGES`, or a text when each is one letter; "keypad" is the number block.
    Names that it does not know are left out. Default, also when none is left, "12345": five faces.
    """

    def __init__(self, device_id: str, options: Mapping[str, Any]) -> None:
        self.device_id = device_id
        wanted = options.get("keys", FACES)
        known = NUMBER_BLOCK if wanted == "keypad" else [str(key) for key in wanted if str(key) in USAGES]
        self.keys = list(known or FACES)
        self.on = dict.fromkeys(SWITCHES, False)
        """The switches of the page."""
        self.down: list[str] = []
        self.presses = 0
        self.history: deque[tuple[float, str]] = deque(maxlen=500)
        """Loop time and the key that was pressed."""
        self._stuck = ""
        self._said = 0.0
        """Loop time of the last report of a change."""
        self._wires: set[Wire] = set()
        self._held = asyncio.Event()

    # ---- the wire

    async def talk(self, wire: Wire) -> None:
        if self.on["unplug"]:
            await wire.close()
            return
        self._wires.add(wire)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ignore(wire))
                group.create_task(self._repeat(wire))
        except* Gone:
            pass
        finally:
            self._wires.discard(wire)

    async def _ignore(self, wire: Wire) -> None:
        while True:
            await wire.read()

    async def _repeat(self, wire: Wire) -> None:
        repeated = 0.0
        while True:
            await self._held.wait()
            said = self._said
            await asyncio.sleep(max(said, repeated) + REPEAT - _now())
            if self._said == said and self._held.is_set():
                repeated = _now()
                await wire.write(self.report())

    def report(self) -> bytes:
        usages = [USAGES[key] for key in self.down]
        if len(usages) > MOST:
            usages = [TOO_MANY] * MOST
        return bytes([LEFT_SHIFT * self.on["shift"], 0, *usages]).ljust(2 + MOST, b"\0")

    async def _say(self) -> bool:
        """False when there is nobody to hear it."""
        self._said = _now()
        heard = False
        for wire in list(self._wires):
            with contextlib.suppress(Gone):
                await wire.write(self.report())
                heard = True
        return heard

    # ---- what people do and see

    async def move(self, *, down: Iterable[str] = (), up: Iterable[str] = ()) -> bool:
        """Keys go down or up; a stuck one stays down. False when there is nobody to hear it."""
        before, risen = self.down, {*up} - {self._stuck}
        self.down = [key for key in before if key not in risen]
        self.down += [key for key in down if key not in before]
        if self.down:
            self._held.set()
        else:
            self._held.clear()
        return await self._say() if self.down != before else bool(self._wires)

    async def press(self, *keys: str, seconds: float = PRESS) -> bool:
        """Presses keys at once, and lets go of them; False when there was nobody to hear it.

        Raises KeyError for a key that it does not have.
        """
        if unknown := {*keys} - {*self.keys}:
            raise KeyError(*unknown)
        self.presses += 1
        self.history += [(_now(), key) for key in keys]
        for _ in range(BOUNCES if self.on["bounce"] else 0):
            await self.move(down=keys)
            await asyncio.sleep(BOUNCE)
            await self.move(up=keys)
            await asyncio.sleep(BOUNCE)
        heard = await self.move(down=keys)
        await asyncio.sleep(seconds)
        await self.move(up=keys)
        return heard

    def controls(self) -> list[dict[str, Any]]:
        switches: list[dict[str, Any]] = [
            {"name": name, "label": label, "on": self.on[name]} for name, label in SWITCHES.items()
        ]
        several = [("two", "两键同按"), ("palm", "手掌压住")]
        caps = [key.removeprefix("KP") for key in self.keys]
        words = FACES if caps == list(FACES) else {}
        keys = [
            {"name": f"key:{key}", "label": words.get(cap, cap), "group": "按键"}
            for key, cap in zip(self.keys, caps, strict=True)
        ]
        return switches + [{"name": name, "label": label} for name, label in several] + keys

    def control(self, name: str) -> Awaitable[None] | None:
        """Raises KeyError for a name that `controls` does not list."""
        if name not in [each["name"] for each in self.controls()]:
            raise KeyError(name)
        if name in SWITCHES:
            return self._switch(name)
        if name in ("two", "palm"):
            return self._press(self.keys if name == "palm" else self.keys[:1] + self.keys[1:][-1:])
        return self._press([name.removeprefix("key:")])

    async def _press(self, keys: Iterable[str]) -> None:
        await self.press(*keys)

    def _switch(self, name: str) -> Awaitable[None] | None:
        self.on[name] = not self.on[name]
        if name == "bounce":
            return None
        return {"stuck": self._stick, "shift": self._shift, "unplug": self._unplug}[name]()

    async def _shift(self) -> None:
        await self._say()

    async def _unplug(self) -> None:
        wires = list(self._wires) if self.on["unplug"] else []
        self._wires.difference_update(wires)
        for wire in wires:
            await wire.close()

    async def _stick(self) -> None:
        """The key that was pressed last stays down, or comes up again."""
        stuck, self._stuck = self._stuck, ""
        if self.on["stuck"]:
            self._stuck = self.history[-1][1] if self.history else self.keys[0]
            await self.move(down=[self._stuck])
        else:
            await self.move(up=[stuck])

    def state(self) -> dict[str, Any]:
        return {
            "keys": self.keys,
            "down": self.down,
            "report": self.report().hex(" ").upper(),
            "presses": self.presses,
            "connected": bool(self._wires),
            **self.on,
        }

    def picture(self) -> str:
        now = _now()
        return draw(self.keys, {*self.down, *(key for at, key in self.history if now - at < LIT)})


def _now() -> float:
    return asyncio.get_running_loop().time()


SIMULATOR = Keypad
