"""What a device is asked to put out. State: the latest wins and is sent again when the device comes back.
Moment: has an expiry and is not repeated after it. (Jobs, the third kind, are rows: `queue.prints`.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShowText:
    """State of a window's sign."""

    device: str
    address: int
    text: str
    minimum_s: float = 0.0
    """How long it stands before the next may replace it: a call that nobody could read was no call."""


@dataclass(frozen=True, slots=True)
class ShowNumber:
    """State of a number display: the ticket in hand, or how many wait."""

    device: str
    address: int
    ticket: int | None
    waiting: int
    minimum_s: float = 0.0


State = ShowText | ShowNumber


@dataclass(frozen=True, slots=True)
class Beep:
    """Moment: "not now" at a call box."""

    device: str
    address: int
    until: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Moment: the evaluator asks for a rating."""

    device: str
    address: int
    until: int
    """UTC, milliseconds: not sent after it."""
    evaluation: str


@dataclass(frozen=True, slots=True)
class Say:
    """Moment: an announcement. One device says one after the other, with a silence between."""

    device: str
    address: int
    until: int
    text: str
    volume: int
    gap_s: float


@dataclass(frozen=True, slots=True)
class Again:
    """What stands there is sent once more, unless something new is: a press that changes nothing is answered too."""

    device: str
    address: int


@dataclass(frozen=True, slots=True)
class SetClock:
    """Moment: a terminal's clock is set to the hall's."""

    device: str
    address: int
    until: int


Moment = Beep | Ask | SetClock
