"""A device that is described rather than programmed: `config/profiles/<name>.toml` says how it talks.

    link bytes -> frames (profile_frames.Decoder) -> rules -> keys, grades, conditions | answers, busy, idle
    show, show_number, beep, invite, say, stop -> template -> frame

The language is in `drivers.profile_language`; a profile says how well its facts are known (`evidence`). Source of the
shipped ones: named in each. Not proven on hardware.

Whoever waits for bytes reads them for all: `events()` and a command that waits for its answer take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, ClassVar, TypeVar

from drivers.base import (
    Condition,
    Device,
    DeviceEvent,
    Evaluator,
    Graded,
    KeyPressed,
    Misconfigured,
    NumberDisplay,
    Rejected,
    Speech,
    TextScreen,
    Unreachable,
    Voice,
)
from drivers.profile_file import PROFILES, load_profile, profile_path
from drivers.profile_frames import (
    Decoder,
    Heard,
    Values,
    characters,
    charset_of,
    escaped,
    explain,
    interpret,
    pack,
    render,
    with_volume,
)
from drivers.profile_language import Gap, Profile, Say, Template, Verb

__all__ = ["DEVICE", "PROFILES", "FrameProfile", "Profile", "explain", "load_profile", "profile_path"]

WRITE_S = 2.0
OWN_S = 0.25
"""How long our own bytes may take to come back from a two-wire adapter."""
START_S = 2.0
"""How long a voice may take to begin and to end, besides its characters."""
STALE_S = 0.5
"""Silence after which a frame that has begun will not be finished."""
INBOX = 32
"""Events that may wait while the hall is busy with one."""
MAX_REPEATS = 10
"""A frame repeated more often gets no answer: a stuck key, or an adapter that returns our echo to us for ever."""


V = TypeVar("V", bound=Verb)


@dataclass(slots=True)
class _Told:
    """An event that was passed on."""

    at: float
    repeats: int = 0


VERBS: dict[type, str] = {TextScreen: "show", NumberDisplay: "show_number", Evaluator: "invite", Voice: "say"}


@dataclass(slots=True)
class FrameProfile(Device):
    """The capabilities are `TextScreen`, `NumberDisplay`, `Evaluator` and `Voice`, as far as the profile has the verb.

    A key is acknowledged before it is told, a grade when the next event is asked for. What repeats within the
    profile's `repeat_ms` is acknowledged and not told again. `seconds` is how long an evaluator waits for a press.
    """

    TELLS: ClassVar[tuple[type, ...]] = (KeyPressed, Graded)
    OPTIONS: ClassVar[Mapping[str, type]] = {"profile": str, "seconds": int}

    profile: Profile = field(init=False)
    ignored: int = field(default=0, init=False)
    """Frames that no rule matches, and events that nobody took in time."""
    repeated: int = field(default=0, init=False)
    replaced: int = field(default=0, init=False)
    """Characters that the device cannot show as written, or that were too many."""
    unanswered: int = field(default=0, init=False)
    """Announcements of which the device never said that they were over."""
    _decoder: Decoder = field(init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _command: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _line: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _free_at: float = field(default=0.0, init=False)
    _inbox: deque[Heard] = field(default_factory=deque, init=False)
    _answers: deque[Heard] = field(default_factory=lambda: deque(maxlen=16), init=False)
    _told: dict[DeviceEvent, _Told] = field(default_factory=dict, init=False)
    _own: bytearray = field(default_factory=bytearray, init=False)
    _own_until: float = field(default=0.0, init=False)

    @property
    def evidence(self) -> str | None:
        return self.profile.evidence

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        profile = load_profile(profile_path(str(options.get("profile", ""))))
        if capability is KeyPressed:  # a call box may be buttons without a display, or a display without buttons
            fits = profile.tells("key") or "show_number" in profile.verbs
            return None if fits else "its profile has neither a rule with event = 'key' nor [transmit.show_number]"
        verb = VERBS.get(capability)
        return None if verb is None or verb in profile.verbs else f"its profile has no [transmit.{verb}]"

    def __post_init__(self) -> None:
        if "profile" not in self.options:
            raise Misconfigured("frame_profile: the option profile is missing")
        self.profile = load_profile(profile_path(str(self.options["profile"])))
        if not 1 <= self._seconds <= 255:
            raise Misconfigured("frame_profile: seconds is 1 to 255")
        self._decoder = Decoder(self.profile)

    # ---- capabilities: each raises `Rejected` for a verb that the profile lacks, `Misconfigured` for a number too big

    async def show(self, address: int, text: str) -> None:
        """Cuts what is longer than the profile's `max_bytes`. Returns on the answer, where the profile has one."""
        verb = self._has("show", self.profile.transmit.show)
        codes, missing = characters(text, charset_of(verb), verb.after_each)
        codes = codes or characters(" ", charset_of(verb), verb.after_each)[0]
        shown = pack(codes, verb.max_bytes)[0]
        self.replaced += missing + len(codes) - len(shown)
        await self._do(verb, verb.frame, {"address": address, "text": b"".join(shown)})

    async def show_number(self, address: int, ticket: int | None, waiting: int) -> None:
        """The last `digits` digits of the ticket, or how many wait, at most what `digits` can show.

        Buttons without a display show nothing.
        """
        if self.profile.transmit.show_number is None and self.profile.tells("key"):
            return
        verb = self._has("show_number", self.profile.transmit.show_number)
        if ticket is not None:
            await self._do(verb, verb.frame, {"address": address, "number": ticket % 10**verb.digits}, verb.digits)
            return
        frames = [verb.waiting] if verb.waiting is not None else verb.frame
        number = min(max(waiting, 0), 10**verb.digits - 1)
        await self._do(verb, frames, {"address": address, "number": number}, verb.digits)

    async def beep(self, address: int) -> None:
        verb = self._has("beep", self.profile.transmit.beep)
        await self._do(verb, verb.frame, {"address": address})

    async def invite(self, address: int, evaluation: str = "") -> None:
        verb = self._has("invite", self.profile.transmit.invite)
        await self._do(verb, verb.frame, {"address": address, "seconds": self._seconds})

    async def say(self, address: int, speech: Speech) -> None:
        """Long texts go out in pieces. Waits for each until the device is idle, or as long as it can take at most.

        Raises `Rejected("busy")` when the device refused a piece twice.
        """
        verb = self._has("say", self.profile.transmit.say)
        tag, text = with_volume(verb, speech)
        codes, missing = characters(text, charset_of(verb))
        self.replaced += missing
        async with self._command, self._whole():
            for piece in pack(codes, verb.max_bytes - len(tag)) if codes else []:
                await self._speak(verb, {"address": address, "text": tag + b"".join(piece)}, len(piece))

    async def stop(self, address: int) -> None:
        """Ends what is being said; `say` returns when the device says it is idle."""
        verb = self._has("stop", self.profile.transmit.stop)
        for frame in verb.frame:
            await self._write(render(self.profile, frame, {"address": address}))

    # ---- events

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """What the rules make of the device's frames; a silent line yields nothing and is no fault."""
        while True:
            await self._until(lambda: bool(self._inbox))
            heard = self._inbox.popleft()
            event = heard.event
            if event is None or await self._is_repeat(heard, event):
                continue
            if isinstance(event, KeyPressed):
                await self._acknowledge(heard)
                self._told[event] = _Told(_now())
            busy_since = _now()
            yield event
            if not isinstance(event, KeyPressed):
                await self._acknowledge(heard)
            self._remember(event, _now() - busy_since)

    async def _is_repeat(self, heard: Heard, event: DeviceEvent) -> bool:
        told = self._told.get(event)
        if told is None or _now() - told.at > self._repeat_s:
            return False
        told.at = _now()
        told.repeats += 1
        self.repeated += 1
        if told.repeats <= MAX_REPEATS:
            await self._acknowledge(heard)
        return True

    def _remember(self, event: DeviceEvent, busy_s: float) -> None:
        """What came while the hall was busy with the event is still to be read: for repeats that time did not pass."""
        for told in self._told.values():
            told.at += busy_s
        self._told = {one: told for one, told in self._told.items() if _now() - told.at <= self._repeat_s}
        if not isinstance(event, Condition):  # the same condition may come, go and come again
            self._told[event] = _Told(_now())

    async def _acknowledge(self, heard: Heard) -> None:
        template = heard.rule.acknowledge
        if template == "echo":
            await self._write(escaped(self.profile, heard.raw))
        elif template is not None:
            await self._write(render(self.profile, template, heard.values))

    # ---- reading

    async def _until(self, found: Callable[[], bool]) -> None:
        while not found():
            async with self._reading:
                if not found():
                    await self._listen()

    async def _listen(self) -> None:
        for frame in await self._frames():
            self.counters.frames_in += 1
            self._sort(interpret(self.profile, frame))
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames

    async def _frames(self) -> list[bytes]:
        framing = self.profile.framing
        silence = framing.gap_ms / 1000 if isinstance(framing, Gap) else STALE_S
        try:
            async with asyncio.timeout(silence if self._decoder.rest else None):
                data = await self.receive()
        except TimeoutError:
            return self._decoder.flush()
        self._free_at = max(self._free_at, _now() + self._gap_s)
        return self._decoder.feed(self._without_own(data))

    def _sort(self, heard: Heard | None) -> None:
        if heard is None:
            self.ignored += 1
        elif heard.event is None:
            self._answers.append(heard)
        elif isinstance(heard.event, KeyPressed | Graded) and any(heard.event == one.event for one in self._inbox):
            self.repeated += 1
        elif len(self._inbox) < INBOX:
            self._inbox.append(heard)
        else:
            self.ignored += 1

    def _without_own(self, data: bytes) -> bytes:
        """Our own bytes come back first and unchanged; at the first other byte we stop looking for them."""
        if _now() > self._own_until:
            self._own.clear()
        pairs = zip(data, self._own, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        del self._own[:same]
        if same < len(data):
            self._own.clear()
        return data[same:]

    # ---- writing: `_command` keeps exchanges apart, `_line` frames; so an acknowledgement waits for one frame at most

    async def _do(self, verb: Verb, frames: list[Template], values: Values, digits: int = 1) -> None:
        rendered = [render(self.profile, frame, values, digits) for frame in frames]
        async with self._command, self._whole():
            for raw in rendered:
                self._answers.clear()
                await self._write(raw)
                if verb.answer is not None:
                    await self._answered(verb, values["address"])

    async def _answered(self, verb: Verb, address: int | bytes) -> None:
        def said() -> list[Heard]:
            return [
                heard
                for heard in self._answers
                if heard.rule.event == "busy"
                or (heard.rule.name == verb.answer and heard.values.get("address", address) == address)
            ]

        limit = verb.timeout_s + max(0.0, self._free_at - _now())
        if not await self._within(limit, lambda: bool(said())):
            raise TimeoutError(f"{address!r} did not answer within {verb.timeout_s:g} s")
        if said()[0].rule.name != verb.answer:
            raise Rejected("busy")

    async def _speak(self, verb: Say, values: Values, length: int) -> None:
        limit = START_S + verb.char_s * length
        for _ in range(2):
            self._answers.clear()
            for frame in verb.frame:
                await self._write(render(self.profile, frame, values))
            over = await self._within(limit, self._is_over)
            said = [heard.rule.event for heard in self._answers]
            if not over or "busy" not in said or "ack" in said:
                self.unanswered += not over and self.profile.tells("idle")
                return
        raise Rejected("busy", "it was speaking, and did not take the next text when that was over")

    def _is_over(self) -> bool:
        """Idle, said after the frame was taken or refused: an idle of the text before does not count."""
        said = [heard.rule.event for heard in self._answers]
        if any(rule.event in ("ack", "busy") for rule in self.profile.receive):
            said = said[next((nth for nth, word in enumerate(said) if word in ("ack", "busy")), len(said)) :]
        return "idle" in said

    async def _within(self, seconds: float, found: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._until(found)
        except TimeoutError:
            return found()
        return True

    @contextlib.asynccontextmanager
    async def _whole(self) -> AsyncIterator[None]:
        """An exchange that times out or is cancelled closes the link: a late answer would answer the next question."""
        try:
            yield
        except TimeoutError as error:
            await self.hang_up()
            raise Unreachable(str(error)) from error
        except asyncio.CancelledError:
            await self.hang_up()
            raise

    async def _write(self, raw: bytes) -> None:
        async with self._line:
            await asyncio.sleep(max(0.0, self._free_at - _now()))
            try:
                async with asyncio.timeout(WRITE_S):
                    await self.send(raw)
            except TimeoutError as error:
                await self.hang_up()
                raise Unreachable(f"the line took no bytes for {WRITE_S:g} s") from error
            except asyncio.CancelledError:
                await self.hang_up()  # half a frame may be out
                raise
            baud = self.profile.transport.baud
            self._free_at = _now() + (len(raw) * 10 / baud if baud else 0.0) + self._gap_s
            if self.profile.line.own_echo:
                self._own += raw
                self._own_until = self._free_at + OWN_S

    # ---- the profile

    def _has(self, name: str, verb: V | None) -> V:
        if verb is None:
            known = ", ".join(self.profile.verbs) or "none"
            raise Rejected(f"no_{name}", f"the profile {self.profile.name!r} has no [transmit.{name}]; it has {known}")
        return verb

    @property
    def _seconds(self) -> int:
        return int(self.options.get("seconds", 30))

    @property
    def _gap_s(self) -> float:
        return self.profile.line.gap_ms / 1000

    @property
    def _repeat_s(self) -> float:
        return self.profile.line.repeat_ms / 1000


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = FrameProfile
