"""Attendance terminals of ZKTeco and its kin that call us over HTTP (ADMS, iclock, PUSH 2.2.14 to 2.4.2).

    GET  /iclock/cdata?SN=..&options=all&language=83      what should it send?      GET OPTION FROM: SN, key=value lines
    POST /iclock/cdata?SN=..&table=ATTLOG&Stamp=n         punches, one a line       OK: n, and it forgets them
         PIN <TAB> 2015-07-30 15:16:28 <TAB> status <TAB> verify [<TAB> work code ...: 5, 7, 9, 10 or 12 fields]
    POST /iclock/cdata?SN=..&table=OPERLOG                lines OPLOG, USER, FP ..  OK: n
    GET  /iclock/getrequest?SN=..                         anything to do?           OK, or C:<id>:<command>
    POST /iclock/devicecmd?SN=..                          ID=..&Return=0&CMD=..     OK

    [device.options]
    serial = "0316144680030"        # what it says as SN; whoever says another is refused
    utc_offset_minutes = 480        # of its local time

The link is `inbound:`. One read is one request: the request line, an empty line, the body; one write is its answer: a
status line, an empty line, the body. The server adds the rest of the head: the terminal sets its clock by the `Date`.
Punches are answered once they have all been taken; without an answer it sends them again. Templates, photos and
identity cards are answered and thrown away unread. Punches of the access-control family (PUSH 3) stay where they are.

Source: the vendor's attendance PUSH protocol, 2020-03 and its Chinese edition; the packed time of `set_clock` is that
of its access-control protocol. Not proven on hardware.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from drivers import adms_commands as commands
from drivers.adms_tables import (
    DELAY_S,
    ERROR_DELAY_S,
    FOREIGN,
    LONGEST_BODY,
    QUIET,
    Request,
    Upload,
    handshake,
    parse,
    read,
    respond,
)
from drivers.base import (
    ClockRead,
    Condition,
    Device,
    DeviceEvent,
    Discarded,
    Enrolled,
    Misconfigured,
    ProtocolError,
    Punched,
    Punches,
    Rejected,
    Unreachable,
    together,
)

SILENT_S = 3.0 * DELAY_S
SLOW_S = float(ERROR_DELAY_S + DELAY_S)
"""How long it may be silent when its last request went wrong, or may have."""
RESULT_S = 60.0
"""From the command to its result: at most two polls, and the work in between."""
AHEAD_S = 30.0
"""A punch that is so far in the future was made by a wrong clock."""
MOST_PEOPLE = 50_000
CHINESE = "83"
FINE = b"HTTP/1.1 200 "
Answer = tuple[list[DeviceEvent], bytes]


@dataclass(slots=True)
class Command:
    words: bytes = field(repr=False)
    result: asyncio.Future[int]
    sent: bool = False
    asks_for_people: bool = False
    code: int | None = None
    people: dict[str, Enrolled] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class PushTerminal(Device):
    """One terminal. The capability is `Terminal`. Its clock cannot be read: a punch from the future shows that it is
    ahead, one that is late may only have come late, and what is behind is not seen.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"serial": str, "utc_offset_minutes": int}
    TELLS: ClassVar[tuple[type, ...]] = (Punched,)

    _commands: dict[str, Command] = field(default_factory=dict, init=False, repr=False)
    _encoding: str = field(default="gb18030", init=False)
    _conditions: set[str] = field(default_factory=set, init=False)
    _patience_s: float = field(default=SLOW_S, init=False)
    _ahead: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check(self.options)

    @classmethod
    def lacks(cls, options: Mapping[str, Any], capability: type, address: int) -> str | None:
        check(options)
        return None

    async def hang_up(self) -> None:
        for command in self._commands.values():
            if not command.result.done():
                command.result.set_exception(Unreachable("the terminal is gone"))
        await Device.hang_up(self)

    # ---- commands: they wait here until the terminal asks for them

    async def set_clock(self, local: datetime) -> None:
        await self._do(Command(commands.set_clock(local), _future()))

    async def people(self) -> list[Enrolled]:
        command = Command(commands.QUERY_PEOPLE, _future(), asks_for_people=True)
        await self._do(command)
        return list(command.people.values())

    async def write_person(self, person: Enrolled) -> None:
        """See `drivers.base.Terminal`. Raises `Rejected` for one that is not enabled: it has no word for that."""
        await self._do(Command(commands.write_person(person, self._encoding), _future()))

    async def remove_person(self, person: str) -> None:
        """Their templates go with them; one who is not there is removed already."""
        try:
            await self._do(Command(commands.remove_person(person), _future()))
        except Rejected as error:
            if error.reason != "unknown_person":
                raise

    async def _do(self, command: Command) -> None:
        """Raises `Rejected("timeout")` when it asks on and gives no result within `RESULT_S`; a late one answers no
        other command."""
        if self._link is None:
            raise Unreachable("the link is closed")
        name = secrets.token_hex(8)
        self._commands[name] = command
        try:
            async with asyncio.timeout(RESULT_S):
                commands.judge(await command.result)
        except TimeoutError as error:
            raise Rejected("timeout", f"no result within {RESULT_S:g} s") from error
        finally:
            del self._commands[name]

    # ---- requests

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """A table is answered when the next event is asked for after its last. Ends when the terminal is silent."""
        while True:
            raw = await self._request()
            try:
                events, answer = self._judge(parse(raw))
            except ProtocolError:
                events, answer = [], self._refusal("400 Bad Request")
            for event in events:
                yield event
                if isinstance(event, Punches):
                    self.bookmark = event.bookmark
            self._patience_s = SILENT_S if answer.startswith(FINE) else SLOW_S
            await self.send(answer)

    async def _request(self) -> bytes:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self.receive()
        except TimeoutError as error:
            await self.hang_up()
            raise Unreachable(f"the terminal has been silent for {self._patience_s:g} s") from error

    def _judge(self, request: Request) -> Answer:
        if request.query.get("sn") != self.options["serial"]:
            return [], self._refusal("403 Forbidden")
        self.counters.frames_in += 1
        if request.method == "POST" and request.place in ("cdata", "fdata"):
            return self._table(request)
        return [], self._answer(request)

    def _refusal(self, status: str) -> bytes:
        self.counters.bad_frames += 1
        return respond(b"", status)

    def _table(self, request: Request) -> Answer:
        """What cannot be read is not answered with 200: it would be forgotten there."""
        if request.table in FOREIGN:
            return self._news("unsupported_protocol"), self._refusal("501 Not Implemented")
        if request.table == "ATTLOG" and len(request.body) > LONGEST_BODY:
            return self._news("body_too_long"), self._refusal("413 Content Too Large")
        upload = read(request, self.bookmark)
        self.counters.bad_frames += upload.bad
        answer = "OK" if request.table in QUIET else f"OK: {upload.accepted}"
        return self._unasked(upload), respond(answer.encode("ascii"))

    def _news(self, condition: str) -> list[DeviceEvent]:
        if condition in self._conditions:
            return []
        self._conditions.add(condition)
        return [Condition(condition, True)]

    def _unasked(self, upload: Upload) -> list[DeviceEvent]:
        """The events of a table; its people go to whoever asked for them."""
        asking = [command for command in self._commands.values() if command.asks_for_people and command.sent]
        for command in asking:
            command.people.update((each.person, each) for each in upload.people)
            if len(command.people) > MOST_PEOPLE and not command.result.done():
                command.result.set_exception(ProtocolError(f"more than {MOST_PEOPLE} people"))
        unasked = [Discarded("USER", len(upload.people))] if upload.people and not asking else []
        dropped = [event for event in upload.events if isinstance(event, Discarded)]
        punches = [event for event in upload.events if isinstance(event, Punched)]
        return [*unasked, *dropped, *self._clock(punches), *together(punches)]

    def _clock(self, punches: Sequence[Punched]) -> list[DeviceEvent]:
        """What these punches show of its clock, before they are told."""
        if not punches:
            return []
        here = local_now(self.options.get("utc_offset_minutes", 480))
        ahead = (max(each.clock for each in punches) - here).total_seconds()
        was, self._ahead = self._ahead, ahead > AHEAD_S or (self._ahead and ahead < -AHEAD_S)
        if self._ahead:
            return [ClockRead(ahead)] if ahead > AHEAD_S else []
        return [ClockRead(0.0)] if was else []

    def _answer(self, request: Request) -> bytes:
        if request.place == "getrequest":
            return respond(self._poll())
        if request.place == "devicecmd":
            self._take(commands.results(request.body))
        elif request.place == "cdata" and not request.table:
            if language := request.query.get("language"):
                self._encoding = "gb18030" if language == CHINESE else "utf-8"
            offset = self.options.get("utc_offset_minutes", 480)
            return respond(handshake(self.options["serial"], self.bookmark, offset))
        elif request.place == "registry":
            return respond(b"RegistryCode=" + secrets.token_hex(8).encode("ascii"))
        elif request.place not in ("ping", "cdata"):  # with the table RemoteAtt it asks for somebody unknown to it
            return self._refusal("404 Not Found")
        return respond(b"OK")

    def _poll(self) -> bytes:
        """The commands that it has not been told. When it asks again after the result, all people have come."""
        told = []
        for name, command in self._commands.items():
            if command.code is not None and not command.result.done():
                command.result.set_result(command.code)
            if not command.sent:
                command.sent = True
                told.append(f"C:{name}:".encode("ascii") + command.words)
        return b"\n".join(told) or b"OK"

    def _take(self, results: list[tuple[str, int]]) -> None:
        for name, code in results:
            command = self._commands.get(name)
            if command is None or command.result.done():
                continue
            command.code = code
            if not command.asks_for_people or code < 0:
                command.result.set_result(code)


def local_now(utc_offset_minutes: int) -> datetime:
    """The time that its clock should show, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=utc_offset_minutes)


def check(options: Mapping[str, Any]) -> None:
    serial, offset = options.get("serial", ""), options.get("utc_offset_minutes", 480)
    if not (isinstance(serial, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,32}", serial)):
        raise Misconfigured('serial is what the terminal says as SN: "0316144680030"')
    if not -720 <= offset <= 840:
        raise Misconfigured("utc_offset_minutes is from -720 to 840")


def _future() -> asyncio.Future[int]:
    return asyncio.get_running_loop().create_future()


DEVICE = PushTerminal
