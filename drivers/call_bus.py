"""The FF 68 bus: call boxes (呼叫器), number displays and evaluators (评价器) on one RS485 line, 9600 8N1.

    FF 68 | L | L | 68 | address | function | data (L-2) | sum8 of address..data | 16

    box -> us        function not 11     digits typed before, then the key     we echo the frame at once
    evaluator -> us  function 11         grade                                 we answer the same with function 01
    us -> device     02 six digits (0A = blank) | 03 beep | 01 0B start evaluation          nobody answers

Evaluators use the box's address or 80 + address. There is no poll: a healthy line may be silent all day.

Source: two unrelated public queue systems, JackQChen/QueueSystem (CallSystem/frmMain.cs) and uvbs/HospitalQueueSystem
(NurseStation/com); no vendor manual is public. Both build every frame from variables, so its tests hold only computed
frames. The function byte of real key frames is stated in neither. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from drivers.base import Condition, Device, DeviceEvent, Graded, KeyPressed, Misconfigured, ProtocolError, Unreachable

# ---- codec

COMMAND, SHOW, BEEP, GRADE = 0x01, 0x02, 0x03, 0x11
START_EVALUATION = b"\x0b"
BLANKS = b"\x0a\x0a\x0a"


@dataclass(frozen=True, slots=True)
class Frame:
    address: int
    function: int
    data: bytes = b""


def encode(frame: Frame) -> bytes:
    body = bytes([frame.address, frame.function]) + frame.data
    return bytes([0xFF, 0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


class Decoder:
    """Finds frames of at most `max_length` (the byte L) between any bytes.

    A frame that turns out wrong gives up only its first byte: the next true one may have begun inside it. So the
    smaller `max_length`, the less a false start can delay.
    """

    def __init__(self, max_length: int = 5) -> None:
        self.garbage = 0
        self.bad_frames = 0
        self._max = max_length
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        self._buffer += data
        while self._buffer:
            size = self._size()
            if size is not None and len(self._buffer) < size:
                break
            if size is not None and self._sound(size):
                frames.append(Frame(self._buffer[5], self._buffer[6], bytes(self._buffer[7 : size - 2])))
                del self._buffer[:size]
                continue
            self.bad_frames += size is not None
            self.garbage += 1
            del self._buffer[0]
        return frames

    def forget(self) -> None:
        """Drops a frame that has begun."""
        self.garbage += len(self._buffer)
        self._buffer.clear()

    def _size(self) -> int | None:
        """How many bytes the frame at the front needs, as far as is known yet; None when it is no frame."""
        head = bytes(self._buffer[:5])
        length = head[2] if len(head) > 2 else 2
        if not 2 <= length <= self._max or not bytes([0xFF, 0x68, length, length, 0x68]).startswith(head):
            return None
        return length + 7

    def _sound(self, size: int) -> bool:
        return self._buffer[size - 1] == 0x16 and sum(self._buffer[5 : size - 2]) & 0xFF == self._buffer[size - 2]


# ---- codec: keys

LONGEST = {"hall": 9, "slz": 12}
"""The largest L of a box's frame: before the key a number of as many digits as the display has, or a 工号."""
KEYS: Mapping[str, Mapping[int, str]] = {
    "hall": {0x0B: "finish", 0x0C: "call", 0x0D: "recall", 0x0E: "cancel", 0x12: "pause", 0x13: "transfer"},
    "slz": {0x0A: "transfer", 0x0B: "finish", 0x0C: "call", 0x0D: "recall", 0x0E: "cancel"},
}
CHORDS: Mapping[str, Mapping[bytes, str]] = {
    "hall": {b"\x06\x0f": "miss", b"\x00\x0f": "hold", b"\x03\x0f": "resume"},
    "slz": {
        b"\x05\x0f": "miss",
        b"\x00\x0f": "pause",
        b"\x04\x0f": "sign_out",
        b"\x00\x0b": "key_0B",  # "prepare the next"
    },
}
"""A digit that chooses what the key means; it is not told as a digit."""


def key(profile: str, data: bytes) -> tuple[str, tuple[int, ...]]:
    """The name of the key at the end of `data`, and the digits typed before it."""
    if data in CHORDS[profile]:
        return CHORDS[profile][data], ()
    if max(data[:-1], default=0) > 9:
        return f"key_{data[-1]:02X}", ()
    if profile == "slz" and data[-1] == 0x0F and len(data) > 2:
        return "sign_in", tuple(data[:-1])
    return KEYS[profile].get(data[-1], f"key_{data[-1]:02X}"), tuple(data[:-1])


def number(ticket: int | None, waiting: int) -> bytes:
    """Six digits: blanks and the last three of the ticket, or how many wait (at most 999) and blanks."""
    if ticket is None:
        return _digits(min(max(waiting, 0), 999)) + BLANKS
    return BLANKS + _digits(ticket % 1000)


def _digits(value: int) -> bytes:
    return bytes(int(digit) for digit in f"{value:03d}")


# ---- device

BYTE_S = 10 / 9600
"""A byte on the air. The kernel takes bytes faster than that: without counting, an echo would queue behind displays."""
PATIENCE_S = 0.5
"""A line that never falls silent is written to after this."""
WRITE_S = 2.0
OWN_S = 0.25
"""How long our own bytes may take to come back from a two-wire adapter."""
SILENCE_S = 0.5
"""Within a frame: far more than any adapter holds bytes back. What comes after it is not the rest of that frame."""
BABBLE = 16384
"""Bytes without one sound frame after which this is no such line: a wrong baud rate, another kind of device."""
STUCK_S = 10.0
"""A key that repeats for so long is stuck, and a person must look."""
MAX_REPEATS = 10
"""A frame repeated more often gets no answer: a stuck key, or an adapter that returns our echo to us for ever."""


@dataclass(slots=True)
class _Seen:
    """The last key, or the last grade, of one address."""

    frame: Frame
    at: float
    since: float
    answered: bool = False
    repeats: int = 0


@dataclass(slots=True)
class CallBus(Device):
    """The shared line. The capabilities are `NumberDisplay` and `Evaluator`; an address is that of the box.

    A key is echoed before it is told. A grade is acknowledged when the next event is asked for, so an evaluator
    repeats what was not stored. An identical frame within `repeat_ms` is a repeat: answered, not told again.
    """

    TELLS: ClassVar[tuple[type, ...]] = (KeyPressed, Graded)
    OPTIONS: ClassVar[Mapping[str, type]] = {
        "keys": str,
        "max_length": int,
        "evaluator_offset": int,
        "repeat_ms": int,
        "gap_ms": int,
        "echo": bool,
    }

    ignored: int = field(default=0, init=False)
    """Sound frames without a meaning, and our own that came back."""
    repeated: int = field(default=0, init=False)
    """Repeats of a key or a grade that was told before."""
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _line: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _queue: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _free_at: float = field(default=0.0, init=False)
    _heard_at: float = field(default=0.0, init=False)
    _nonsense: int = field(default=0, init=False)
    _seen: dict[tuple[int, bool], _Seen] = field(default_factory=dict, init=False)
    _held: dict[int, _Seen] = field(default_factory=dict, init=False)
    _sent: deque[tuple[Frame, float]] = field(default_factory=lambda: deque(maxlen=16), init=False)

    def __post_init__(self) -> None:
        if self._keys not in KEYS:
            raise Misconfigured(f"keys is one of {', '.join(KEYS)}")
        if self._offset not in (0, 0x80):
            raise Misconfigured("evaluator_offset is 0 or 128")
        longest = int(self.options.get("max_length", LONGEST[self._keys]))
        if not 3 <= longest <= 0xFF:
            raise Misconfigured("max_length is 3 to 255")
        # Our own number frames have length 8: where they come back they are to be known.
        self._decoder = Decoder(max(longest, 8) if self.options.get("echo") else longest)

    async def show_number(self, address: int, ticket: int | None, waiting: int) -> None:
        await self._command(self._to(address, SHOW, number(ticket, waiting)))

    async def beep(self, address: int) -> None:
        await self._command(self._to(address, BEEP))

    async def invite(self, address: int, evaluation: str = "") -> None:
        await self._command(self._to(address + self._offset, COMMAND, START_EVALUATION))

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Keys and grades as they come; a silent line yields nothing and is no fault."""
        while True:
            frames = await self._frames()
            for address in self._released():
                yield Condition(_stuck(address), False)
            for frame in frames:
                event = await self._news(frame)
                if event is None:
                    continue
                yield event
                if isinstance(event, Graded):
                    await self._answer(frame)
                self._seen[_place(frame)].answered = True
                # What the box repeated while the hall was busy with the event is still to be read.
                self._seen[_place(frame)].at = _now()

    async def _news(self, frame: Frame) -> KeyPressed | Graded | Condition | None:
        """What is to be told, a key echoed already; None for a repeat, which is answered here, or for no meaning."""
        event = self._meaning(frame)
        if event is None:
            self.ignored += 1
            return None
        seen = self._recall(frame)
        if seen.answered:
            self.repeated += 1
            if seen.repeats <= MAX_REPEATS:
                await self._answer(frame)
            if _now() - seen.since < STUCK_S or self._box(frame) in self._held:
                return None
            self._held[self._box(frame)] = seen
            return Condition(_stuck(self._box(frame)), True)
        if isinstance(event, KeyPressed):
            await self._answer(frame)
            seen.answered = True
        return event

    async def _frames(self) -> list[Frame]:
        """Frames of others; our own are dropped. Raises `ProtocolError` when all is nonsense."""
        try:
            async with asyncio.timeout(SILENCE_S if self._held else None):
                data = await self.receive()
        except TimeoutError:
            return []
        self._free_at = max(self._free_at, _now() + self._gap_s)
        if _now() - self._heard_at > SILENCE_S:
            self._decoder.forget()
        self._heard_at = _now()
        frames = self._decoder.feed(data)
        self._nonsense = 0 if frames else self._nonsense + len(data)
        self.counters.frames_in += len(frames)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames
        if self._nonsense > BABBLE:
            await self.hang_up()
            raise ProtocolError(f"{self._nonsense} bytes and no frame")
        return [frame for frame in frames if not self._is_own(frame)]

    def _released(self) -> list[int]:
        """The boxes whose stuck key has fallen silent, or says something else now."""
        free = [address for address, seen in self._held.items() if _now() - seen.at >= SILENCE_S]
        self._held = {address: seen for address, seen in self._held.items() if address not in free}
        return free

    def _is_own(self, frame: Frame) -> bool:
        recent = [sent for sent in self._sent if sent[1] > _now() - OWN_S]
        mine = next((sent for sent in recent if sent[0] == frame), None)
        if mine is not None:
            recent.remove(mine)
            self.ignored += 1
        self._sent = deque(recent, maxlen=self._sent.maxlen)
        return mine is not None

    def _meaning(self, frame: Frame) -> KeyPressed | Graded | None:
        if frame.function != GRADE:
            return KeyPressed(frame.address, *key(self._keys, frame.data)) if frame.data else None
        if len(frame.data) != 1 or frame.address < self._offset:
            return None
        return Graded(self._box(frame), frame.data[0])

    def _box(self, frame: Frame) -> int:
        """The address of the box that the frame is from, or whose evaluator it is from."""
        return frame.address - (self._offset if frame.function == GRADE else 0)

    def _recall(self, frame: Frame) -> _Seen:
        """The memory of this frame if it is a repeat, else a new one."""
        place, now = _place(frame), _now()
        seen = self._seen.get(place)
        if seen is None or seen.frame != frame or now - seen.at > self.options.get("repeat_ms", 300) / 1000:
            seen = self._seen[place] = _Seen(frame, now, now)
        seen.repeats += seen.answered
        seen.at = now
        return seen

    def _to(self, address: int, function: int, data: bytes = b"") -> Frame:
        if not 0 <= address <= 0xFF:
            raise Misconfigured(f"address {address}: the bus has one byte for it")
        return Frame(address, function, data)

    # Two locks order the line: displays keep their order in `_queue`, and hold `_line` only while they write into
    # silence; so an answer, which holds `_line` while it waits for that silence, waits for one frame at most.

    async def _answer(self, frame: Frame) -> None:
        """Echoes a key, acknowledges a grade."""
        answer = Frame(frame.address, COMMAND, frame.data) if frame.function == GRADE else frame
        give_up = _now() + PATIENCE_S
        async with self._line:
            await asyncio.sleep(self._wait_s(give_up))
            # Boxes repeat with the same bytes as our echo: only where the line returns them is one taken for ours.
            await self._put(answer, own=frame.function == GRADE or bool(self.options.get("echo")))

    async def _command(self, frame: Frame) -> None:
        async with self._queue:
            give_up = _now() + PATIENCE_S
            while not await self._put_into_silence(frame, give_up):
                pass

    async def _put_into_silence(self, frame: Frame, give_up: float) -> bool:
        """False when somebody else was on the air first."""
        await asyncio.sleep(self._wait_s(give_up))
        async with self._line:
            if self._wait_s(give_up) > 0:
                return False
            await self._put(frame, own=True)
            return True

    def _wait_s(self, give_up: float) -> float:
        wait = min(self._free_at, give_up) - _now()
        return wait if wait > 1e-4 else 0.0

    async def _put(self, frame: Frame, *, own: bool) -> None:
        raw = encode(frame)
        if own:
            self._sent.append((frame, _now()))
        try:
            async with asyncio.timeout(WRITE_S):
                await self.send(raw)
        except TimeoutError as error:
            await self.hang_up()
            raise Unreachable(f"the line took no bytes for {WRITE_S:g} s") from error
        except asyncio.CancelledError:
            await self.hang_up()  # half a frame may be out
            raise
        self._free_at = max(self._free_at, _now()) + len(raw) * BYTE_S + self._gap_s

    @property
    def _keys(self) -> str:
        return str(self.options.get("keys", "hall"))

    @property
    def _offset(self) -> int:
        return int(self.options.get("evaluator_offset", 0))

    @property
    def _gap_s(self) -> float:
        return float(self.options.get("gap_ms", 5)) / 1000


def _place(frame: Frame) -> tuple[int, bool]:
    """A box and its evaluator may share an address."""
    return frame.address, frame.function == GRADE


def _stuck(address: int) -> str:
    return f"stuck_key_{address}" if address else "stuck_key"


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = CallBus
