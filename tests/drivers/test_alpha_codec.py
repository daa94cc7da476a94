"""Alpha signs: golden frames through the codec, and what is left of a text in ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.alpha import MAX_BODY, RELEASE, Decoder, Frame, checksum, latin, packet, priority
from tests import frames_toml as golden

GOLDEN = {frame.name: frame for frame in golden.load("alpha")}
OURS = [GOLDEN[name] for name in ("A001 3, all signs", "A001 -> 3, sign 03", "A001 window 3, sign FF")]
OURS += [GOLDEN[name] for name in ("read general information", "release, all signs")]
LAST = GOLDEN["release, BetaBrite"]
# A power-on splash, the cut answer a BetaBrite's notes show, no head, no command, a wrong checksum, an 8-bit byte.
NOISE = [
    b"noise",
    b"\x04",
    b"\x01",
    b"\x01000\x02E$AAU0100FFFFBAU00",
    b"\x0100\x02A0\x04",
    b"\x01Z00\x04",
    b"\x01Z00\x02\x04",
    b"\x01Z00\x02A0\x030077\x04",
    b"\x01Z00\x02A0\x03007\x04",
    b"\x01Z00\x02A0\xc1\x04",
]


def meaning(frame: golden.Frame) -> Frame:
    means = frame.means
    return Frame(means["type"], means["address"], tuple(bytes.fromhex(block) for block in means["blocks"]))


@pytest.mark.parametrize("frame", GOLDEN.values(), ids=str)
def test_every_golden_frame_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder()
        found = [message for piece in pieces for message in decoder.feed(piece)]
        assert found == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


@pytest.mark.parametrize("frame", GOLDEN.values(), ids=str)
def test_noise_around_a_frame_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE):
        decoder = Decoder()
        found = decoder.feed(data)
        decoder.forget()
        assert found == [meaning(frame)], data
        assert decoder.garbage + decoder.bad_frames > 0


@pytest.mark.parametrize("frame", GOLDEN.values(), ids=str)
def test_a_cut_frame_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(len(frame.raw)):
        assert Decoder().feed(frame.raw[:at] + LAST.raw) == [meaning(LAST)]


@pytest.mark.parametrize("frame", OURS, ids=str)
def test_with_a_checksum_a_changed_bit_is_found(frame: golden.Frame) -> None:
    start, end = frame.raw.index(b"\x02") + 1, frame.raw.index(b"\x03")
    for at in range(start * 8, end * 8):
        wrong = bytearray(frame.raw)
        wrong[at // 8] ^= 1 << at % 8
        decoder = Decoder()
        assert meaning(frame) not in decoder.feed(bytes(wrong))
        assert decoder.bad_frames + decoder.garbage > 0


@pytest.mark.parametrize("frame", OURS, ids=str)
def test_golden_commands_are_framed_to_the_golden_bytes(frame: golden.Frame) -> None:
    message = meaning(frame)
    assert packet(int(message.address, 16), message.blocks[0]) == frame.raw


@pytest.mark.parametrize(
    ("text", "name"),
    [("A001 -> 3", "A001 -> 3, BetaBrite"), ("A001 3", "A001 3, all signs"), ("", "release, BetaBrite")],
)
def test_priority_texts_are_the_golden_ones(text: str, name: str) -> None:
    assert priority(text) == meaning(GOLDEN[name]).blocks[0]


def test_the_sum_a_sign_sent() -> None:
    assert checksum(b"GaREAD ME") == b"027B"


def test_a_lower_case_sum_is_right_too() -> None:
    assert Decoder().feed(b"\x01000\x02GaREAD ME\x03027b\x04") == [Frame("0", "00", (b"GaREAD ME",))]


def test_an_endless_frame_is_dropped() -> None:
    decoder = Decoder()
    for _ in range(100):
        decoder.feed(b"\x01" + bytes(MAX_BODY * 2))
        assert len(decoder._body or b"") <= MAX_BODY
    assert decoder.bad_frames == 100
    assert decoder.feed(LAST.raw) == [meaning(LAST)]


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"\x01" + data)
    assert decoder.feed(LAST.raw)[-1:] == [meaning(LAST)]


@given(st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in GOLDEN.values())]) | st.binary()))
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


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@given(st.integers(0, 0xFF), PRINTABLE)
def test_own_frames_come_back(address: int, text: str) -> None:
    block = priority(text)
    assert Decoder().feed(packet(address, block)) == [Frame("Z", f"{address:02X}", (block,))]


# ---- text


@pytest.mark.parametrize(
    ("text", "shown", "dropped"),
    [
        ("A001 -> 3", "A001 -> 3", 0),
        ("请A001号到3号窗口", "A001 3", 6),
        ("请Ａ００１号（１）到３号", "A001 (1) 3", 4),
        ("请到（三楼）", "", 4),
        ("暂停服务", "", 4),
        ("", "", 0),
        ("-- * --", "-- * --", 0),
        ("A001：3", "A001:3", 0),
        ("Café José", "Cafe Jose", 0),
        ("Cafe\u0301", "Cafe", 0),
        ("5㎡ ①", "5m2 1", 0),
        ("Straße", "Stra e", 1),
        ("㈱A", "A", 1),
        ("A\n\tB\u3000C\u00a0D", "A B C D", 0),
        ("A\x1bB\x01C\u200bD", "ABCD", 0),
        ("A001 😀", "A001", 1),
        ("3\ud800", "3", 1),
    ],
)
def test_text_policy(text: str, shown: str, dropped: int) -> None:
    assert latin(text) == (shown, dropped)


@given(st.text())
def test_only_printable_ascii_is_left(text: str) -> None:
    shown, dropped = latin(text)
    assert all(0x20 <= ord(char) < 0x7F for char in shown)
    assert 0 <= dropped <= len(text)
    assert latin(shown) == (shown, 0)


@given(PRINTABLE)
def test_ascii_loses_nothing_but_extra_spaces(text: str) -> None:
    assert latin(text) == (" ".join(text.split()), 0)


@given(st.text())
def test_no_text_frames_or_commands_anything(text: str) -> None:
    block = priority(latin(text)[0])
    assert block == RELEASE or (block.startswith(b"A0\x1b b") and all(byte >= 0x20 for byte in block[5:]))
