r"""GSM modems (短信猫) that send short messages, on a serial line: AT commands, answered line by line (sms_at.py).

    us -> modem    AT+CMGS=30 \r          after the prompt: the PDU in hex (sms_pdu.py), then 1A; 1B gives up
    modem -> us    \r \n +CMGS: 17 \r \n \r \n OK \r \n

    ATE0 · AT+CMEE=1 · AT+CPIN? · AT+CSQ · AT+CREG? · AT+CMGF=0 · AT+CNMI      then AT+CMGS for each part of a message

In between come lines that answer nothing: RING, +CMTI, and the fate of what was sent, as +CDS: n with the PDU on the
next line, or as +CDSI: "SM",3 to be fetched with AT+CMGR. A modem that was without power says RDY, or echoes again.
The SIM must not ask for a PIN.

Source: 3GPP TS 27.005 and 27.007. Models tested: none; not proven on hardware.

Whoever waits for lines reads them for all: `events()` and an exchange take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final, Self

from drivers import sms_at as at
from drivers.base import Condition, Delivered, Device, DeviceEvent, Misconfigured, ProtocolError, Rejected, Unreachable
from drivers.sms_pdu import Report, normalise, outcome, parse_report, submit

ANSWER_S, PROMPT_S, SENT_S = 5.0, 5.0, 60.0
LONGEST_S = 240.0
"""For a message with all its parts and tries."""
WAKES, WAKE_S, QUIET_S, LONGEST_QUIET_S = 3, 0.9, 0.2, 1.0
OPEN_END_S = 0.5
"""Wavecom modems do not end the answer to AT+CPIN? with OK."""
TRIES, PAUSE_S = 3, 5.0
INSTANT = 1e-6  # seconds by which a wait may end early: sums of fractions are not exact
NO_PROMPT = "no_prompt"
AGAIN = (at.BUSY, NO_PROMPT)
"""Nothing went out, and the next moment may be better."""
BLOCKING = (at.NO_SIM, at.SIM_PIN, at.NO_NETWORK)
WEAK, STRONG = 7, 10
"""Of AT+CSQ, -99 and -93 dBm: told below the one, over from the other on."""
TELL_REPORTS = ("AT+CNMI=2,1,0,1,0", "AT+CNMI=2,1,0,2,0")
"""As +CDS, or where the modem cannot, as +CDSI."""
BABBLE: Final = 16384
"""More bytes than this without a command of ours are no modem: a wrong baud rate, another kind of device."""
TAIL = -8
"""Digits by which a number is known again; the network writes it with or without its country."""


@dataclass(slots=True, eq=False)
class _Sent:
    """A message of which the network has all parts."""

    reference: str
    tail: str
    waiting: list[int]
    """What the network calls the parts that are not delivered yet."""


@dataclass(slots=True)
class Modem(Device):
    """One modem. The capability is `Messenger`; conditions are `no_sim`, `sim_pin`, `no_network`, `weak_signal`.

    `country` is put before numbers typed without one. The modem is asked how it is each `poll_s`. `Delivered` is told
    once for a message, when its last part is delivered or its first never will be, but only on the connection that sent
    it.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"country": str, "poll_s": float}

    ignored: int = field(default=0, init=False)
    """Reports of what we did not send, and of parts that are still being tried."""
    _decoder: at.Decoder = field(default_factory=at.Decoder, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """Held for a whole message, so that no report is looked at before its message has a reference."""
    _asked: str = field(default="", init=False)
    _answers: deque[str] = field(default_factory=lambda: deque(maxlen=64), init=False)
    _news: deque[at.Stored | tuple[str, int]] = field(default_factory=lambda: deque(maxlen=512), init=False)
    """Reports to be looked at: where they are, or the PDU in hex and its length."""
    _announced: int = field(default=0, init=False)
    """Length of the report that the next line is."""
    _budget: int = field(default=BABBLE, init=False)
    _ready: bool = field(default=False, init=False)
    """It has been told not to echo, and does not."""
    _reports: bool = field(default=False, init=False)
    """It has been told to tell reports."""
    _state: frozenset[str] = field(default=frozenset(), init=False)
    _told: frozenset[str] = field(default=frozenset(), init=False)
    _sent: deque[_Sent] = field(default_factory=lambda: deque(maxlen=256), init=False)
    _message: int = field(default_factory=lambda: secrets.randbelow(256), init=False)

    def __post_init__(self) -> None:
        if not re.fullmatch("[1-9][0-9]{0,2}", self._country):
            raise Misconfigured('country is the digits of a country code, as in "86"')

    async def __aenter__(self) -> Self:
        self._decoder = at.Decoder()
        self._answers.clear()
        self._news.clear()
        self._announced = 0
        self._ready = False
        return await Device.__aenter__(self)

    async def send_text(self, number: str, text: str) -> str:
        """See `drivers.base.Messenger`; takes `LONGEST_S` at most, besides what it waits for the message before it.

        A part that the network took is not sent again when a later one is refused. `Rejected` reasons: those in
        `BLOCKING` and of `sms_at.refusal`, `bad_number`, `too_long`, `no_prompt`. After `network_timeout` the message
        may have gone out all the same.
        """
        to = normalise(number, self._country)
        self._message = (self._message + 1) % 256
        pdus = submit(to, text, self._message)
        async with self._busy, self._whole("the message"), asyncio.timeout(LONGEST_S):
            state = await self._look()
            for name in BLOCKING:
                if name in state:
                    raise Rejected(name)
            sent = _Sent(secrets.token_hex(8), to[TAIL:], [])
            for nth, pdu in enumerate(pdus, 1):
                sent.waiting.append(await self._insist(pdu, f"part {nth} of {len(pdus)}"))
            self._sent.append(sent)
            return sent.reference

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """What is wrong at first, then every change, and the fate of messages."""
        self._told, due = frozenset(), _now()
        while True:
            async with self._busy:
                if _now() >= due - INSTANT or not self._ready:
                    await self._look()
                    due = _now() + self.options.get("poll_s", 30.0)
                fates = [await self._fate(self._news.popleft()) for _ in range(len(self._news))]
            before, self._told = self._told, self._state
            for name in sorted(before ^ self._told):
                yield Condition(name, name in self._told)
            for fate in filter(None, fates):
                yield fate
            await self._within(due - _now(), lambda: bool(self._news) or not self._ready or self._state != self._told)

    # ---- a part of a message

    async def _insist(self, pdu: bytes, which: str) -> int:
        """What the network calls the part."""
        tries = 1
        while True:
            try:
                return await self._submit(pdu)
            except Rejected as error:
                if error.reason not in AGAIN or tries == TRIES:
                    raise Rejected(error.reason, str(error).replace(error.reason, which, 1)) from error
            tries += 1
            await asyncio.sleep(PAUSE_S)
            await self._look()

    async def _submit(self, pdu: bytes) -> int:
        await self._ask("AT+CMGF=0")  # in text mode the length would be taken for a number, and the PDU for a text
        await self._prompt(f"AT+CMGS={len(pdu) - 1}")
        for line in await self._ask(pdu.hex().upper(), SENT_S, end=at.SEND):
            if (reference := at.accepted(line)) is not None:
                return reference
        await self.hang_up()
        raise ProtocolError("the modem did not say what became of the message")

    async def _prompt(self, command: str) -> None:
        async with self._whole(command):
            try:
                async with asyncio.timeout(PROMPT_S):
                    await self._say(command)
                    await self._hear(at.PROMPT)
            except TimeoutError as error:
                self._ready = False  # so what is asked next begins with ESC, which leaves a prompt that comes late
                raise Rejected(NO_PROMPT) from error

    # ---- how the modem is

    async def _look(self) -> frozenset[str]:
        self._state = await self._examine()
        if not self._ready:  # it was without power
            self._state = await self._examine()
            self._ready = True  # an echo that ATE0 does not end is how this modem is
        return self._state

    async def _examine(self) -> frozenset[str]:
        if not self._ready:
            await self._start()
        if fault := await self._sim():
            self._reports = False
            return frozenset({fault})
        found = {"weak_signal": await self._is_weak(), at.NO_NETWORK: not await self._is_registered()}
        if not self._reports:
            self._reports = await self._set_up()
        return frozenset(name for name, wrong in found.items() if wrong)

    async def _start(self) -> None:
        async with self._whole("ATE0"):
            await self._wake()
        self._ready, self._reports = True, False
        with contextlib.suppress(Rejected):
            await self._ask("AT+CMEE=1")

    async def _wake(self) -> None:
        """Wherever it was left: in a prompt, in half a command, before the first AT at this baud rate."""
        for _ in range(WAKES):
            await self.send(at.GIVE_UP + b"\r")
            await self._settle()
            with contextlib.suppress(TimeoutError, Rejected):
                async with asyncio.timeout(WAKE_S):
                    await self._say("ATE0")
                    await self._hear(at.OK)
                await self._settle()
                return
        raise TimeoutError

    async def _settle(self) -> None:
        """What is still on its way answers nothing that is to be asked."""
        end = _now() + LONGEST_QUIET_S
        self._answers.clear()
        while _now() < end and await self._within(QUIET_S, lambda: bool(self._answers)):
            self._answers.clear()

    async def _set_up(self) -> bool:
        """Whether it will tell reports."""
        with contextlib.suppress(Rejected):
            await self._ask("AT+CMGF=0")
        for command in TELL_REPORTS:
            with contextlib.suppress(Rejected):
                await self._ask(command)
                return True
        return False

    async def _sim(self) -> str | None:
        """What is wrong with the SIM."""
        try:
            said = await self._pin()
        except Rejected as error:
            if error.reason == at.BUSY:  # it has just begun to read the card
                return at.NO_NETWORK
            return at.SIM_PIN if error.reason == at.SIM_PIN else at.NO_SIM
        if said in (at.OK, "READY"):
            return None
        return at.NO_SIM if said.startswith("NOT ") else at.SIM_PIN

    async def _pin(self) -> str:
        """What AT+CPIN? says; Wavecom modems do not end that with OK."""
        async with self._whole("AT+CPIN?"):
            async with asyncio.timeout(ANSWER_S):
                await self._say("AT+CPIN?")
                line = await self._hear(at.OK, "+CPIN:")
            if line != at.OK:
                await self._within(OPEN_END_S, lambda: at.OK in self._answers)
        return line.removeprefix("+CPIN:").strip()

    async def _is_weak(self) -> bool:
        with contextlib.suppress(Rejected):
            for line in await self._ask("AT+CSQ"):
                if (strength := at.signal(line)) is not None:
                    return strength < (STRONG if "weak_signal" in self._state else WEAK)
        return False

    async def _is_registered(self) -> bool:
        """Modems for 4G alone may know no other registration than that of AT+CEREG?."""
        for command in ("AT+CREG?", "AT+CEREG?"):
            with contextlib.suppress(Rejected):
                if any(map(at.is_registered, await self._ask(command))):
                    return True
        return False

    # ---- reports

    async def _fate(self, news: at.Stored | tuple[str, int]) -> Delivered | None:
        """None when more is to come, or the message is not ours."""
        try:
            pdu, length = await self._fetch(news) if isinstance(news, at.Stored) else news
            report = parse_report(bytes.fromhex(pdu), length)
        except (Rejected, ProtocolError):
            self._decoder.bad_frames += 1
            return None
        sent, delivered = self._whose(report), outcome(report.status)
        if sent is None or delivered is None:
            self.ignored += 1
            return None
        sent.waiting.remove(report.reference)
        if delivered and sent.waiting:
            return None
        self._sent.remove(sent)
        return Delivered(sent.reference, delivered, "" if delivered else f"TP-ST {report.status:02X}")

    async def _fetch(self, stored: at.Stored) -> tuple[str, int]:
        await self._ask(f'AT+CPMS="{stored.memory}"')
        answer = await self._ask(f"AT+CMGR={stored.place}")
        with contextlib.suppress(Rejected):
            await self._ask(f"AT+CMGD={stored.place}")
        for head, pdu in pairwise(answer):
            if (length := at.read_length(head)) and at.is_pdu(pdu):
                return pdu, length
        raise ProtocolError("no report is stored there")

    def _whose(self, report: Report) -> _Sent | None:
        tail = report.number[TAIL:]
        return next((s for s in reversed(self._sent) if s.tail == tail and report.reference in s.waiting), None)

    # ---- exchanges

    async def _ask(self, command: str, seconds: float = ANSWER_S, *, end: bytes = b"\r") -> list[str]:
        """The lines of the answer before OK. Raises `Rejected` when it ends otherwise."""
        lines: list[str] = []
        async with self._whole(command if end == b"\r" else "the message"), asyncio.timeout(seconds):
            await self._say(command, end)
            while (line := await self._answer()) != at.OK:
                lines.append(line)
        return lines

    async def _hear(self, *beginnings: str) -> str:
        """The first line of the answer that begins so."""
        while not (line := await self._answer()).startswith(beginnings):
            pass
        return line

    async def _say(self, command: str, end: bytes = b"\r") -> None:
        self._answers.clear()
        self._asked = command
        self._budget = BABBLE
        await self.send(command.encode("ascii") + end)

    async def _answer(self) -> str:
        await self._until(lambda: bool(self._answers))
        line = self._answers.popleft()
        if line in at.STARTED:
            raise TimeoutError("the modem has started anew")
        if refused := at.refusal(line):
            raise refused
        return line

    @contextlib.asynccontextmanager
    async def _whole(self, what: str) -> AsyncIterator[None]:
        """An exchange that times out or is cancelled closes the link: a late answer would answer the next question."""
        try:
            yield
        except TimeoutError as error:
            await self.hang_up()
            raise Unreachable(str(error) or f"the modem did not answer {what} in time") from error
        except asyncio.CancelledError:
            await self.hang_up()
            raise

    # ---- reading

    async def _until(self, found: Callable[[], bool]) -> None:
        while not found():
            async with self._reading:
                if not found():
                    await self._listen()

    async def _within(self, seconds: float, found: Callable[[], bool]) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until(found)
        return found()

    async def _listen(self) -> None:
        data = await self.receive()
        self._budget -= len(data)
        if self._budget < 0:
            await self.hang_up()
            raise ProtocolError(f"{BABBLE} bytes that nobody asked for")
        for line in self._decoder.feed(data):
            self.counters.frames_in += 1
            self._sort(line)
        self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames

    def _sort(self, line: str) -> None:
        announced, self._announced = self._announced, at.follows(line)
        if announced and at.is_pdu(line):
            self._news.append((line, announced))
        elif stored := at.stored(line):
            self._news.append(stored)
        elif line == self._asked:  # an echo: before ATE0, or of a PDU, which some modems echo always
            self._ready = self._ready and not line.startswith("AT")
        elif not self._announced:
            self._ready = self._ready and line not in at.STARTED
            self._answers.append(line)

    @property
    def _country(self) -> str:
        return str(self.options.get("country", "86"))


def _now() -> float:
    return asyncio.get_running_loop().time()


DEVICE = Modem
