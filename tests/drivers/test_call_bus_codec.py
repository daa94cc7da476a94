"""The FF 68 bus: golden frames through the codec, and the key maps and the options."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Evaluator, Misconfigured, NumberDisplay
from drivers.call_bus import DEVICE, CallBus, Decoder, Frame, encode, key
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("call_bus")}
HEARD = golden.load("call_bus", "in")
CALL = GOLDEN["call key, box 3"].raw
NOISE = [b"\x00\x01noise", b"\xff", b"\xff\x68", b"\xff\x68\x03", b"\xff\x68\x05\x05\x68", b"\xff\xff\x68\x68", b"\x16"]


def meaning(frame: golden.Frame) -> Frame:
    return Frame(frame.means["address"], frame.means["function"], bytes.fromhex(frame.means["data"]))


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_every_golden_frame_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder()
        assert [message for piece in pieces for message in decoder.feed(piece)] == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_noise_around_a_frame_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE):
        assert Decoder().feed(data) == [meaning(frame)]


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_a_changed_byte_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(len(frame.raw)):
        for flip in (0x01, 0x80):
            wrong = bytearray(frame.raw)
            wrong[at] ^= flip
            decoder = Decoder()
            assert decoder.feed(bytes(wrong) + CALL + CALL)[-1:] == [meaning(GOLDEN["call key, box 3"])]
            assert meaning(frame) not in Decoder().feed(bytes(wrong))
            assert decoder.garbage > 0


@pytest.mark.parametrize("frame", HEARD, ids=str)
def test_a_cut_frame_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(1, len(frame.raw)):
        decoder = Decoder()
        assert decoder.feed(frame.raw[:at] + CALL) == [meaning(GOLDEN["call key, box 3"])]
        assert decoder.garbage == at


@pytest.mark.parametrize("frame", GOLDEN.values(), ids=str)
def test_golden_meanings_encode_to_the_golden_bytes(frame: golden.Frame) -> None:
    assert encode(meaning(frame)) == frame.raw


def test_the_length_limit_is_a_setting() -> None:
    ticket = GOLDEN["ticket 001, box 3"].raw
    assert Decoder(5).feed(ticket) == []
    assert Decoder(8).feed(ticket) == [meaning(GOLDEN["ticket 001, box 3"])]


@given(st.binary(max_size=200), st.integers(3, 255))
def test_any_bytes_are_survived_in_bounded_room(data: bytes, limit: int) -> None:
    decoder = Decoder(limit)
    for _ in range(4):
        decoder.feed(data)
        assert len(decoder._buffer) < limit + 7
    found = decoder.feed(CALL * 30)
    assert found[-1:] == [meaning(GOLDEN["call key, box 3"])]


@given(
    st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in GOLDEN.values())]) | st.binary(max_size=20))
)
def test_any_split_gives_the_same(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(), Decoder()
    found, rest = [], stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == whole.feed(stream)
    assert (cut.garbage, cut.bad_frames) == (whole.garbage, whole.bad_frames)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(min_size=1, max_size=3))
def test_own_frames_come_back(address: int, function: int, data: bytes) -> None:
    assert Decoder().feed(encode(Frame(address, function, data))) == [Frame(address, function, data)]


@pytest.mark.parametrize(
    ("profile", "data", "name", "digits"),
    [
        ("hall", "0B", "finish", ()),
        ("hall", "0C", "call", ()),
        ("hall", "0D", "recall", ()),
        ("hall", "0E", "cancel", ()),
        ("hall", "12", "pause", ()),
        ("hall", "13", "transfer", ()),
        ("hall", "06 0F", "miss", ()),
        ("hall", "00 0F", "hold", ()),
        ("hall", "03 0F", "resume", ()),
        ("hall", "05 0F", "key_0F", (5,)),
        ("hall", "0F", "key_0F", ()),
        ("hall", "01 06 0F", "key_0F", (1, 6)),
        ("hall", "11", "key_11", ()),
        ("hall", "0A", "key_0A", ()),
        ("slz", "01 02 0A", "transfer", (1, 2)),
        ("slz", "0B", "finish", ()),
        ("slz", "00 0B", "key_0B", ()),
        ("slz", "0C", "call", ()),
        ("slz", "01 02 03 0C", "call", (1, 2, 3)),
        ("slz", "0D", "recall", ()),
        ("slz", "0E", "cancel", ()),
        ("slz", "05 0F", "miss", ()),
        ("slz", "00 0F", "pause", ()),
        ("slz", "06 0F", "key_0F", (6,)),
        ("slz", "12", "key_12", ()),
    ],
)
def test_keys(profile: str, data: str, name: str, digits: tuple[int, ...]) -> None:
    assert key(profile, bytes.fromhex(data)) == (name, digits)


def test_it_has_both_capabilities() -> None:
    assert DEVICE is CallBus
    assert issubclass(CallBus, NumberDisplay)
    assert issubclass(CallBus, Evaluator)


async def opener() -> End:
    return pair()[0]


@pytest.mark.parametrize("options", [{"keys": "pos"}, {"max_length": 2}, {"max_length": 256}, {"evaluator_offset": 64}])
def test_wrong_options_are_misconfigured(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        CallBus(opener, options)


@pytest.mark.parametrize(("address", "offset"), [(-1, 0), (256, 0), (128, 0x80)])
async def test_a_wrong_address_is_misconfigured(address: int, offset: int) -> None:
    async with CallBus(opener, {"evaluator_offset": offset}) as bus:
        with pytest.raises(Misconfigured):
            await bus.invite(address)
