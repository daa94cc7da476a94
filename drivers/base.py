"""What every device family agrees on: events, capabilities, the slip, and four errors.

A driver is one file. Its codec comes first (pure functions and a `Decoder.feed`), then one `Device`
subclass. A driver creates no task: whoever iterates `events()` lends it the loop, and commands run in
another task and never wait on that iterator. One exchange at a time; an exchange that times out or is
cancelled closes the link, because late replies answer the next question.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

# ---- errors: named by what the caller does next


class DeviceError(Exception):
    """Base of the four errors a driver may raise; the text is for engineers."""


class Unreachable(DeviceError):
    """Nobody answers, or the line is gone: try again later."""


class Misconfigured(DeviceError):
    """Trying again will not help until a person changes the hall file or the device."""


class ProtocolError(DeviceError):
    """The bytes make no sense: count it and connect anew."""


class Rejected(DeviceError):
    """The device understood and said no: the caller decides.

    `reason` is a stable word such as `paper_out`, `cover_open`, `busy`, `no_font`.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


# ---- links: what a driver sees of the outside


class Link(Protocol):
    """An open byte pipe. Any chunking is possible; `b""` is never returned."""

    async def read(self) -> bytes:
        """At least one byte, as soon as there is one. Raises `Unreachable` when the line is gone."""

    async def write(self, data: bytes) -> None:
        """Returns when the bytes are handed to the line. Raises `Unreachable` when it is gone."""

    async def close(self) -> None:
        """Never raises; a second close does nothing."""


@runtime_checkable
class Caller(Protocol):
    """A link on which the device called us, and must say who it is."""

    async def admit(self, name: str, secret: str) -> bool:
        """Whether whoever has this secret may be this device."""


Opener = Callable[[], Awaitable[Link]]

# ---- events: what a device tells of its own accord


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key of a call box. The link-level echo has been sent when this is yielded."""

    address: int
    key: str
    """`call recall start finish cancel pause transfer miss hold resume sign_in sign_out`, or `key_XX` (hex) when the
    key map lacks it."""
    digits: tuple[int, ...] = ()
    """What was typed before it: a ticket's number with `call`, where to with `transfer`, 工号 with `sign_in`."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A press on an evaluator. Acknowledged on the wire only when the next event is asked for."""

    address: int
    grade: int
    """The device's own number; the hall file maps it to a level."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something about the device itself that a person should know, or that it is over."""

    name: str
    """`paper_low paper_out cover_open cutter_error offline stuck_key no_sim no_signal ...`"""
    active: bool


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a resident identity card says of its holder, as far as the hall needs it. Never printed by accident."""

    name: str = field(repr=False)
    number: str = field(repr=False)
    """公民身份号码, 18 characters; its checksum and date have been checked."""
    born: date = field(repr=False)
    sex: Literal["male", "female", "unknown"] = field(repr=False)
    valid_until: date | None = field(repr=False)
    """None: 长期."""


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card was laid on the reader and read. Told once for each time that it is laid on."""

    address: int
    card: IdCard


@dataclass(frozen=True, slots=True)
class CardUnread:
    """A card was laid on the reader and could not be read."""

    address: int
    reason: Literal["unreadable", "unsupported_document", "bad_number"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The network tells what became of a message that was sent."""

    reference: str
    """As `Messenger.send_text` gave it."""
    delivered: bool
    detail: str = ""


Direction = Literal["in", "out", "unknown"]
Mode = Literal["face", "fingerprint", "palm", "card", "password", "unknown"]


@dataclass(frozen=True, slots=True)
class Punched:
    """A record of an attendance terminal (打卡机). Acknowledged, if the wire can, when the next event is asked for."""

    person: str
    """工号 as the terminal has it."""
    clock: datetime
    """What the terminal's clock showed: its local time, without a zone."""
    sequence: str
    """Tells apart what one person did in one second, and is the same whenever the record is read again."""
    bookmark: str
    """Where to go on after this record; the driver's own words, given back as `Device.bookmark`."""
    direction: Direction = "unknown"
    mode: Mode = "unknown"
    live: bool = False
    """Told as it happened; False: read from the terminal's memory."""


@dataclass(frozen=True, slots=True)
class Punches:
    """Records that were read together, oldest first: stored in one transaction, and acknowledged as one `Punched`."""

    records: tuple[Punched, ...]

    @property
    def bookmark(self) -> str:
        return self.records[-1].bookmark


def together(records: Iterable[Punched], most: int = 256) -> Iterator[Punches]:
    """All of them in turn, so few at once that nobody at a window waits long for the writer."""
    rest = iter(records)
    while batch := tuple(islice(rest, most)):
        yield Punches(batch)


@dataclass(frozen=True, slots=True)
class ClockRead:
    """How far the terminal's clock was from ours when it was read."""

    offset_s: float
    """Seconds; positive when the terminal is ahead."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """Biometric data, photos or card tables came and were thrown away unread."""

    kind: str
    count: int


TerminalEvent = Punched | Punches | ClockRead | Discarded
DeviceEvent = KeyPressed | Graded | CardRead | CardUnread | Delivered | TerminalEvent | Condition

# ---- the slip: what a printer is asked to put on paper


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    size: int = 1
    """Magnification of the printer's base font in both directions, 1 to 4."""
    align: Literal["left", "center", "right"] = "left"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Qr:
    data: str
    module: int = 6
    """Dots per module."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One piece of paper, top to bottom; it is cut at the end."""

    parts: tuple[Text | Qr | Rule, ...]


PrintOutcome = Literal["printed", "unknown"]

# ---- capabilities: one to four methods each; `address` is the place on a shared line, 0 where there is one device


@runtime_checkable
class Printer(Protocol):
    async def print(self, slip: Slip) -> PrintOutcome:
        """`printed` when the printer itself said the job is done, `unknown` when bytes went out and no word came back.

        Raises one of the four errors only when no byte of the job was sent.
        """


@runtime_checkable
class TextScreen(Protocol):
    async def show(self, address: int, text: str) -> None:
        """Replaces what the screen shows. Returns when the screen acknowledged it."""


@runtime_checkable
class NumberDisplay(Protocol):
    async def show_number(self, address: int, ticket: int | None, waiting: int) -> None:
        """Shows the ticket in hand (its digits), or how many wait when there is none."""

    async def beep(self, address: int) -> None: ...


@runtime_checkable
class Evaluator(Protocol):
    async def invite(self, address: int, evaluation: str = "") -> None:
        """Asks the visitor for a rating. `evaluation` names it, for devices that open a page of ours."""


@dataclass(frozen=True, slots=True)
class Speech:
    """One announcement, as it is to be heard."""

    text: str
    """Digits already spelt as people read them: `请A零零一号到三号窗口`."""
    volume: int = 80
    """0 to 100 of what the device can do."""


@runtime_checkable
class Voice(Protocol):
    async def say(self, address: int, speech: Speech) -> None:
        """Returns when it has been spoken, or could not be within its computed longest time."""


@runtime_checkable
class Messenger(Protocol):
    async def send_text(self, number: str, text: str) -> str:
        """Hands one message, in as many parts as it needs, to the network; returns its reference for `Delivered`.

        `number` is a mobile number as a visitor types it, `13800138000` or `+8613800138000`. Raises `Rejected` when
        the network said no, and `Unreachable` or `ProtocolError` when nobody knows whether the message went out.
        """


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A person as a terminal knows them; never a template, only whether there is one."""

    person: str
    name: str = field(default="", repr=False)
    enabled: bool = True
    card: str = field(default="", repr=False)
    modes: tuple[Mode, ...] = ()
    """What they can identify themselves with there, as far as the terminal tells."""


@runtime_checkable
class Terminal(Protocol):
    async def set_clock(self, local: datetime) -> None:
        """Sets the terminal's clock to this local time."""

    async def people(self) -> list[Enrolled]: ...

    async def write_person(self, person: Enrolled) -> None:
        """Adds or changes; what identifies them there stays as it is."""

    async def remove_person(self, person: str) -> None: ...


# ---- the device


@dataclass(slots=True)
class Counters:
    """What has happened on this connection's wire since the device object was made."""

    bytes_in: int = 0
    bytes_out: int = 0
    frames_in: int = 0
    garbage: int = 0
    """Bytes thrown away because they were no frame."""
    bad_frames: int = 0
    """Frames with a wrong length, checksum or end."""


@dataclass(slots=True)
class Device(ABC):
    """One device, or one shared line with many of them. `async with` it, then iterate `events()`."""

    opener: Opener
    options: Mapping[str, Any] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    bookmark: str = ""
    """Of the last `Punched` that was stored, "" for none: memory is read from there on."""
    TELLS: ClassVar[tuple[type, ...]] = ()
    """Which events of people it can tell: a call box tells `KeyPressed`, a card reader `CardRead`."""
    OPTIONS: ClassVar[Mapping[str, type]] = {}
    """Options the hall file may give this family, with their types; any other key refuses to start."""

    _link: Link | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self._link = await self.opener()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def hang_up(self) -> None:
        """Closes the link: the next read or write raises `Unreachable`."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    @property
    def link(self) -> Link:
        if self._link is None:
            raise Unreachable("the link is closed")
        return self._link

    async def receive(self) -> bytes:
        data = await self.link.read()
        self.counters.bytes_in += len(data)
        return data

    async def send(self, data: bytes) -> None:
        await self.link.write(data)
        self.counters.bytes_out += len(data)

    @property
    def evidence(self) -> str | None:
        """What the bytes rest on, where that differs from device to device of the family; ops shows it."""
        return None

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        """Why, with these options, the class's capability is not to be had there, for `hall-edge check`; None: it is.

        Raises `Misconfigured` when the options themselves are wrong.
        """
        return None

    @abstractmethod
    def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """Endless; ends only by one of the four errors. Asking for the next event acknowledges the last."""
