"""Digit boards and buttons on Modbus: golden frames through the codec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus import OLD_NUMBER, write_number, write_text
from drivers.modbus_frames import FRAMINGS, Decoder, Reply, answers, crc16, rtu, tcp
from drivers.modbus_inputs import levels, read_inputs, write_coil
from tests import frames_toml as golden

GOLDEN = {frame.name: frame for frame in golden.load("modbus")}
REPLIES = golden.load("modbus", "in")
WITH_CHECKSUM = [frame for frame in REPLIES if frame.means["framing"] == "rtu"]
LONGEST = 12
LAST = {
    "rtu": GOLDEN["number 12 written, unit 3"],
    "tcp": GOLDEN["number 12 written, unit 3, TCP"],
}
# Requests of other hosts, half frames, a read answer, zeros, and what looks like the head of a frame.
NOISE = [
    b"\x00\x01noise",
    b"\x01\x06",
    b"\x01\x86",
    b"\x00\x07\x00\x00\x00\x06",
    bytes(LONGEST),
    GOLDEN["text written, unit 1"].raw[:7],
    bytes.fromhex("01 03 02 00 05 78 47"),
    GOLDEN["text P2.3, unit 1"].raw,
]


def meaning(frame: golden.Frame) -> Reply:
    means = frame.means
    return Reply(means["unit"], bytes.fromhex(means["pdu"]), means.get("transaction", 0))


def framed(frame: golden.Frame) -> bytes:
    unit, pdu = frame.means["unit"], bytes.fromhex(frame.means["pdu"])
    return rtu(unit, pdu) if frame.means["framing"] == "rtu" else tcp(frame.means["transaction"], unit, pdu)


@pytest.mark.parametrize("frame", GOLDEN.values(), ids=str)
def test_golden_pdus_are_framed_to_the_golden_bytes(frame: golden.Frame) -> None:
    assert framed(frame) == frame.raw


@pytest.mark.parametrize(
    ("pdu", "name"),
    [
        (write_number(1), "number 1, unit 1"),
        (write_number(12), "number 12, unit 3"),
        (write_number(1111, OLD_NUMBER), "number 1111 at 0088, unit 5"),
        (write_text("P2.3"), "text P2.3, unit 1"),
        (write_text("   "), "three blanks, unit 1"),
        (read_inputs(4), "look at 4 inputs, unit 11"),
        (read_inputs(16), "look at 16 inputs, unit 11"),
        (write_coil(3, on=True), "coil 3 on, unit 11"),
        (write_coil(3, on=False), "coil 3 off, unit 11"),
    ],
)
def test_requests_are_the_golden_ones(pdu: bytes, name: str) -> None:
    assert pdu == bytes.fromhex(GOLDEN[name].means["pdu"])


def test_the_check_value_of_the_checksum() -> None:
    assert crc16(b"123456789") == 0x4B37  # as catalogues of checksums list CRC-16/MODBUS


@pytest.mark.parametrize("frame", REPLIES, ids=str)
def test_every_golden_reply_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder(frame.means["framing"])
        found = [reply for piece in pieces for reply in decoder.feed(piece)]
        assert found == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


@pytest.mark.parametrize("frame", REPLIES, ids=str)
def test_noise_around_a_reply_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE):
        decoder = Decoder(frame.means["framing"])
        found = decoder.feed(data)
        decoder.forget()
        assert found == [meaning(frame)], data
        assert decoder.garbage + decoder.bad_frames > 0


@pytest.mark.parametrize("frame", WITH_CHECKSUM, ids=str)
def test_a_changed_bit_costs_that_reply_only(frame: golden.Frame) -> None:
    for at in range(len(frame.raw) * 8):
        wrong = bytearray(frame.raw)
        wrong[at // 8] ^= 1 << at % 8
        decoder = Decoder()
        assert decoder.feed(bytes(wrong) + LAST["rtu"].raw) == [meaning(LAST["rtu"])], at
        assert decoder.garbage == len(frame.raw)


@pytest.mark.parametrize("frame", WITH_CHECKSUM, ids=str)
def test_a_cut_reply_costs_that_reply_only(frame: golden.Frame) -> None:
    for at in range(1, len(frame.raw)):
        decoder = Decoder()
        assert decoder.feed(frame.raw[:at] + LAST["rtu"].raw) == [meaning(LAST["rtu"])]
        assert decoder.garbage == at


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("00 01 00 01 00 06 01 06 00 00 00 01", id="protocol 1"),
        pytest.param("00 01 00 00 00 07 01 06 00 00 00 01", id="length 7 of 6"),
        pytest.param("00 01 00 00 00 05 01 06 00 00 00 01", id="length 5 of 6"),
        pytest.param("00 01 00 00 00 06 00 06 00 00 00 01", id="unit 0"),
        pytest.param("00 01 00 00 00 06 01 04 00 00 00 01", id="function 04"),
        pytest.param("00 01 00 00 00 04 01 02 02 04", id="a byte of two"),
        pytest.param("00 01 00 00 00 07 01 02 04 04 81 00 00", id="more levels than are ever asked for"),
        pytest.param("00 01 00 00 00 03 01 83 02", id="a refused read"),
        pytest.param("00 01 00 00 00 03 01 06 00", id="an echo of two bytes"),
    ],
)
def test_what_is_no_reply_is_garbage(raw: str) -> None:
    decoder = Decoder("tcp")
    assert decoder.feed(bytes.fromhex(raw) + LAST["tcp"].raw) == [meaning(LAST["tcp"])]
    assert decoder.garbage == len(bytes.fromhex(raw))


PAIRS = [
    ("number 1, unit 1", "number 1 written, unit 1"),
    ("three blanks, unit 1", "text written, unit 1"),
    ("look at 4 inputs, unit 11", "input 2 of 4 is closed, unit 11"),
    ("look at 16 inputs, unit 11", "inputs 2, 8 and 15 of 16 are closed, unit 11"),
    ("look at 4 inputs, unit 11", "more inputs than there are, unit 11"),
    ("coil 3 on, unit 11", "coil 3 is on, unit 11"),
    ("coil 3 off, unit 11", "coil 3 is off, unit 11"),
    ("coil 3 on, unit 11", "a coil that is not there, unit 11"),
    ("number 1, unit 1", "06 to a wrong register, unit 1"),
    ("three blanks, unit 1", "10 to a wrong register, unit 1"),
]


def test_a_reply_answers_its_own_request_and_no_other() -> None:
    requests, replies = {request for request, _ in PAIRS}, {reply for _, reply in PAIRS}
    found = {
        (request, reply)
        for request in requests
        for reply in replies
        if answers(bytes.fromhex(GOLDEN[request].means["pdu"]), bytes.fromhex(GOLDEN[reply].means["pdu"]))
    }
    # A refusal names the function only, and both kinds of look and of switching have one.
    refusals = {
        ("look at 16 inputs, unit 11", "more inputs than there are, unit 11"),
        ("coil 3 off, unit 11", "a coil that is not there, unit 11"),
    }
    assert found == set(PAIRS) | refusals


@pytest.mark.parametrize(
    ("name", "count", "closed"),
    [("input 2 of 4 is closed, unit 11", 4, {2}), ("inputs 2, 8 and 15 of 16 are closed, unit 11", 16, {2, 8, 15})],
)
def test_levels_are_told_from_input_0_on(name: str, count: int, closed: set[int]) -> None:
    told = levels(bytes.fromhex(GOLDEN[name].means["pdu"]), count)
    assert [nth for nth, level in enumerate(told) if level] == sorted(closed)
    assert len(told) == count


def test_silence_drops_what_has_begun() -> None:
    raw = LAST["rtu"].raw
    decoder = Decoder()
    assert decoder.feed(raw[:5]) == []
    decoder.forget()
    assert decoder.feed(raw[5:]) == []
    assert decoder.bad_frames == 1


@given(st.sampled_from(sorted(FRAMINGS)), st.binary(max_size=300))
def test_any_bytes_are_survived_and_few_are_kept(framing: str, data: bytes) -> None:
    decoder = Decoder(framing)
    decoder.feed(data)
    assert len(decoder._tail) < LONGEST
    assert decoder.feed(LAST[framing].raw)[-1:] == [meaning(LAST[framing])]


@given(
    st.data(),
    st.sampled_from(sorted(FRAMINGS)),
    st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in REPLIES)]) | st.binary(max_size=20)),
)
def test_any_split_gives_the_same(data: st.DataObject, framing: str, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(framing), Decoder(framing)
    found, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == whole.feed(stream)
    assert cut.garbage == whole.garbage


@given(st.integers(1, 247), st.integers(-0x8000, 0x7FFF), st.integers(1, 0xFFFF))
def test_own_frames_come_back(unit: int, value: int, transaction: int) -> None:
    pdu = write_number(value)
    assert Decoder("rtu").feed(rtu(unit, pdu)) == [Reply(unit, pdu)]
    assert Decoder("tcp").feed(tcp(transaction, unit, pdu)) == [Reply(unit, pdu, transaction)]
