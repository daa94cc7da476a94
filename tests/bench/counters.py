"""64 boxes and evaluators on one half-duplex line of 9600 baud, and who is on the air when.

Only one may speak at a time; what two say at once is lost to both. No source says how real boxes share theirs. These
listen first and begin when it has been silent for `POLITE_S`; who had no answer within `PATIENCE_S` says it again.
Frames: FF 68 L L 68, address, function, data, sum, 16. The host's end is a pty.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from dataclasses import dataclass, field
from random import Random

from tests.bench.line import BITS
from tests.bench.report import Figures

BAUD = 9600
BYTE_S = BITS / BAUD
POLITE_S = (0.012, 0.020)
PATIENCE_S, REPEATS = 0.06, 3
THINKS_S = 0.3
"""From the question to the visitor's press."""
CALL, FINISH, EXCELLENT = 0x0C, 0x0B, 4
KEY, COMMAND, SHOW, BEEP, GRADE, ASK = 0x00, 0x01, 0x02, 0x03, 0x11, 0x0B


def build(address: int, function: int, *data: int) -> bytes:
    body = bytes([address, function, *data])
    return bytes([0xFF, 0x68, len(body), len(body), 0x68, *body, sum(body) & 0xFF, 0x16])


@dataclass(slots=True)
class Press:
    """Of a key or a grade; times are monotonic seconds."""

    due: float
    frame: bytes
    answer: bytes
    sent: int = 0
    until: float = 0.0
    """When the last byte of its last sending is out."""
    lost: bool = False
    """Somebody spoke into it."""


@dataclass
class Tally:
    """Milliseconds, except counts."""

    pressed: int = 0
    unsaid: int = 0
    """Pressed while the press before was still waiting for the line: the box forgets it."""
    unanswered: int = 0
    collisions: int = 0
    carried: int = 0
    """Bytes, of both sides."""
    seconds: float = 0.0
    """Until the last key had its echo."""
    waited: Figures = field(default_factory=Figures)
    """From the finger to the first byte on the line."""
    key: Figures = field(default_factory=Figures)
    """From the last byte of a press to the first of its echo."""
    number: Figures = field(default_factory=Figures)
    """From the last byte of the echo to the last of the number."""
    grade: Figures = field(default_factory=Figures)
    """As `key`, for a grade, which is committed first."""


class Line:
    """The line and all who are on it but the host."""

    def __init__(self, master: int, boxes: int) -> None:
        self._master, self._random = master, Random(1)
        self._boxes = range(1, boxes + 1)
        self._next = dict.fromkeys(self._boxes, CALL)
        self._buffer = b""
        self._began = self._host_until = self._air_until = time.monotonic()
        self._polite = POLITE_S[1]
        self._saying: Press | None = None
        self._waiting: deque[Press] = deque()
        self._open: dict[bytes, Press] = {}
        self._echoed: dict[int, float] = {}
        self._asked: list[tuple[float, int]] = []
        self.tally = Tally()

    def run(self, rate: float, seconds: float) -> Tally:
        """`rate` presses a second, spread over the boxes and in time; then until the line has nothing left to say."""
        self.tally = Tally()
        self._began = time.monotonic()
        presses = deque((self._began + n / rate, self._boxes[n % len(self._boxes)]) for n in range(int(rate * seconds)))
        while presses or self._waiting or self._open or self._asked or time.monotonic() < self._air_until + 0.5:
            now = time.monotonic()
            while presses and presses[0][0] <= now:
                self._finger(*presses.popleft())
            self._step(now, presses[0][0] if presses else now + 0.1)
        return self.tally

    def _step(self, now: float, until: float) -> None:
        """One thing that happens next, at `until` at the latest."""
        self._visitors(now)
        self._repeats(now)
        self._say(now)
        ends = [press.until + PATIENCE_S for press in self._open.values()] + [at for at, _ in self._asked]
        if self._saying is not None:
            ends.append(self._saying.until)
        elif self._waiting:
            ends.append(self._air_until + self._polite)
        ready, _, _ = select.select([self._master], [], [], max(0.0, min([until, *ends]) - time.monotonic()))
        if ready:
            self._hear(os.read(self._master, 4096), time.monotonic())

    # ---- who presses

    def _finger(self, due: float, box: int) -> None:
        self.tally.pressed += 1
        key = self._next[box]
        frame = build(box, KEY, key)
        if any(press.frame[5] == box and press.frame[6] == KEY for press in [*self._waiting, *self._open.values()]):
            self.tally.unsaid += 1
            return
        self._next[box] = FINISH if key == CALL else CALL
        self._waiting.append(Press(due, frame, frame))

    def _visitors(self, now: float) -> None:
        for at, box in [each for each in self._asked if each[0] <= now]:
            self._asked.remove((at, box))
            frame = build(box, GRADE, EXCELLENT)
            self._waiting.append(Press(at, frame, build(box, COMMAND, EXCELLENT)))

    def _repeats(self, now: float) -> None:
        for press in [each for each in self._open.values() if each.until + PATIENCE_S <= now]:
            del self._open[press.answer]
            if press.sent > REPEATS:
                self.tally.unanswered += 1
            else:
                self._waiting.append(press)

    def _say(self, now: float) -> None:
        """Ends the frame that is on the air, or begins one when the line has been silent long enough."""
        if self._saying is not None and self._saying.until <= now:
            press, self._saying = self._saying, None
            self._open[press.answer] = press
            if not press.lost:
                os.write(self._master, press.frame)
        if self._saying is None and self._waiting and self._air_until + self._polite <= now:
            press = self._saying = self._waiting.popleft()
            if not press.sent:
                self.tally.waited.latencies.append((now - press.due) * 1000)
            press.sent, press.lost = press.sent + 1, False
            self._air_until = press.until = now + len(press.frame) * BYTE_S
            self.tally.carried += len(press.frame)
            self._polite = self._random.uniform(*POLITE_S)

    # ---- what the host says

    def _hear(self, data: bytes, now: float) -> None:
        self._buffer += data
        while len(self._buffer) > 2 and len(self._buffer) >= (size := self._buffer[2] + 7):
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            first = max(now, self._host_until)
            last = self._host_until = first + size * BYTE_S
            self.tally.carried += size
            self._air_until = max(self._air_until, last)
            if self._saying is not None:
                self._saying.lost = True
                self.tally.collisions += 1
            else:
                self._take(frame, first, last)

    def _take(self, frame: bytes, first: float, last: float) -> None:
        box, function = frame[5], frame[6]
        press = self._open.pop(frame, None)
        if press is not None:
            figures = self.tally.grade if press.frame[6] == GRADE else self.tally.key
            figures.latencies.append((first - press.until) * 1000)
            if press.frame[6] == KEY:
                self._echoed[box] = last
                self.tally.seconds = last - self._began
        elif function in (SHOW, BEEP) and box in self._echoed:
            self.tally.number.latencies.append((last - self._echoed.pop(box)) * 1000)
        elif (function, frame[7]) == (COMMAND, ASK):
            self._asked.append((last + THINKS_S, box))
