"""Attendance terminals (考勤机) of ZKTeco and its many other names, on port 4370 over TCP or UDP.

    TCP    50 50 82 7D | length 4 | payload          UDP    payload          all little endian
    payload    command 2 | checksum 2 | session 2 | reply id 2 | data

    we: 1000 connect        terminal: 2000 and the session, or 2005: then 1102 with the commkey, mixed with the session
    we: 1503 prepare        terminal: 1501 data · or 1500 size, 1501 data ..., 2000 · or 2000 size, then we ask
                            1504 start, length for each chunk, which is answered as before; 1502 frees it
    terminal: 500 event, its code in place of the session, reply id 0        we: 2000, reply id 0

`udp://` and `tcp://` links differ in the prefix and in the size of chunks only; one client at a time. Sessions
and dumps are in zkteco_session, records in zkteco_records. A record in memory has no name, and one that happens has no
place: both are known by who, when and how, and by how many like it came before, because two in one second do occur.
Fingers, faces and photos are never asked for, and thrown away unread when they come.

Source: adrobinoga/zk-protocol (captures of an F19), captures in issues of fananimi/pyzk, kurenai-ryu/pyzk and
bulentv/js_zklib. Not proven on hardware by us.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Final

from drivers import zkteco_packets as zk
from drivers import zkteco_records as records
from drivers.base import ClockRead, Condition, DeviceEvent, Discarded, Enrolled, Punched, Rejected, together
from drivers.zkteco_packets import Packet
from drivers.zkteco_session import Session

POLL_S: Final = 30.0
"""The clock is asked for so often; that is the sign of life, too."""
DRIFT_S: Final = 2.0
"""By how much the clock must have moved to be told again: it shows whole seconds."""
CATCH_UP_S: Final = 600.0
"""Memory is read so often: what happens may be lost on its way."""
HINT_S: Final = 2.0
"""Until what an event could not tell is looked for in memory."""
TICK_S: Final = 1e-3
TOLD: Final = 4096
"""Records that are remembered to have been told on this connection."""

ATTENDANCE: Final = 1
"""Code and mask of the only event that is registered for."""
ALL_USERS: Final = 5
LAST_UID: Final = 0xFFFF
USERS_AT, RECORDS_AT = 16, 32
UNREAD, NO_LIVE = "records_unread", "no_live_events"


def local_now() -> datetime:
    """This machine's local time, by which a terminal's clock is judged: both stand in the same hall."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


@dataclass(slots=True)
class Zkteco(Session):
    """One terminal. The capability is `Terminal`; conditions are `records_unread` and `no_live_events`.

    `sequence` is verify code, state and how many the same came before, `1/0/0`. `bookmark` is the place in memory up to
    which all has been told: a record that came live is behind it, and is told once more after a restart.
    """

    TELLS: ClassVar[tuple[type, ...]] = (Punched,)

    unread: int = field(default=0, init=False)
    """Records without a person or a possible time, each time that they were met."""
    _state: frozenset[str] = field(default=frozenset(), init=False)
    _shown: frozenset[str] = field(default=frozenset(), init=False)
    _offset: float | None = field(default=None, init=False)
    _clock_due: float = field(default=0.0, init=False)
    _memory_due: float = field(default=0.0, init=False)
    _mark: str = field(default="", init=False)
    _told: dict[tuple[str, datetime, str], None] = field(default_factory=dict, init=False)
    _people: dict[int, str] | None = field(default=None, init=False)
    """工号 by uid; None when it must be read again before it is needed."""

    # ---- what it tells

    async def events(self) -> AsyncGenerator[DeviceEvent, None]:
        """How far its clock is off, what memory holds after the bookmark, then what happens."""
        self._mark, self._shown, self._offset = self.bookmark, frozenset(), None
        self._told.clear()
        self._people = None
        await self._register()
        self._clock_due = self._memory_due = _now()
        while True:
            for event in await self._look():
                yield event
            for punches in together(await self._remembered()):
                yield punches
            while self._news:
                for punch in await self._happened(self._news.popleft()):
                    yield punch
                await self._send(Packet(zk.OK, self._session, 0))
            await self._within(min(self._clock_due, self._memory_due) - _now(), self._has_news)

    async def _register(self) -> None:
        """Before memory is read, so that nothing falls between."""
        async with self._talking():
            try:
                await self._ask(zk.REGISTER, struct.pack("<I", ATTENDANCE))
                self._note(NO_LIVE, False)
            except Rejected:
                self._note(NO_LIVE, True)

    def _has_news(self) -> bool:
        return bool(self._news or self._discarded) or self._state != self._shown

    async def _look(self) -> list[DeviceEvent]:
        found: list[DeviceEvent] = []
        if _is_due(self._clock_due):
            offset = await self._read_clock()
            self._clock_due = _now() + POLL_S
            if offset is not None and (self._offset is None or abs(offset - self._offset) >= DRIFT_S):
                self._offset = offset
                found.append(ClockRead(offset))
        before, self._shown = self._shown, self._state
        found += [Condition(name, name in self._shown) for name in sorted(before ^ self._shown)]
        found += [Discarded(kind, count) for kind, count in self._discarded.items()]
        self._discarded.clear()
        return found

    async def _read_clock(self) -> float | None:
        """Seconds it is ahead; None when it does not say, or says a day that no calendar has."""
        async with self._talking():
            with contextlib.suppress(Rejected):
                data = (await self._ask(zk.GET_TIME)).data
                shown = zk.unpack_time(int.from_bytes(data[:4], "little")) if len(data) >= 4 else None
                return (shown - local_now()).total_seconds() if shown else None
        return None

    async def _remembered(self) -> Iterator[Punched]:
        """What memory holds and has not been told, if it is time to look."""
        if not _is_due(self._memory_due):
            return iter(())
        self._memory_due = _now() + CATCH_UP_S
        async with self._talking():
            try:
                dump = records.body(await self._read(zk.READ_RECORDS))
                layout = records.choose(records.MEMORY, dump, await self._count(RECORDS_AT))
                if layout is not None and layout.size == records.SHORTEST:
                    await self._learn()  # or nothing is told: a uid would pass for somebody else's 工号
                unread = bool(dump) and layout is None
            except Rejected:
                layout, unread = None, True
        self._note(UNREAD, unread)
        return iter(()) if layout is None else self._new(layout, records.pieces(dump, layout.size))

    def _new(self, layout: records.Layout, raws: list[bytes]) -> Iterator[Punched]:
        keys = [raw[layout.key] for raw in raws]
        start = records.after(keys, self._mark)
        before = Counter(keys[:start])
        for nth in range(start, len(raws)):
            key, record = keys[nth], layout.read(raws[nth])
            before[key] += 1
            if record is None:
                self.unread += 1
                continue
            self._mark = records.bookmark(nth + 1, record, key)
            punch = self._punched(record, self._person(record.person), before[key] - 1)
            if self._is_new(punch):
                yield punch

    async def _happened(self, event: Packet) -> list[Punched]:
        """What an event tells for sure; the rest is looked for in memory soon."""
        if event.session != ATTENDANCE:
            self.ignored += 1
            return []
        told = records.live_records(event.data) or []
        if self._people is None and any(isinstance(record.person, int) for record in told):
            with contextlib.suppress(Rejected):
                async with self._talking():
                    await self._learn()
        known = [(record, person) for record in told if (person := self._person_now(record.person))]
        punches = [self._punched(record, person, 0, live=True) for record, person in known]
        found = [punch for punch in punches if self._is_new(punch)]
        if not told or len(found) < len(told):
            # The same once more is a repetition, or somebody who was twice as quick: memory knows.
            self._memory_due = min(self._memory_due, _now() + HINT_S)
        return found

    def _punched(self, record: records.Record, person: str, before: int, *, live: bool = False) -> Punched:
        return Punched(
            person=person,
            clock=record.clock,
            sequence=f"{record.verify}/{record.state}/{before}",
            bookmark=self._mark,
            direction=records.DIRECTIONS.get(record.state, "unknown"),
            mode=records.MODES.get(record.verify, "unknown"),
            live=live,
        )

    def _is_new(self, punch: Punched) -> bool:
        key = (punch.person, punch.clock, punch.sequence)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > TOLD:
            del self._told[next(iter(self._told))]
        return True

    def _person(self, who: str | int) -> str:
        """Of a uid that is nobody's any more only the uid can be said, but not so that it looks like another's 工号."""
        if isinstance(who, str):
            return who
        people = self._people or {}
        return people.get(who) or (f"uid {who}" if str(who) in people.values() else str(who))

    def _person_now(self, who: str | int) -> str | None:
        """The number in a short event is a uid or 工号; None where that makes a difference, or leads to nobody."""
        if isinstance(who, str):
            return who
        people = self._people or {}
        readings = {people[uid] for uid in people if who == uid or people[uid] == str(who)}
        return readings.pop() if len(readings) == 1 else None

    def _note(self, name: str, active: bool) -> None:
        self._state = self._state | {name} if active else self._state - {name}

    # ---- Terminal

    async def set_clock(self, local: datetime) -> None:
        """See `drivers.base.Terminal`. Raises `Rejected("bad_time")` for a year that it cannot show."""
        if not 2000 <= local.year <= 2099:
            raise Rejected("bad_time", "it knows the years 2000 to 2099")
        async with self._talking():
            await self._ask(zk.SET_TIME, zk.pack_time(local))
        self._clock_due = _now()  # what it shows now is news

    async def people(self) -> list[Enrolled]:
        async with self._talking():
            _, users = await self._users()
        return [user.enrolled() for user in users]

    async def write_person(self, person: Enrolled) -> None:
        """See `drivers.base.Terminal`; an empty name or card leaves what is there.

        `Rejected` reasons: `bad_person`, `bad_card`, `full`, `unreadable`, and `refused`, `busy`, `unknown_command` of
        the terminal itself.
        """
        async with self._talking():
            layout, users = await self._users()
            user = next((user for user in users if user.person == person.person), None)
            if user is None:
                # Not the uid of somebody who was removed: records in memory may still bear it.
                uid = max((user.uid for user in users), default=0) + 1
                if uid > LAST_UID:
                    raise Rejected("full", "there is no uid left")
                user = records.new_user(person.person, uid, layout)
            await self._change(zk.WRITE_USER, layout.write(records.changed(user, person, layout)))

    async def remove_person(self, person: str) -> None:
        """See `drivers.base.Terminal`; somebody whom it does not know is removed already."""
        async with self._talking():
            _, users = await self._users()
            for user in users:
                if user.person == person:
                    await self._change(zk.DELETE_USER, struct.pack("<H", user.uid))

    async def _change(self, command: int, data: bytes) -> None:
        self._people = None
        await self._ask(command, data)
        await self._ask(zk.REFRESH)

    async def _users(self) -> tuple[records.UserLayout, list[records.User]]:
        dump = records.body(await self._read(zk.READ_USERS, ALL_USERS))
        if not dump:
            return (records.SHORT_USER if self._datagrams else records.LONG_USER), []
        layout = records.choose(records.USERS, dump, await self._count(USERS_AT))
        if layout is None:
            raise Rejected("unreadable", f"nobody knows how {len(dump)} bytes of people are to be read")
        users = [layout.read(raw) for raw in records.pieces(dump, layout.size)]
        return layout, [user for user in users if user.person]

    async def _learn(self) -> None:
        _, users = await self._users()
        self._people = {user.uid: user.person for user in users if user.person}


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_due(when: float) -> bool:
    """A timer may go off a trifle early, and what is left is too short to wait for."""
    return when <= _now() + TICK_S


DEVICE = Zkteco
