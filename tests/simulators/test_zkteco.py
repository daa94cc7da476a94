"""The simulated ZKTeco terminal against packets captured from real ones, and asked by bytes, never by our driver."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.hall import read as read_hall
from simulators.terminal_people import CANARY
from simulators.zkteco import NO_SUCH_DAY, Terminal
from simulators.zkteco_packet import Bad, Deframer, Packet, build, clock_of, opened, prefixed, proof, stamp
from simulators.zkteco_records import CAPACITY, Record, User, pack_event, pack_record, pack_user, unpack_user
from tests.wire import End, closed, pair

pytestmark = pytest.mark.looptime
NOW = datetime(2026, 11, 22, 9, 5, 9, tzinfo=UTC)  # 17:05:09 in the hall
OK, ERROR, UNAUTHORISED, UNKNOWN = 2000, 2001, 2005, 0xFFFF

# source: captures of an F19 and of an F18 in public protocol notes
CAPTURED = {
    "read ~OS": ("0B0058EFC5C005007E4F5300", Packet(11, 0xC0C5, 5, b"~OS\0")),
    "read ZKFaceVersion": (
        "0B005A17F38D03005A4B4661636556657273696F6E00",
        Packet(11, 0x8DF3, 3, b"ZKFaceVersion\0"),
    ),
    "ok with a byte": ("D007296AF38D0A0009", Packet(2000, 0x8DF3, 10, b"\x09")),
    "event score 100": ("F401A7FC0001000064", Packet(500, 256, 0, b"d")),
    "event": (
        "F401AC12010000003939393131313333330000000000000000000000000000000100120619112905",
        Packet(500, 1, 0, b"999111333" + bytes(15) + bytes.fromhex("0100120619112905")),
    ),
    "reply WorkCode": ("D007828AF38D0B00576F726B436F64653D3000", Packet(2000, 0x8DF3, 11, b"WorkCode=0\0")),
    "write LockOn": ("0C00EBBB84C547004C6F636B4F6E3D3500", Packet(12, 0xC584, 0x47, b"LockOn=5\0")),
    "state": ("D007F6F702003700", Packet(2000, 2, 0x37)),
}
# source: the same notes
USER = bytes.fromhex(
    "0E0006313233343536007C4E7565766F" + "00" * 19 + "8F190000010000000000000000" + "3131323234343838" + "00" * 16
)
# worked out by hand from the published rule: key, session, what AUTH carries
PROOFS = [
    (0, 0, "617d3279"),
    (1234, 0x1234, "4136326b"),
    (123456, 0xC0C5, "297f3239"),
    (12345678, 0xC0C5, "e70f3284"),
    (999999, 0xFFFF, "22813296"),
    (131071, 0x9000, "617d3269"),
]


class Client:
    """Asks by number, and takes what comes."""

    def __init__(self, link: End, terminal: Terminal) -> None:
        self.link, self.terminal, self.session = link, terminal, 0
        self._replies, self._deframer, self._heard = count(), Deframer(), list[Packet]()

    async def hear(self, wait: float = 1.0) -> Packet | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while not self._heard:
                    self._heard += [opened(each) for each in self._deframer.feed(await self.link.read())]
                return self._heard.pop(0)
        return None

    async def ask(self, command: int, data: bytes = b"") -> Packet:
        reply_id = next(self._replies)
        await self.link.write(prefixed(build(Packet(command, self.session, reply_id, data))))
        found = await self.hear()
        assert found is not None
        assert found.reply_id == reply_id
        return found

    async def connect(self) -> Packet:
        found = await self.ask(1000)
        self.session = found.session
        return found

    async def read(self, command: int, what: int = 0) -> bytes:
        """A whole table, by 1503 and 1504."""
        first = await self.ask(1503, struct.pack("<BHII", 1, command, what, 0))
        if first.command == 1501:
            return first.data
        zero, size, again = struct.unpack_from("<BII", first.data)
        assert (zero, size, len(first.data)) == (0, again, 13)
        table = b""
        while len(table) < size:
            table += await self._chunk(len(table), min(0xFFC0, size - len(table)))
        assert (await self.ask(1502)).command == OK
        return table

    async def _chunk(self, start: int, size: int) -> bytes:
        prepare = await self.ask(1504, struct.pack("<II", start, size))
        assert prepare.command == 1500
        assert struct.unpack_from("<I", prepare.data)[0] == size
        chunk = b""
        while (part := await self.hear()) is not None and part.command == 1501:
            assert part.reply_id == prepare.reply_id
            assert part.session == (0 if self.terminal.on["session_zero"] else self.session)
            chunk += part.data
        assert part is not None
        assert (part.command, part.reply_id, len(chunk)) == (OK, prepare.reply_id, size)
        return chunk


@contextlib.asynccontextmanager
async def talking(terminal: Terminal) -> AsyncIterator[Client]:
    link, wire = pair()
    talk = asyncio.create_task(terminal.talk(wire))
    await asyncio.sleep(0)
    try:
        yield Client(link, terminal)
    finally:
        await link.close()
        await talk


def made(**options: Any) -> Terminal:
    terminal = Terminal("door", options)
    terminal.clock.now = lambda: NOW
    return terminal


async def operate(terminal: Terminal, *names: str) -> None:
    for name in names:
        done = terminal.control(name)
        if done is not None:
            await done


# ---- bytes


@pytest.mark.parametrize("name", CAPTURED)
async def test_captured_packets(name: str) -> None:
    hex_, packet = CAPTURED[name]
    assert opened(bytes.fromhex(hex_)) == packet
    assert build(packet).hex().upper() == hex_
    broken = bytearray.fromhex(hex_)
    broken[-1] ^= 1
    with pytest.raises(Bad):
        opened(bytes(broken))


async def test_a_connect_with_its_prefix() -> None:
    whole = bytes.fromhex("5050827D08000000E80317FC00000000")
    assert prefixed(build(Packet(1000, 0, 0))) == whole
    assert Deframer().feed(whole) == [whole[8:]]


@pytest.mark.parametrize(("key", "session", "hex_"), PROOFS)
async def test_proofs_of_the_key(key: int, session: int, hex_: str) -> None:
    assert proof(key, session, 50).hex() == hex_


@pytest.mark.parametrize(
    ("value", "local"),
    [
        (0x2368B36B, "2018-06-25 17:50:35"),
        (0x33847CC5, "2026-11-22 17:05:09"),
        (0x2E4969FF, "2024-02-29 23:59:59"),
    ],
)
async def test_times(value: int, local: str) -> None:
    assert str(clock_of(value)) == local
    assert stamp(clock_of(value)) == value


async def test_records_of_real_terminals() -> None:
    # source: issues of public clients, from a K40 and from an iFace
    face = Record(1, "10036", 15, stamp(datetime(2021, 10, 24, 13, 42, 16)), 0)  # noqa: DTZ001  a terminal has no zone
    assert pack_record(face, 40)[:32] == bytes.fromhex("01003130303336" + "00" * 19 + "0FB8EBC92900")
    live = Record(1, "1140064", 15, stamp(datetime(2018, 11, 29, 12, 55, 3)), 0)  # noqa: DTZ001
    assert pack_event(live, 40) == bytes.fromhex("31313430303634" + "00" * 17 + "0F00120B1D0C3703")


async def test_users_of_both_sizes() -> None:
    user = User(14, "11224488", "Nuevo", 6543, 6)
    assert unpack_user(USER) == user
    password = slice(3, 11)
    assert pack_user(user, 72) == USER[: password.start] + bytes(8) + USER[password.stop :]
    assert unpack_user(pack_user(user, 28)) == user
    with pytest.raises(ValueError, match="29"):
        unpack_user(bytes(29))


@given(st.lists(st.binary(max_size=40), max_size=5), st.randoms(use_true_random=False))
def test_any_pieces_with_noise_between_are_the_same_payloads(payloads: list[bytes], random: Random) -> None:
    data = b"".join(b"\xff2550P" + prefixed(each) for each in payloads)
    deframer, found = Deframer(), []
    while data:
        size = random.randint(1, len(data))
        found += deframer.feed(data[:size])
        data = data[size:]
    assert found == payloads


# ---- dialogues


async def test_without_a_key_a_connect_is_enough() -> None:
    async with talking(made()) as client:
        assert (await client.ask(201)).command == UNAUTHORISED
        assert (await client.connect()).command == OK
        assert (await client.ask(201)).data == bytes.fromhex("C57C8433")
        client.session ^= 1
        assert (await client.ask(201)).command == ERROR


async def test_the_key_must_be_proven_with_any_ticks() -> None:
    terminal = made(commkey=12345678)
    async with talking(terminal) as client:
        assert (await client.connect()).command == UNAUTHORISED
        assert (await client.ask(201)).command == UNAUTHORISED
        assert (await client.ask(1102, proof(12345679, client.session, 50))).command == UNAUTHORISED
        assert (await client.ask(1102, b"")).command == UNAUTHORISED
        assert (await client.ask(1102, proof(12345678, client.session, 7))).command == OK
        assert (await client.ask(201)).command == OK


async def test_a_wrong_checksum_is_an_error() -> None:
    async with talking(made()) as client:
        await client.connect()
        await client.link.write(prefixed(bytes.fromhex("C9000000") + struct.pack("<HH", client.session, 9)))
        assert await client.hear() == Packet(ERROR, client.session, 9)


async def test_a_second_client_is_refused_until_the_first_has_gone() -> None:
    terminal = made()
    async with talking(terminal) as first:
        await first.connect()
        async with talking(terminal) as second:
            assert (await second.ask(1000)).command == ERROR
            assert await closed(second.link.other)
        assert (await first.ask(201)).command == OK
    async with talking(terminal) as third:
        assert (await third.connect()).command == OK
        assert (await third.ask(1001)).command == OK
        assert await closed(third.link.other)


async def test_a_restart_is_not_acknowledged() -> None:
    async with talking(made()) as client:
        await client.connect()
        await client.link.write(prefixed(build(Packet(1004, client.session, 1))))
        assert await closed(client.link.other)


@pytest.mark.parametrize("stride", [8, 16, 40, 49])
async def test_a_week_of_records_is_read_in_chunks(stride: int) -> None:
    terminal = made(stride=stride)
    await operate(terminal, "week", "week", "punch:1001:face")
    async with talking(terminal) as client:
        await client.connect()
        table = await client.read(13)
        total = int.from_bytes(table[:4], "little")
        assert total == len(table) - 4 == stride * (2 * 7 * 24 + 1)
        assert table[-stride:] == pack_record(terminal.memory.records[-1], stride)
        sizes = struct.unpack("<23I", (await client.ask(50)).data)
        assert (sizes[4], sizes[8], sizes[15]) == (6, 0 if stride == 49 else 2 * 7 * 24 + 1, 1000)


@pytest.mark.parametrize("faults", [["split"], ["coalesce"], ["session_zero"], ["small_packets", "split", "coalesce"]])
async def test_a_full_memory_comes_whole_however_it_is_cut(faults: list[str]) -> None:
    terminal = made()
    await operate(terminal, "fill", *faults)
    async with talking(terminal) as client:
        await client.connect()
        assert len(await client.read(13)) == 4 + 40 * CAPACITY > 0xFFC0
    await operate(terminal, "punch:1002:card")
    assert terminal.words == "记录已满"
    assert len(terminal.memory.records) == CAPACITY


async def test_users_are_written_disabled_and_deleted() -> None:
    terminal = made()
    async with talking(terminal) as client:
        await client.connect()
        assert (await client.ask(8, USER)).command == OK
        table = await client.read(9, 5)
        assert len(table) == 4 + 7 * 72
        assert unpack_user(table[-72:]).name == "Nuevo"
        assert unpack_user(table[4:76]).name == "张示例"
        assert unpack_user(table[4 + 3 * 72 : 4 + 4 * 72]).name == "赵?"  # GBK has no such letter
        assert (await client.ask(8, USER[:2] + b"\x01" + USER[3:])).command == OK
        await operate(terminal, "punch:11224488:face")
        assert (terminal.words, terminal.memory.records) == ("没有权限", [])
        assert (await client.ask(18, b"\x0e\x00")).command == OK
        assert (await client.ask(18, b"\x0e\x00")).command == ERROR
        assert len(terminal.memory.users) == 6


async def test_the_clock_is_set_and_can_be_wrong() -> None:
    terminal = made(clock_off_s=-600)
    async with talking(terminal) as client:
        await client.connect()
        assert str(clock_of(int.from_bytes((await client.ask(201)).data, "little"))) == "2026-11-22 16:55:09"
        assert (await client.ask(202, bytes.fromhex("C57C8433"))).command == OK
        assert terminal.clock.off_s == 0
        await operate(terminal, "clock:3600", "punch:1001:face")
        assert str(clock_of(terminal.memory.records[0].time)) == "2026-11-22 18:05:09"
        assert (await client.ask(202, NO_SUCH_DAY.to_bytes(4, "little"))).command == ERROR


async def test_options_and_what_it_does_not_know() -> None:
    terminal = made()
    async with talking(terminal) as client:
        await client.connect()
        assert (await client.ask(11, b"~Platform\0")).data == b"~Platform=ZEM760_TFT\0"
        assert (await client.ask(11, b"Nothing\0")).command == ERROR
        assert (await client.ask(12, b"SDKBuild=1\0")).command == OK
        assert (await client.ask(777)).command == UNKNOWN
        assert (await client.ask(1504, b"1")).command == ERROR
        assert (await client.ask(1504, struct.pack("<II", 0, 9))).command == ERROR
        assert (await client.ask(64)) == Packet(OK, 2, 7)
        await operate(terminal, "odd_reply")
        assert (await client.ask(12, b"SDKBuild=1\0")).command == 4989


async def test_live_events_go_to_whom_registered_and_wait_when_told_to() -> None:
    terminal = made()
    async with talking(terminal) as client:
        await client.connect()
        await operate(terminal, "punch:1001:face")
        assert await client.hear() is None
        assert (await client.ask(500, b"\1\0\0\0")).command == OK
        await operate(terminal, "leaving", "punch:1002:card")
        event = await client.hear()
        assert event == Packet(500, 1, 0, b"1002" + bytes(20) + bytes.fromhex("0201 1A0B16110509"))
        await operate(terminal, "strict_ack", "burst")
        assert await client.hear() is None
        assert terminal.state()["unacknowledged"] == 1
        await client.link.write(prefixed(build(Packet(OK, client.session, 0))))
        late = await client.hear()
        assert late is not None
        assert len(late.data) == 3 * 32
        assert terminal.state()["unacknowledged"] == 1
    assert len(terminal.memory.records) == 5


@pytest.mark.parametrize(("stride", "size"), [(8, 10), (16, 12), (40, 32), (49, 52)])
async def test_events_have_the_size_of_their_kind(stride: int, size: int) -> None:
    terminal = made(stride=stride)
    async with talking(terminal) as client:
        await client.connect()
        await client.ask(500, b"\1\0\0\0")
        await operate(terminal, "punch:1003:finger")
        event = await client.hear()
        assert event is not None
        assert len(event.data) == size


async def test_nobody_punches_while_the_client_works() -> None:
    terminal = made()
    async with talking(terminal) as client:
        await client.connect()
        await client.ask(1003)
        await operate(terminal, "punch:1001:face")
        assert terminal.words == "正在工作，请稍候"
        await client.ask(1003, struct.pack("<I", 5))
        await asyncio.sleep(6)
        await operate(terminal, "punch:1001:face")
        await client.ask(1003)
    await operate(terminal, "punch:1001:face")  # the client has gone without a word
    assert len(terminal.memory.records) == 2


async def test_templates_are_a_canary() -> None:
    async with talking(made()) as client:
        await client.connect()
        assert (await client.read(7, 2)).count(CANARY) == 6
        assert CANARY in (await client.ask(88, b"\1\0\0")).data


async def test_it_can_be_dead_drop_speak_garbage_and_hold_a_day_that_is_none() -> None:
    terminal = made()
    async with talking(terminal) as client:
        await client.connect()
        await operate(terminal, "garbage")
        assert (await client.ask(201)).command == OK
        await operate(terminal, "dead")
        await client.link.write(prefixed(build(Packet(201, client.session, 9))))
        assert await client.hear(60) is None
        await operate(terminal, "dead", "corrupt", "stranger")
        with pytest.raises(ValueError, match="day"):
            clock_of(int.from_bytes((await client.read(13))[4 + 27 : 4 + 31], "little"))
        await operate(terminal, "drop")
        assert await closed(client.link.other)
    assert not terminal.state()["connected"]


# ---- the page


async def test_the_picture_shows_the_time_and_hides_the_name() -> None:
    terminal = made()
    await operate(terminal, "punch:1005:face")
    words = "".join(ElementTree.fromstring(terminal.picture()).itertext())
    assert "17:05" in words
    assert "欧**" in words
    assert "刷脸成功" in words
    assert "欧阳" not in words
    await operate(terminal, "dead")
    assert "17:05" not in terminal.picture()


async def test_every_control_can_be_touched() -> None:
    terminal = made()
    for each in terminal.controls():
        await operate(terminal, each["name"])
    with pytest.raises(KeyError):
        terminal.control("nothing")
    with pytest.raises(ValueError, match="stride"):
        made(stride=41)


async def test_a_hall_file_makes_one(tmp_path: Any) -> None:
    file = tmp_path / "hall.toml"
    file.write_text(
        '[[device]]\nid = "door"\ndriver = "zkteco"\nlink = "tcp://127.0.0.1:{port+1}"\n'
        'options = { commkey = 7, stride = 8, other = "x" }\n'
    )
    hall = read_hall(file, port=9000, data=tmp_path)
    terminal = hall.devices["door"].simulator
    assert isinstance(terminal, Terminal)
    assert (terminal.memory.key, terminal.memory.stride) == (7, 8)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=80)), max_size=6), st.binary(max_size=40))
def test_no_request_breaks_it(requests: list[tuple[int, bytes]], noise: bytes) -> None:
    async def run() -> None:
        terminal = made()
        async with talking(terminal) as client:
            await client.connect()
            for command, data in requests:
                await client.link.write(noise + prefixed(build(Packet(command, client.session, 1, data))))
            for _ in range(20):
                await asyncio.sleep(0)
        assert not terminal.state()["connected"]

    asyncio.run(run())
