"""Sessions with ZKTeco 4370 terminals: connecting, exchanges, dumps. The protocol is drawn in zkteco.py."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from drivers import zkteco_packets as zk
from drivers.base import Device, Misconfigured, ProtocolError, Rejected, Unreachable
from drivers.udp import UdpLink
from drivers.zkteco_packets import Packet

ANSWER_S, PREPARED_S, FAREWELL_S = 10.0, 60.0, 1.0
"""A terminal with much in its memory must first gather it."""
STREAM_CHUNK, DATAGRAM_CHUNK = 0xFFC0, 0x4000
LARGEST: Final = 64 << 20
REASONS: Final = {zk.RETRY: "busy", zk.REPEAT: "busy", 0xFFFF: "unknown_command"}
FINE: Final = (zk.OK, zk.OK_DATA, zk.PREPARE, zk.DATA)
TEMPLATES: Final = (9, 10, 88, 110)
"""Commands that carry fingers and faces."""


def commkey(options: Mapping[str, Any]) -> int:
    """Raises `Misconfigured` for one that no terminal can have."""
    key = options.get("commkey", 0)
    if type(key) is not int or not 0 <= key < 2**32:
        raise Misconfigured("commkey is the number that the terminal has under communication, 0 for none")
    return key


@dataclass(slots=True)
class Session(Device):
    """A terminal that can be asked. It is connected to with the first question."""

    OPTIONS: ClassVar[Mapping[str, type]] = {"commkey": int}

    ignored: int = field(default=0, init=False)
    """Packets that answer nothing."""
    _decoder: zk.Decoder = field(default_factory=zk.Decoder, init=False)
    _datagrams: bool = field(default=False, init=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _connected: bool = field(default=False, init=False)
    _session: int = field(default=0, init=False)
    _reply_id: int = field(default=-1, init=False)
    _answers: deque[Packet] = field(default_factory=lambda: deque(maxlen=4096), init=False)
    _news: deque[Packet] = field(default_factory=lambda: deque(maxlen=512), init=False)
    _discarded: Counter[str] = field(default_factory=Counter, init=False)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        commkey(options)
        return None

    def __post_init__(self) -> None:
        commkey(self.options)

    async def __aenter__(self) -> Self:
        await Device.__aenter__(self)
        self._datagrams = isinstance(self.link, UdpLink)
        self._decoder = zk.Decoder(datagrams=self._datagrams)
        self._connected = False
        self._answers.clear()
        self._news.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connected:
            # It serves one client at a time, and over UDP it would not see that this one has gone.
            with contextlib.suppress(Unreachable, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._say(zk.EXIT)
        await self.hang_up()

    # ---- exchanges

    @contextlib.asynccontextmanager
    async def _talking(self) -> AsyncIterator[None]:
        """One exchange after the other; one that times out or is cancelled closes the link."""
        async with self._busy:
            try:
                if not self._connected:
                    await self._connect()
                yield
            except TimeoutError as error:
                await self.hang_up()
                raise Unreachable("the terminal did not answer in time") from error
            except (asyncio.CancelledError, ProtocolError):
                await self.hang_up()
                raise

    async def _connect(self) -> None:
        self._session, self._reply_id = 0, -1
        reply = await self._exchange(zk.CONNECT)
        self._session = reply.session
        if reply.command == zk.UNAUTHORISED:
            reply = await self._exchange(zk.AUTH, zk.key_answer(commkey(self.options), self._session))
            if reply.command != zk.OK:
                raise Misconfigured("the terminal refuses the commkey")
        if reply.command != zk.OK:
            raise Unreachable(f"the terminal lets nobody in: {reply.command}")
        with contextlib.suppress(Rejected):  # as its maker's clients do; old firmware knows no such option
            await self._ask(zk.WRITE_OPTION, b"SDKBuild=1\0")
        self._connected = True

    async def _count(self, place: int) -> int:
        """How many there are, as the terminal says; 0 when it does not."""
        with contextlib.suppress(Rejected):
            data = (await self._ask(zk.SIZES)).data
            return int.from_bytes(data[place : place + 4], "little")
        return 0

    async def _read(self, command: int, kind: int = 0) -> bytes:
        """A dump, however the terminal hands it over."""
        try:
            reply = await self._ask(zk.PREPARE_READ, struct.pack("<BHII", 1, command, kind, 0), PREPARED_S)
        except Rejected:  # by old firmware
            reply = await self._ask(command, bytes([kind]) if kind else b"", PREPARED_S)
        if reply.command in (zk.DATA, zk.PREPARE):
            return await self._gather(reply)
        size = _size(reply.data[1:5])
        dump = bytearray()
        while len(dump) < size:
            wanted = min(size - len(dump), DATAGRAM_CHUNK if self._datagrams else STREAM_CHUNK)
            chunk = await self._gather(await self._ask(zk.READ_CHUNK, struct.pack("<II", len(dump), wanted)))
            if len(chunk) != wanted:
                raise ProtocolError(f"{len(chunk)} bytes of a chunk of {wanted}")
            dump += chunk
        with contextlib.suppress(Rejected):
            await self._ask(zk.FREE)
        return bytes(dump)

    async def _gather(self, reply: Packet) -> bytes:
        if reply.command == zk.DATA:
            return reply.data
        if reply.command != zk.PREPARE:
            raise ProtocolError(f"{reply.command} where data was to begin")
        size, data = _size(reply.data[:4]), bytearray()
        while (part := await self._reply()).command == zk.DATA and len(data) <= size:
            data += part.data
        if part.command != zk.OK or len(data) != size:
            raise ProtocolError(f"{len(data)} of {size} bytes, then {part.command}")
        return bytes(data)

    async def _ask(self, command: int, data: bytes = b"", seconds: float = ANSWER_S) -> Packet:
        """Raises `Rejected` when the terminal says no."""
        reply = await self._exchange(command, data, seconds)
        if reply.command == zk.UNAUTHORISED:
            raise ProtocolError("the terminal has forgotten the session")
        if reply.command not in FINE:
            raise Rejected(REASONS.get(reply.command, "refused"), f"{command} is answered with {reply.command}")
        return reply

    async def _exchange(self, command: int, data: bytes = b"", seconds: float = ANSWER_S) -> Packet:
        await self._say(command, data)
        return await self._reply(seconds)

    async def _say(self, command: int, data: bytes = b"") -> None:
        self._answers.clear()
        self._reply_id = (self._reply_id + 1) % 0xFFFF
        await self._send(Packet(command, self._session, self._reply_id, data))

    async def _reply(self, seconds: float = ANSWER_S) -> Packet:
        async with asyncio.timeout(seconds):
            await self._until(lambda: bool(self._answers))
        return self._answers.popleft()

    async def _send(self, packet: Packet) -> None:
        await self.send(zk.encode(packet, datagrams=self._datagrams))

    # ---- reading: whoever waits reads for all

    async def _until(self, found: Callable[[], bool]) -> None:
        while not found():
            async with self._reading:
                if not found():
                    await self._listen()

    async def _within(self, seconds: float, found: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until(found)

    async def _listen(self) -> None:
        data = await self.receive()
        try:
            self._sort(self._decoder.feed(data))
        except ProtocolError:
            await self.hang_up()
            raise
        finally:
            self.counters.garbage, self.counters.bad_frames = self._decoder.garbage, self._decoder.bad_frames

    def _sort(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            self.counters.frames_in += 1
            if packet.command == zk.EVENT:
                self._news.append(packet)
            elif packet.command in TEMPLATES:
                self._discarded["template"] += 1
            elif self._busy.locked() and packet.reply_id == self._reply_id:
                self._answers.append(packet)  # whatever its session is: data comes with 0
            elif packet.data:
                self._discarded["data"] += 1
            else:
                self.ignored += 1


def _size(raw: bytes) -> int:
    size = int.from_bytes(raw, "little")
    if size > LARGEST:
        raise ProtocolError(f"a dump of {size} bytes")
    return size
