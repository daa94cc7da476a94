"""ZKTeco 4370 terminals: the device against a terminal that answers by the rules of the page, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from drivers import zkteco
from drivers.base import (
    ClockRead,
    Condition,
    DeviceEvent,
    Discarded,
    Enrolled,
    Misconfigured,
    ProtocolError,
    Punched,
    Punches,
    Rejected,
    Terminal,
    Unreachable,
)
from drivers.udp import UdpLink
from drivers.zkteco import DEVICE, Zkteco
from simulators.port import Gone
from tests import frames_toml as golden
from tests.wire import End, closed, pair

pytestmark = pytest.mark.looptime

GOLDEN = {frame.name: frame for frame in golden.load("zkteco")}
NOON = datetime.fromisoformat("2026-03-02T12:00:00")
EIGHT = datetime.fromisoformat("2026-03-02T08:00:01")
PREFIX = bytes.fromhex("5050827D")
OK, REFUSED, UNKNOWN, UNAUTHORISED = 2000, 2001, 0xFFFF, 2005
SESSION = 0xC0C5
USER_14 = bytes.fromhex(GOLDEN["11224488 is written"].means["data"])


# ---- the wire, once more and by hand


def packed(local: datetime) -> bytes:
    days = (local.year - 2000) * 372 + (local.month - 1) * 31 + local.day - 1
    return struct.pack("<I", days * 86400 + local.hour * 3600 + local.minute * 60 + local.second)


def payload(command: int, session: int, reply_id: int, data: bytes = b"") -> bytes:
    raw = struct.pack("<HHHH", command, 0, session, reply_id) + data
    padded = raw + b"\0" * (len(raw) % 2)
    total = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return raw[:2] + struct.pack("<H", ~total & 0xFFFF) + raw[4:]


def record(person: str, when: datetime, verify: int = 1, state: int = 0, uid: int = 7) -> bytes:
    head = struct.pack("<H", uid) + person.encode().ljust(24, b"\0") + bytes([verify])
    return head + packed(when) + bytes([state]) + bytes.fromhex("00000000FF000000")


def live(person: str, when: datetime, verify: int = 1, state: int = 0) -> bytes:
    six = bytes([when.year - 2000, when.month, when.day, when.hour, when.minute, when.second])
    return person.encode().ljust(24, b"\0") + bytes([verify, state]) + six


def user(uid: int, person: str, name: str = "") -> bytes:
    head = struct.pack("<HB8s24sI", uid, 0, b"", name.encode("gbk"), 0)
    return head + b"\1" + bytes(8) + person.encode().ljust(24, b"\0")


@dataclass
class Peer:
    """A terminal. `answers` replaces what it says to a command: (command, data), or None for silence."""

    wire: End
    datagrams: bool = False
    records: list[bytes] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    auth: bytes = b""
    ahead: float = 0.0
    count: int | None = None
    one_packet: int = 1000
    buffered: bool = True
    chunk: int = 4096
    """Bytes that the wire hands over at once."""
    answers: dict[int, Any] = field(default_factory=dict)
    heard: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    buffer: bytes = b""
    limits: list[int] = field(default_factory=list)

    async def run(self) -> None:
        stream = b""
        while True:
            stream += await self.wire.read()
            while stream:
                size = len(stream) if self.datagrams else 8 + int.from_bytes(stream[4:8], "little")
                assert self.datagrams or stream[:4] == PREFIX
                raw, stream = stream[:size], stream[size:]
                await self.take(raw if self.datagrams else raw[8:])

    async def take(self, raw: bytes) -> None:
        command, _, session, reply_id = struct.unpack("<HHHH", raw[:8])
        assert raw == payload(command, session, reply_id, raw[8:])
        assert session == (0 if command == 1000 else SESSION)
        self.heard.append((command, session, reply_id, raw[8:]))
        if command in (OK, 1001):
            return
        for code, data in self.reply(command, raw[8:]):
            await self.say(code, SESSION if code != 1501 else 0, reply_id, data)

    def reply(self, command: int, data: bytes) -> Iterable[tuple[int, bytes]]:
        if command in self.answers:
            given = self.answers[command]
            return [given] if given else []
        if command == 1000:
            return [(UNAUTHORISED if self.auth else OK, b"")]
        if command == 1102:
            return [(OK if data == self.auth else UNAUTHORISED, b"")]
        if command == 201:
            return [(OK, packed(zkteco.local_now() + timedelta(seconds=self.ahead)))]
        if command == 50:
            sizes = [0] * 23
            sizes[4], sizes[8] = len(self.users), len(self.records) if self.count is None else self.count
            return [(OK, struct.pack("<23I", *sizes))]
        if command in (1503, 13, 9):
            return self.dump(command, data)
        if command == 1504:
            start, size = struct.unpack("<II", data)
            self.limits.append(size)
            return self.pour(self.buffer[start : start + size])
        return [(OK, b"")]

    def dump(self, command: int, data: bytes) -> Iterable[tuple[int, bytes]]:
        what = {bytes.fromhex("010D000000000000000000"): 13, bytes.fromhex("0109000500000000000000"): 9}
        if command == 1503 and not self.buffered:
            return [(UNKNOWN, b"")]
        kept = self.records if what.get(data, command) == 13 else self.users
        rows = b"".join(kept)
        self.buffer = struct.pack("<I", len(rows)) + rows
        if len(self.buffer) <= self.one_packet:
            return [(1501, self.buffer)]
        if command != 1503:
            return self.pour(self.buffer)
        return [(OK, b"\0" + struct.pack("<II", len(self.buffer), len(self.buffer)) + b"\x12\x34\x56\x78")]

    def pour(self, data: bytes) -> Iterable[tuple[int, bytes]]:
        yield 1500, struct.pack("<II", len(data), 0x3F0)
        for at in range(0, len(data), 1024 if self.datagrams else 4000):
            yield 1501, data[at : at + (1024 if self.datagrams else 4000)]
        yield OK, b""

    async def say(self, command: int, session: int, reply_id: int, data: bytes = b"") -> None:
        raw = payload(command, session, reply_id, data)
        if self.datagrams:
            await self.wire.write(raw)
            return
        raw = PREFIX + struct.pack("<I", len(raw)) + raw
        for at in range(0, len(raw), self.chunk):
            await self.wire.write(raw[at : at + self.chunk])

    async def tell(self, data: bytes, code: int = 1) -> None:
        await self.say(500, code, 0, data)

    def commands(self) -> list[int]:
        return [command for command, *_ in self.heard]


class Datagrams(End, UdpLink):
    """The driver's end of an in-memory pair where each piece is a datagram."""


def linked(datagrams: bool) -> tuple[End, End]:
    link, wire = pair()
    if datagrams:
        link = Datagrams(Unreachable)
        link.other, wire.other = wire, link
    return link, wire


@pytest.fixture(autouse=True)
def hall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zkteco, "local_now", lambda: NOON + timedelta(seconds=now()))


def now() -> float:
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def connected(bookmark: str = "", commkey: int = 0, **given: Any) -> AsyncIterator[tuple[Zkteco, Peer]]:
    link, wire = linked(given.get("datagrams", False))

    async def opener() -> End:
        return link

    peer = Peer(wire, **given)
    running = asyncio.create_task(peer.run())
    try:
        async with Zkteco(opener, {"commkey": commkey} if commkey else {}, bookmark=bookmark) as device:
            yield device, peer
    finally:
        running.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def watched(bookmark: str = "", **given: Any) -> AsyncIterator[tuple[Zkteco, Peer, list[DeviceEvent]]]:
    """With somebody who iterates its events, and is through with memory."""
    events: list[DeviceEvent] = []

    async def watch() -> None:
        async for event in device.events():
            events.append(event)

    async with connected(bookmark, **given) as (device, peer):
        watching = asyncio.create_task(watch())
        await asyncio.sleep(1)
        try:
            yield device, peer, events
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def punches(events: list[DeviceEvent]) -> list[Punched]:
    """Those told one by one, and those told together."""
    found: list[Punched] = []
    for event in events:
        found += event.records if isinstance(event, Punches) else [event] if isinstance(event, Punched) else []
    return found


def who(events: list[DeviceEvent]) -> list[tuple[str, str, bool]]:
    return [(punch.person, punch.sequence, punch.live) for punch in punches(events)]


def morning(count: int) -> list[bytes]:
    return [record(str(1001 + nth), EIGHT + timedelta(seconds=nth)) for nth in range(count)]


# ---- connecting


async def test_it_is_a_terminal() -> None:
    assert DEVICE is Zkteco
    assert issubclass(Zkteco, Terminal)


async def test_first_come_clock_memory_and_then_what_happens() -> None:
    async with watched(records=morning(2), ahead=90) as (_, peer, events):
        await peer.tell(live("1001", EIGHT + timedelta(hours=9), 15, 1))
        await asyncio.sleep(1)
        clock, memory, third = events
        assert isinstance(memory, Punches)
        first, second = memory.records
        assert isinstance(clock, ClockRead)
        assert clock.offset_s == pytest.approx(90, abs=1)
        assert first == Punched("1001", EIGHT, "1/0/0", punches(events)[0].bookmark, "in", "fingerprint")
        assert third == Punched("1001", EIGHT + timedelta(hours=9), "15/1/0", second.bookmark, "out", "face", live=True)
        assert peer.commands()[:3] == [1000, 12, 500]
        assert [(reply_id, data) for _, _, reply_id, data in peer.heard[:3]] == [
            (0, b""),
            (1, b"SDKBuild=1\0"),
            (2, b"\1\0\0\0"),
        ]
        assert peer.heard[-1] == (OK, SESSION, 0, b"")


async def test_the_golden_key_lets_in() -> None:
    async with watched(commkey=123456, auth=bytes.fromhex("297f3239")) as (_, peer, events):
        assert peer.commands()[:3] == [1000, 1102, 12]
        assert isinstance(events[0], ClockRead)


@pytest.mark.parametrize("commkey", [0, 1])
async def test_a_wrong_key_is_for_a_person(commkey: int) -> None:
    async with connected(commkey=commkey, auth=bytes.fromhex("297f3239")) as (device, peer):
        with pytest.raises(Misconfigured):
            await anext(device.events())
        assert peer.commands() == [1000, 1102]


@pytest.mark.parametrize("commkey", ["1", -1, 2**32, True, 1.5])
async def test_a_key_that_no_terminal_has_is_misconfigured(commkey: Any) -> None:
    async def opener() -> End:
        raise AssertionError

    with pytest.raises(Misconfigured):
        Zkteco(opener, {"commkey": commkey})
    with pytest.raises(Misconfigured):
        Zkteco.lacks({"commkey": commkey}, Terminal, 0)


async def test_one_that_lets_nobody_in_is_unreachable() -> None:
    async with connected(answers={1000: (REFUSED, b"")}) as (device, _):
        with pytest.raises(Unreachable):
            await anext(device.events())


class Lingering(End):
    async def close(self) -> None:
        await asyncio.sleep(0.1)
        await End.close(self)


async def test_it_says_good_bye() -> None:
    link, wire = Lingering(Unreachable), End(Gone)
    link.other, wire.other = wire, link

    async def opener() -> End:
        return link

    peer = Peer(wire)
    running = asyncio.create_task(peer.run())
    async with Zkteco(opener) as device:
        await device.people()
    await asyncio.gather(running, return_exceptions=True)
    assert peer.commands()[-1] == 1001


async def test_an_option_or_events_that_are_refused_are_no_hindrance() -> None:
    answers = {12: (REFUSED, b""), 500: (4989, b""), 50: (REFUSED, b"")}
    async with watched(records=morning(1), answers=answers) as (_, peer, events):
        assert who(events) == [("1001", "1/0/0", False)]
        assert Condition("no_live_events", True) in events
        peer.records += morning(2)[1:]
        await asyncio.sleep(601)
        assert who(events) == [("1001", "1/0/0", False), ("1002", "1/0/0", False)]


# ---- memory


@pytest.mark.parametrize("count", [0, 1, 24, 25, 2000, 5000])
@pytest.mark.parametrize("datagrams", [False, True])
@pytest.mark.parametrize("buffered", [False, True])
async def test_dumps_of_every_size_in_every_way(count: int, datagrams: bool, buffered: bool) -> None:
    given: dict[str, Any] = {"records": morning(count), "datagrams": datagrams, "buffered": buffered}
    async with watched(**given) as (device, peer, events):
        assert [punch.person for punch in punches(events)] == [str(1001 + nth) for nth in range(count)]
        assert (1502 in peer.commands()) == (buffered and count >= 25)
        assert max(peer.limits, default=0) <= (0x4000 if datagrams else 0xFFC0)
        assert sum(peer.limits) == (4 + 40 * count if peer.limits else 0)
        assert (device.counters.garbage, device.counters.bad_frames) == (0, 0)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 10**6])
async def test_packets_that_are_split_and_run_together(chunk: int) -> None:
    async with watched(records=morning(60), chunk=chunk) as (_, _, events):
        assert len(punches(events)) == 60


async def test_a_terminal_may_take_its_time_to_gather_its_memory() -> None:
    async with watched(answers={1503: None}) as (_, peer, events):
        await asyncio.sleep(50)
        await peer.say(1501, 0, peer.heard[-1][2], struct.pack("<I", 40) + record("1001", EIGHT))
        await asyncio.sleep(1)
        assert who(events) == [("1001", "1/0/0", False)]


async def test_a_count_of_zero_is_not_believed() -> None:
    async with watched(records=morning(30), count=0) as (_, _, events):
        assert len(punches(events)) == 30


async def test_a_record_with_an_impossible_time_costs_itself_only() -> None:
    bad = record("1002", EIGHT).replace(packed(EIGHT), struct.pack("<I", ((26 * 12 + 1) * 31 + 30) * 86400))
    async with watched(records=[*morning(1), bad, *morning(3)[2:]]) as (device, _, events):
        assert [punch.person for punch in punches(events)] == ["1001", "1003"]
        assert device.unread == 1


async def test_the_golden_dump_of_others_is_a_condition_and_no_record() -> None:
    dump = bytes.fromhex(GOLDEN["124 bytes, session 0"].means["data"])
    async with watched(answers={1503: (1501, dump)}) as (_, peer, events):
        assert Condition("records_unread", True) in events
        await peer.tell(live("1001", EIGHT))
        await asyncio.sleep(1)
        assert who(events) == [("1001", "1/0/0", True)]
        del peer.answers[1503]
        await asyncio.sleep(600)
        assert Condition("records_unread", False) in events


async def test_golden_records_are_told_and_the_twins_are_told_apart() -> None:
    dump = GOLDEN["38 records of 16 bytes after a size of 0"].raw
    async with watched(answers={1503: (1501, dump)}, count=38) as (_, _, events):
        found = punches(events)
        assert len(found) == len({(punch.person, punch.clock, punch.sequence) for punch in found}) == 38
        assert [(punch.person, punch.sequence) for punch in found[3:5]] == [("13", "0/0/0"), ("13", "0/0/1")]


async def test_after_a_bookmark_only_what_is_new_is_told() -> None:
    async with watched(records=morning(5)) as (_, _, events):
        marks = [punch.bookmark for punch in punches(events)]
    for nth, mark in enumerate(marks, 1):
        async with watched(mark, records=morning(5)) as (_, _, events):
            assert [punch.person for punch in punches(events)] == [str(1001 + at) for at in range(nth, 5)]
            assert [punch.bookmark for punch in punches(events)] == marks[nth:]


async def test_after_memory_was_cleared_all_that_is_there_is_new() -> None:
    async with watched(records=morning(5)) as (_, peer, events):
        mark = punches(events)[-1].bookmark
        peer.records = morning(7)[5:]
        await asyncio.sleep(601)
        assert [punch.person for punch in punches(events)[5:]] == ["1006", "1007"]
    async with watched(mark, records=morning(7)[5:]) as (_, _, events):
        assert [punch.person for punch in punches(events)] == ["1006", "1007"]


async def test_a_clock_that_was_set_back_hides_nothing() -> None:
    early = record("1009", EIGHT - timedelta(days=3000))
    async with watched(records=morning(2)) as (_, _, events):
        mark = punches(events)[-1].bookmark
    async with watched(mark, records=[*morning(2), early]) as (_, _, events):
        assert who(events) == [("1009", "1/0/0", False)]


async def test_uids_are_told_as_people() -> None:
    short = [struct.pack("<HB", uid, 1) + packed(EIGHT) + b"\0" for uid in (1, 2, 3)]
    async with watched(records=short, users=[user(1, "2001"), user(2, "3")]) as (_, _, events):
        assert [punch.person for punch in punches(events)] == ["2001", "3", "uid 3"]


async def test_uids_of_people_that_cannot_be_read_are_told_as_nobody() -> None:
    short = struct.pack("<HB", 1, 1) + packed(EIGHT) + b"\0"
    async with watched(records=[short], users=[b"\xff" * 72]) as (_, peer, events):
        await peer.tell(struct.pack("<HBB", 1, 1, 0) + live("", NOON)[26:])
        await asyncio.sleep(5)
        assert who(events) == []
        assert Condition("records_unread", True) in events
        peer.users = [user(1, "2001")]
        await asyncio.sleep(600)
        assert who(events) == [("2001", "1/0/0", False)]


# ---- what happens


async def test_what_came_live_is_not_told_again_from_memory() -> None:
    async with watched() as (_, peer, events):
        await peer.tell(live("1001", EIGHT))
        peer.records += [record("1001", EIGHT), record("1001", EIGHT)]
        await asyncio.sleep(1)
        assert who(events) == [("1001", "1/0/0", True)]
        await asyncio.sleep(600)
        assert who(events) == [("1001", "1/0/0", True), ("1001", "1/0/1", False)]


async def test_live_and_from_memory_a_record_has_the_same_sequence() -> None:
    async with watched(records=morning(2)) as (_, peer, events):
        mark = punches(events)[-1].bookmark
        for _ in range(2):
            await peer.tell(live("1001", EIGHT + timedelta(hours=9), 15, 1))
        await asyncio.sleep(0)
        peer.records += [record("1001", EIGHT + timedelta(hours=9), 15, 1)] * 2
        await asyncio.sleep(5)
        heard = [punch for punch in punches(events) if punch.sequence.startswith("15")]
        assert [(punch.sequence, punch.live) for punch in heard] == [("15/1/0", True), ("15/1/1", False)]
    async with watched(heard[0].bookmark, records=peer.records) as (_, _, events):
        assert heard[0].bookmark == mark
        assert [replace(punch, live=False, bookmark="") for punch in punches(events)] == [
            replace(punch, live=False, bookmark="") for punch in heard
        ]


async def test_an_event_that_is_repeated_is_told_once_and_acknowledged_each_time() -> None:
    async with watched(records=[record("1001", EIGHT)]) as (_, peer, events):
        for _ in range(3):
            await peer.tell(live("1001", EIGHT))
        await asyncio.sleep(5)
        assert who(events) == [("1001", "1/0/0", False)]
        assert peer.commands().count(OK) == 3


async def test_a_lost_event_is_found_later() -> None:
    async with watched() as (_, peer, events):
        peer.records += morning(1)
        await asyncio.sleep(598)
        assert who(events) == []
        await asyncio.sleep(5)
        assert who(events) == [("1001", "1/0/0", False)]


async def test_an_event_that_nobody_can_read_is_looked_up() -> None:
    async with watched() as (_, peer, events):
        peer.records += morning(1)
        await peer.tell(b"\xff" * 23)
        await asyncio.sleep(5)
        assert who(events) == [("1001", "1/0/0", False)]


@pytest.mark.req("ATT-04", "ATT-20", "ATT-21")
async def test_golden_events_several_together() -> None:
    punch, face = bytes.fromhex(GOLDEN["999111333 punches"].means["data"]), GOLDEN["1140064 by face, live"].raw
    async with watched() as (_, peer, events):
        await peer.wire.write(GOLDEN["a score of 100"].raw)
        await peer.tell(punch + face)
        await asyncio.sleep(1)
        assert who(events) == [("999111333", "1/0/0", True), ("1140064", "15/0/0", True)]
        assert [punch.mode for punch in punches(events)] == ["fingerprint", "face"]
        assert peer.commands().count(OK) == 2


async def test_an_event_is_acknowledged_when_the_next_is_asked_for() -> None:
    async with connected() as (device, peer):
        events = device.events()
        assert isinstance(await anext(events), ClockRead)
        await peer.tell(live("1001", EIGHT) + live("1002", EIGHT))
        for person in ("1001", "1002"):
            event = await anext(events)
            await asyncio.sleep(5)
            assert isinstance(event, Punched)
            assert event.person == person
            assert OK not in peer.commands()
        asking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.1)
        assert peer.commands()[-1] == OK
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await events.aclose()


async def test_short_events_are_told_where_they_are_clear() -> None:
    users = [user(1, "2001"), user(2, "3"), user(3, "9")]
    six = live("", EIGHT)[26:]
    async with watched(users=users) as (_, peer, events):
        for number in (1, 2001, 3, 44):  # a uid, 工号, both, neither
            await peer.tell(struct.pack("<HBB", number, 1, 0) + six)
        peer.records += [struct.pack("<HB", 3, 1) + packed(EIGHT) + b"\0"]
        await asyncio.sleep(1)
        assert who(events) == [("2001", "1/0/0", True)]
        await asyncio.sleep(4)
        assert who(events) == [("2001", "1/0/0", True), ("9", "1/0/0", False)]


async def test_what_nobody_asked_for_is_thrown_away() -> None:
    async with watched() as (device, peer, events):
        await peer.say(88, SESSION, 0, b"\x01" * 600)
        await peer.say(1501, 0, 0xFFF0, b"\xff\xd8photo")
        await peer.say(OK, SESSION, 0xFFF0)
        await asyncio.sleep(1)
        assert [event for event in events if isinstance(event, Discarded)] == [
            Discarded("template", 1),
            Discarded("data", 1),
        ]
        assert device.ignored == 1


async def test_templates_are_never_asked_for() -> None:
    async with watched(records=morning(1), users=[USER_14]) as (device, peer, _):
        await device.people()
        await asyncio.sleep(1300)
        asked = {(command, data) for command, _, _, data in peer.heard if command == 1503}
        assert {data[1] for _, data in asked} == {13, 9}
        assert not set(peer.commands()) & {7, 9, 10, 88, 110}


# ---- the clock, and silence


async def test_the_clock_is_told_again_when_it_has_moved() -> None:
    async with watched() as (_, peer, events):
        await asyncio.sleep(120)
        assert [event.offset_s for event in events if isinstance(event, ClockRead)] == [pytest.approx(0, abs=1)]
        peer.ahead = -300
        await asyncio.sleep(31)
        assert isinstance(events[-1], ClockRead)
        assert events[-1].offset_s == pytest.approx(-300, abs=1)


async def test_an_impossible_clock_is_not_told() -> None:
    async with watched(answers={201: (OK, struct.pack("<I", 0xFFFFFFFF))}) as (_, _, events):
        assert events == []


@pytest.mark.parametrize("datagrams", [False, True])
async def test_a_terminal_that_has_died_is_noticed(datagrams: bool) -> None:
    async with connected(datagrams=datagrams) as (device, peer):
        events = device.events()
        await anext(events)
        peer.answers[201] = None
        with pytest.raises(Unreachable):
            await anext(events)
        assert now() < 41
        assert await closed(peer.wire)


async def test_a_dump_that_stops_in_the_middle_is_unreachable() -> None:
    async with connected(records=morning(2000), answers={1504: (1500, struct.pack("<II", 65472, 0))}) as (device, peer):
        events = device.events()
        await anext(events)
        with pytest.raises(Unreachable):
            await anext(events)
        assert await closed(peer.wire)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({1503: (1500, struct.pack("<I", 2**31))}, id="a dump of 2 GiB"),
        pytest.param({1503: (OK, b"\0" + struct.pack("<II", 2**31, 2**31))}, id="a buffer of 2 GiB"),
        pytest.param({1504: (OK, b"")}, id="no data"),
        pytest.param({1504: (1501, bytes(10))}, id="a short chunk"),
        pytest.param({1504: (UNAUTHORISED, b"")}, id="a forgotten session"),
    ],
)
async def test_nonsense_in_a_dump_is_a_protocol_error(answer: dict[int, Any]) -> None:
    async with connected(records=morning(2000), answers=answer) as (device, peer):
        events = device.events()
        await anext(events)
        with pytest.raises(ProtocolError):
            await anext(events)
        assert await closed(peer.wire)


async def test_babble_is_a_protocol_error() -> None:
    async with connected() as (device, peer):
        events = device.events()
        await anext(events)
        await peer.wire.write(b"\x55" * 0x20000)
        with pytest.raises(ProtocolError):
            await anext(events)
        assert await closed(peer.wire)


async def test_a_wrong_checksum_is_no_answer() -> None:
    async with connected(answers={1000: None}) as (device, peer):
        asking = asyncio.ensure_future(device.people())
        await asyncio.sleep(1)
        wrong = bytearray(GOLDEN["connected"].raw)
        wrong[-1] ^= 1
        await peer.wire.write(bytes(wrong))
        with pytest.raises(Unreachable):
            await asking
        assert device.counters.bad_frames == 1


async def test_reply_ids_begin_anew_before_65535() -> None:
    async with watched() as (device, peer, _):
        device._reply_id = 0xFFFD
        await device.set_clock(NOON)
        await device.set_clock(NOON)
        assert [reply_id for command, _, reply_id, _ in peer.heard if command == 202] == [0xFFFE, 0]


async def test_opened_again_it_starts_anew() -> None:
    links = [linked(False), linked(False)]
    opening = iter(links)

    async def opener() -> End:
        return next(opening)[0]

    device = Zkteco(opener)
    for _, wire in links:
        peer = Peer(wire, records=morning(1))
        running = asyncio.create_task(peer.run())
        async with device, asyncio.timeout(100):
            events = device.events()
            assert isinstance(await anext(events), ClockRead)
            assert isinstance(await anext(events), Punches)
            assert peer.heard[0][:3] == (1000, 0, 0)
            await events.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# ---- commands


async def test_commands_take_turns_with_events() -> None:
    async with watched(records=morning(2000), users=[USER_14]) as (device, peer, events):
        await asyncio.gather(*(device.people() for _ in range(3)), device.set_clock(NOON))
        await peer.tell(live("1001", NOON))
        assert (await device.people())[0].person == "11224488"
        await asyncio.sleep(1)
        assert who(events)[-1] == ("1001", "1/0/0", True)


async def test_a_command_needs_nobody_who_iterates_events() -> None:
    async with connected() as (device, peer):
        await device.set_clock(EIGHT)
        assert peer.heard[-1][0::3] == (202, packed(EIGHT))
        with pytest.raises(Rejected):
            await device.set_clock(EIGHT.replace(year=2100))


async def test_a_command_that_is_cancelled_closes_the_link() -> None:
    async with connected(answers={202: None}) as (device, peer):
        setting = asyncio.ensure_future(device.set_clock(EIGHT))
        await asyncio.sleep(1)
        setting.cancel()
        await asyncio.gather(setting, return_exceptions=True)
        assert await closed(peer.wire)


@pytest.mark.parametrize(
    ("code", "reason"), [(2001, "refused"), (2003, "busy"), (0xFFFF, "unknown_command"), (4989, "refused")]
)
async def test_what_is_refused_is_rejected_and_the_link_stays(code: int, reason: str) -> None:
    async with connected(answers={202: (code, b"")}) as (device, peer):
        with pytest.raises(Rejected) as refused:
            await device.set_clock(EIGHT)
        assert refused.value.reason == reason
        assert not await closed(peer.wire)


async def test_people_as_the_terminal_has_them() -> None:
    async with connected(users=[USER_14, user(15, "1001", "张三")]) as (device, _):
        assert await device.people() == [
            Enrolled("11224488", "Nuevo", True, "6543", ("password", "card")),
            Enrolled("1001", "张三"),
        ]


async def test_somebody_is_disabled_and_all_else_stays() -> None:
    async with connected(users=[user(13, "5"), USER_14]) as (device, peer):
        await device.write_person(Enrolled("11224488", enabled=False))
        assert peer.heard[-2][0::3] == (8, USER_14[:2] + b"\x07" + USER_14[3:])
        assert peer.commands()[-1] == 1013


@pytest.mark.parametrize("datagrams", [False, True])
async def test_somebody_new_where_nobody_is(datagrams: bool) -> None:
    async with connected(datagrams=datagrams) as (device, peer):
        await device.write_person(Enrolled("1001", "张三"))
        name = "张三".encode("gbk")
        short = struct.pack("<HB5s8sI4sI", 1, 0, b"", name, 0, b"\0\1\0\0", 1001)
        assert peer.heard[-2][0::3] == (8, short if datagrams else user(1, "1001", "张三"))


async def test_somebody_new_gets_a_uid_that_nobody_had() -> None:
    async with connected(users=[USER_14, user(3, "1")]) as (device, peer):
        await device.write_person(Enrolled("1001", "张三"))
        assert peer.heard[-2][3] == user(15, "1001", "张三")


async def test_where_no_uid_is_left_nobody_new_is_written() -> None:
    async with connected(users=[user(0xFFFF, "1")]) as (device, peer):
        with pytest.raises(Rejected) as refused:
            await device.write_person(Enrolled("2"))
        assert refused.value.reason == "full"
        assert 8 not in peer.commands()


async def test_somebody_is_removed_by_uid() -> None:
    async with connected(users=[user(3, "1"), USER_14]) as (device, peer):
        await device.remove_person("11224488")
        assert [each[0::3] for each in peer.heard[-2:]] == [(18, b"\x0e\x00"), (1013, b"")]
        await device.remove_person("4711")
        assert peer.commands().count(18) == 1


async def test_a_list_of_people_that_makes_no_sense_is_not_written_to() -> None:
    async with connected(answers={1503: (1501, struct.pack("<I", 72) + b"\xff" * 72)}) as (device, peer):
        with pytest.raises(Rejected):
            await device.write_person(Enrolled("1"))
        assert 8 not in peer.commands()
