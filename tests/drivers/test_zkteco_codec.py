"""ZKTeco 4370 terminals: golden packets and records through the codec."""

from __future__ import annotations

import struct
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import zkteco_records as records
from drivers.base import Enrolled, ProtocolError, Rejected
from drivers.zkteco_packets import BABBLE, Decoder, Packet, checksum, encode, key_answer, pack_time, parse, unpack_time
from tests import frames_toml as golden

GOLDEN = {frame.name: frame for frame in golden.load("zkteco")}
PACKETS = [frame for frame in GOLDEN.values() if "command" in frame.means]
TCP = [frame for frame in PACKETS if frame.means["framing"] == "tcp"]
MEMORY = [frame for frame in GOLDEN.values() if frame.means.get("part") == "memory"]
FACE = GOLDEN["10036 by face, 40 bytes"].raw
PUNCH = GOLDEN["999111333 punches"]
USER = bytes.fromhex(GOLDEN["11224488 is written"].means["data"])
NOISE = [b"\x50", b"PPPP", b"\x50\x50\x82", b"\x50\x50\x82\x7d\x00\x00\x00\x00", b"noise" * 20, TCP[0].raw[:11]]


def at(clock: str) -> datetime:
    return datetime.fromisoformat(clock)


def meaning(frame: golden.Frame) -> Packet:
    means = frame.means
    return Packet(means["command"], means["session"], means["reply_id"], bytes.fromhex(means["data"]))


# ---- packets


@pytest.mark.parametrize("frame", PACKETS, ids=str)
def test_golden_packets_are_encoded_to_the_golden_bytes(frame: golden.Frame) -> None:
    assert encode(meaning(frame), datagrams=frame.means["framing"] == "udp") == frame.raw


@pytest.mark.parametrize("frame", TCP, ids=str)
def test_golden_packets_decode_however_they_are_split(frame: golden.Frame) -> None:
    for chunks in golden.splits(frame.raw):
        decoder = Decoder()
        assert [packet for chunk in chunks for packet in decoder.feed(chunk)] == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


def test_golden_packets_decode_when_they_come_together() -> None:
    stream = b"".join(frame.raw for frame in TCP)
    for size in (1, 7, 100, len(stream)):
        decoder = Decoder()
        found = [packet for at in range(0, len(stream), size) for packet in decoder.feed(stream[at : at + size])]
        assert found == [meaning(frame) for frame in TCP]


@pytest.mark.parametrize("frame", TCP, ids=str)
def test_noise_around_a_packet_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE[:-1]):
        assert Decoder().feed(data) == [meaning(frame)], data


def test_a_packet_that_was_cut_costs_itself_only() -> None:
    decoder = Decoder()
    assert decoder.feed(NOISE[-1] + PUNCH.raw + PUNCH.raw) == [meaning(PUNCH)] * 2
    assert decoder.garbage == len(NOISE[-1])


@pytest.mark.parametrize("frame", TCP, ids=str)
def test_a_changed_bit_is_noticed(frame: golden.Frame) -> None:
    for at in range(64, len(frame.raw) * 8):
        wrong = bytearray(frame.raw)
        wrong[at // 8] ^= 1 << at % 8
        decoder = Decoder()
        assert decoder.feed(bytes(wrong) + PUNCH.raw) == [meaning(PUNCH)], at
        assert decoder.bad_frames == 1


@pytest.mark.parametrize("frame", PACKETS, ids=str)
def test_datagrams_are_packets_without_a_prefix(frame: golden.Frame) -> None:
    payload = frame.raw[8 if frame.means["framing"] == "tcp" else 0 :]
    decoder = Decoder(datagrams=True)
    assert decoder.feed(payload) == [meaning(frame)]
    assert decoder.feed(payload[:7]) == decoder.feed(payload + b"\x01") == []
    assert decoder.bad_frames == 2


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=40), st.booleans())
def test_what_is_encoded_decodes(command: int, session: int, reply_id: int, data: bytes, datagrams: bool) -> None:
    packet = Packet(command, session, reply_id, data)
    assert Decoder(datagrams=datagrams).feed(encode(packet, datagrams=datagrams)) == [packet]


@given(st.binary(min_size=1, max_size=40))
def test_the_checksum_is_that_of_the_rules(data: bytes) -> None:
    total = sum(struct.unpack(f"<{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum(data) == ~total & 0xFFFF or not any(data)  # nothing but zeros is no packet


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_garbage_raises_nothing(chunks: list[bytes]) -> None:
    for datagrams in (False, True):
        decoder = Decoder(datagrams=datagrams)
        for chunk in chunks:
            decoder.feed(chunk)


@pytest.mark.parametrize("datagrams", [False, True])
def test_babble_is_a_protocol_error_and_is_not_kept(datagrams: bool) -> None:
    decoder = Decoder(datagrams=datagrams)
    for _ in range(BABBLE // 1000):
        decoder.feed(b"\x50\x50\x82\x00" * 250)
    with pytest.raises(ProtocolError):
        decoder.feed(b"\x50\x50\x82\x00" * 250)


def test_a_payload_that_is_too_short_is_none() -> None:
    assert parse(b"\xff\xff\x00\x00") is None


# ---- commkey and time: vectors of zk-protocol and pyzk


@pytest.mark.parametrize(
    ("key", "session", "answer"),
    [
        (0, 0, "617d3279"),
        (1234, 0x1234, "4136326b"),
        (123456, 0xC0C5, "297f3239"),
        (12345678, 0xC0C5, "e70f3284"),
        (999999, 0xFFFF, "22813296"),
        (131071, 0x9000, "617d3269"),
    ],
)
def test_commkeys(key: int, session: int, answer: str) -> None:
    assert key_answer(key, session).hex() == answer


@pytest.mark.parametrize(
    ("clock", "number"),
    [
        (at("2018-06-25T17:50:35"), 0x2368B36B),
        (at("2026-11-22T17:05:09"), 0x33847CC5),
        (at("2024-02-29T23:59:59"), 0x2E4969FF),
    ],
)
def test_times(clock: datetime, number: int) -> None:
    assert pack_time(clock) == struct.pack("<I", number)
    assert unpack_time(number) == clock


@given(st.datetimes(at("2000-01-01T00:00:00"), at("2099-12-31T23:59:59")))
def test_every_second_of_the_century_has_its_number(clock: datetime) -> None:
    clock = clock.replace(microsecond=0)
    assert unpack_time(int.from_bytes(pack_time(clock), "little")) == clock


@given(st.integers(0, 0xFFFFFFFF))
def test_every_number_is_a_time_or_none(number: int) -> None:
    unpack_time(number)


def test_no_31st_of_february() -> None:
    assert unpack_time(((24 * 12 + 1) * 31 + 30) * 86400) is None


# ---- records


def said(record: records.Record) -> str:
    return f"{record.person} {record.clock.isoformat()} {record.verify} {record.state}"


@pytest.mark.parametrize("frame", MEMORY, ids=str)
@pytest.mark.parametrize("right", [True, False])
def test_golden_records_are_read_whether_or_not_they_are_counted(frame: golden.Frame, right: bool) -> None:
    dump = records.body(frame.raw) if frame.raw[:4] == bytes(4) else frame.raw
    raws = records.pieces(dump, frame.means["size"])
    layout = records.choose(records.MEMORY, dump, len(raws) if right else 0)
    assert layout is not None
    found = [said(record) for raw in raws if (record := layout.read(raw))]
    assert len(found) == frame.means.get("count", 1)
    assert found[:5] == frame.means["records"]


@pytest.mark.parametrize("counted", [0, 3])
def test_a_golden_dump_that_is_no_records_is_not_told_as_records(counted: int) -> None:
    """What its owner's three punches became; the rest of the issue shows the nonsense that others made of it."""
    dump = records.body(bytes.fromhex(GOLDEN["124 bytes, session 0"].means["data"]))
    layout = records.choose(records.MEMORY, dump, counted)
    assert layout is None or not any(map(layout.read, records.pieces(dump, layout.size)))


WHEN = at("2026-03-02T08:00:01")
PACKED = pack_time(WHEN)
MADE = {
    "8": b"\x07\x00\x01" + PACKED + b"\x01",
    "8, MA300": b"\x07\x00\x01\x01" + PACKED,
    "16": b"\x07\x00\x00\x00" + PACKED + b"\x01\x01" + bytes(6),
    "40": b"\x07\x00" + b"7".ljust(24, b"\0") + b"\x01" + PACKED + b"\x01" + bytes.fromhex("00000000FF000000"),
    "49": b"\x07\x00" + b"7".ljust(24, b"\0") + b"\x01" + PACKED + b"\x01" + bytes(8) + b"\xff255\0\0\0\0\0",
}


def many(kind: str, count: int) -> bytes:
    """Records by the rules of the page, of many people at many times."""
    raws = []
    for nth in range(count):
        who = 1001 + nth % 300
        time = pack_time(at(f"2026-{1 + nth % 12:02}-{1 + nth % 28:02}T08:{nth % 60:02}:{nth * 7 % 60:02}"))
        text = str(who).encode().ljust(24, b"\0")
        ident = struct.pack("<I", who) if kind == "16" else struct.pack("<H", who)
        raws.append(MADE[kind].replace(b"7".ljust(24, b"\0"), text).replace(PACKED, time))
        raws[-1] = ident + raws[-1][len(ident) :]
    return b"".join(raws)


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("count", [1, 2, 5, 10, 49, 980])
@pytest.mark.parametrize("told", ["right", "zero", "wrong"])
def test_each_layout_is_known_by_what_it_says(kind: str, count: int, told: str) -> None:
    dump = many(kind, count)
    counts = {"right": count, "zero": 0, "wrong": count + 1}
    layout = records.choose(records.MEMORY, dump, counts[told])
    assert layout is not None
    assert layout.size == int(kind.split(",")[0])
    found = [layout.read(raw) for raw in records.pieces(dump, layout.size)]
    assert [record and record.verify for record in found] == [1] * count
    assert [record and int(record.person) for record in found] == [1001 + nth % 300 for nth in range(count)]
    first = found[0]
    assert first is not None
    assert (first.clock, first.state) == (at("2026-01-01T08:00:00"), 1)


@pytest.mark.parametrize("kind", MADE)
def test_a_clock_that_was_without_power_is_believed_where_the_count_fits(kind: str) -> None:
    dump = MADE[kind].replace(PACKED, pack_time(at("2000-01-01T00:05:07"))) * 3
    layout = records.choose(records.MEMORY, dump, 3)
    assert layout is not None
    assert layout.size == int(kind.split(",")[0])


def test_records_without_a_person_or_a_time_are_none() -> None:
    layout = records.MEMORY[0]
    february = struct.pack("<I", ((24 * 12 + 1) * 31 + 30) * 86400)
    assert layout.read(FACE.replace(bytes.fromhex("B8EBC929"), february)) is None
    assert layout.read(FACE.replace(b"10036", b"\xff0036")) is None
    assert layout.read(FACE.replace(b"10036", bytes(5))) is None


@given(st.binary(max_size=400), st.integers(0, 50))
def test_any_dump_has_a_layout_or_none(dump: bytes, count: int) -> None:
    layout = records.choose(records.MEMORY, records.body(dump), count)
    for raw in records.pieces(records.body(dump), layout.size) if layout else []:
        layout and layout.read(raw)
    records.choose(records.USERS, records.body(dump), count)
    records.live_records(dump)


# ---- what happens

LIVE = {
    10: b"\x07\x00\x01\x00" + bytes.fromhex("1A0302080001"),
    12: b"\x07\x00\x00\x00\x01\x00" + bytes.fromhex("1A0302080001"),
    14: b"\x07\x00\x01\x00" + bytes.fromhex("1A0302080001") + bytes(4),
    **{
        size: b"7".ljust(24, b"\0") + b"\x01\x00" + bytes.fromhex("1A0302080001") + bytes(size - 32)
        for size in (32, 36, 37, 52)
    },
}


def test_golden_events() -> None:
    face = GOLDEN["1140064 by face, live"]
    punch = bytes.fromhex(PUNCH.means["data"])
    assert [said(record) for record in records.live_records(face.raw) or []] == face.means["records"]
    found = records.live_records(punch + face.raw) or []
    assert [said(record) for record in found] == ["999111333 2018-06-25T17:41:05 1 0", *face.means["records"]]


@pytest.mark.parametrize("size", LIVE)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_events_of_every_length_and_several_together(size: int, count: int) -> None:
    found = records.live_records(LIVE[size] * count)
    person = 7 if size in (10, 14) else "7"
    assert found == [records.Record(person, WHEN, 1, 0)] * count


def test_a_longer_event_is_read_from_its_head() -> None:
    assert records.live_records(LIVE[52] + b"\x01" * 7) == [records.Record("7", WHEN, 1, 0)]


@pytest.mark.parametrize("data", [b"", bytes(10), bytes(32), LIVE[32][:31], b"\xff" * 52])
def test_an_event_that_makes_no_sense_is_none(data: bytes) -> None:
    assert records.live_records(data) is None


# ---- where to go on


def marks(keys: list[bytes]) -> list[str]:
    record = records.Record("7", WHEN, 1, 0)
    return [records.bookmark(nth, record, key) for nth, key in enumerate(keys, 1)]


def test_a_bookmark_says_where_it_is() -> None:
    assert marks([b"a"]) == ["2026-03-02T08:00:01/1/e8b7be43"]  # CRC-32 of "a", as catalogues have it


def test_after_a_bookmark_comes_what_is_new() -> None:
    keys = [b"a", b"b", b"b", b"c"]
    assert [records.after(keys, mark) for mark in marks(keys)] == [1, 2, 3, 4]
    assert records.after(keys[1:], marks(keys)[2]) == 2  # the oldest was forgotten
    assert records.after([b"x", b"y"], marks(keys)[3]) == 0  # memory was cleared
    assert records.after([], marks(keys)[3]) == 0


@given(st.one_of(st.text(), st.from_regex(r"[0-9T:-]*/[0-9]{1,5}/[0-9a-f]{8}")))
def test_a_strange_bookmark_is_the_beginning(mark: str) -> None:
    assert records.after([], mark) == 0
    assert records.after([b"a"], mark) in (0, 1)


# ---- people


def test_the_golden_person() -> None:
    layout = records.choose(records.USERS, USER, 1)
    assert layout is records.LONG_USER
    user = layout.read(USER)
    assert user.enrolled() == Enrolled("11224488", "Nuevo", True, "6543", ("password", "card"))
    assert layout.write(user) == USER
    assert records.changed(user, user.enrolled(), layout) == records.User(
        14, 6, b"123456\0\x7c", b"Nuevo", 6543, bytes.fromhex("010000000000000000"), b"11224488".ljust(24, b"\0")
    )


def test_disabling_changes_one_bit() -> None:
    layout = records.LONG_USER
    wanted = Enrolled("11224488", enabled=False)
    written = layout.write(records.changed(layout.read(USER), wanted, layout))
    assert [at for at in range(72) if written[at] != USER[at]] == [2]
    assert written[2] == 7
    assert not layout.read(written).enrolled().enabled


def test_a_new_person_is_written_as_the_page_has_it() -> None:
    long = records.changed(records.new_user("1001", 5, records.LONG_USER), Enrolled("1001", "张三"), records.LONG_USER)
    head, name = "0500 00" + "00" * 8, "D5C5 C8FD" + "00" * 20
    expected = bytes.fromhex(head + name + "00000000 01 0000 000000000000 31303031" + "00" * 20)
    assert records.LONG_USER.write(long) == expected
    short = records.changed(
        records.new_user("1001", 5, records.SHORT_USER), Enrolled("1001", "张三", card="77"), records.SHORT_USER
    )
    expected = bytes.fromhex("0500 00 0000000000 D5C5C8FD00000000 4D000000 00 01 0000 E9030000")
    assert records.SHORT_USER.write(short) == expected


@given(st.text(max_size=40))
def test_names_are_cut_between_letters(name: str) -> None:
    for layout in records.USERS:
        user = records.changed(records.new_user("7", 1, layout), Enrolled("7", name), layout)
        kept = layout.read(layout.write(user)).name.rstrip(b"\0").decode("gbk")
        assert name.encode("gbk", "replace").decode("gbk").rstrip("\0").startswith(kept)


@pytest.mark.parametrize("layout", records.USERS)
@pytest.mark.parametrize("person", ["", "1234567890", "张三", "a\0b", " 7", "00000000007"])
def test_a_person_that_there_is_no_room_for(layout: records.UserLayout, person: str) -> None:
    if (layout, person) == (records.SHORT_USER, "1234567890"):
        assert records.new_user(person, 1, layout).person == person
        return
    with pytest.raises(Rejected) as refused:
        records.new_user(person, 1, layout)
    assert refused.value.reason == "bad_person"


@pytest.mark.parametrize("card", ["x", "-1", "4294967296", "٣"])
def test_a_card_is_a_number(card: str) -> None:
    user = records.new_user("7", 1, records.LONG_USER)
    with pytest.raises(Rejected) as refused:
        records.changed(user, Enrolled("7", card=card), records.LONG_USER)
    assert refused.value.reason == "bad_card"


@pytest.mark.parametrize("layout", records.USERS)
@pytest.mark.parametrize("count", [1, 2, 18, 63])
@pytest.mark.parametrize("told", [True, False])
def test_layouts_of_people_are_known(layout: records.UserLayout, count: int, told: bool) -> None:
    users = [records.new_user(str(1000 + uid), uid, layout) for uid in range(1, count + 1)]
    dump = b"".join(map(layout.write, users))
    assert records.choose(records.USERS, dump, count if told else 0) is layout


def test_nothing_personal_is_printed_by_accident() -> None:
    shown = repr(records.LONG_USER.read(USER))
    assert not any(each in shown for each in ("Nuevo", "123456", "6543"))
