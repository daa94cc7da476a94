"""Onbon text cards: golden frames through the codec, and the text policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.onbon import MAX_BODY, STATUS, Decoder, Frame, encode, request, update
from drivers.onbon_area import MANY_LINES, ONE_LINE, QUICK, Sound, TextArea, encode_text, lay_out
from tests import frames_toml as golden

GOLDEN = {frame.name: frame for frame in golden.load("onbon")}
KNOWN = [frame for frame in GOLDEN.values() if frame.means]
FOREIGN = GOLDEN["a 5E ping: not of this family"].raw
PHRASE = "请A001号到3号窗口"
PHRASE_BYTES = bytes.fromhex("C7 EB 41 30 30 31 BA C5 B5 BD 33 BA C5 B4 B0 BF DA")
ACK_1 = GOLDEN["ACK of screen 1"].raw
NOISE = [b"\x00\x01noise", b"\x5a", b"\xa5\xa5\x5a", b"\xa5\x01\x02\x5a", b"\xa6\x5b\xa6", b"\xa5\xa6\x07\x5a", FOREIGN]


def meaning(frame: golden.Frame) -> Frame:
    return Frame(frame.means["destination"], frame.means["source"], bytes.fromhex(frame.means["data"]))


@pytest.mark.parametrize("frame", KNOWN, ids=str)
def test_every_golden_frame_decodes_however_it_is_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        decoder = Decoder()
        found = [message for piece in pieces for message in decoder.feed(piece)]
        assert found == [meaning(frame)]
        assert (decoder.garbage, decoder.bad_frames) == (0, 0)


@pytest.mark.parametrize("frame", KNOWN, ids=str)
def test_noise_around_a_frame_does_not_hide_it(frame: golden.Frame) -> None:
    for data in golden.noisy(frame.raw, NOISE):
        decoder = Decoder()
        assert decoder.feed(data) == [meaning(frame)]
        assert decoder.garbage + decoder.bad_frames > 0


@pytest.mark.parametrize("frame", KNOWN, ids=str)
def test_a_changed_byte_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(8, len(frame.raw)):
        for flip in (0x01, 0xFF):
            wrong = bytearray(frame.raw)
            wrong[at] ^= flip
            decoder = Decoder()
            assert decoder.feed(bytes(wrong) + ACK_1) == [meaning(GOLDEN["ACK of screen 1"])], at
            assert decoder.bad_frames >= 1


@pytest.mark.parametrize("frame", KNOWN, ids=str)
def test_a_cut_frame_costs_that_frame_only(frame: golden.Frame) -> None:
    for at in range(1, len(frame.raw)):
        assert Decoder().feed(frame.raw[:at] + ACK_1) == [meaning(GOLDEN["ACK of screen 1"])]


def test_one_start_byte_is_enough() -> None:
    assert Decoder().feed(ACK_1[7:]) == Decoder().feed(ACK_1)


def test_the_other_families_are_bad_frames() -> None:
    decoder = Decoder()
    assert decoder.feed(FOREIGN) == []
    assert decoder.bad_frames == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("A5 00 80 01 00 00 00 00 00 00 00 FE 03 05 00 A0 00 00 00 00 A6 02 10 5A", id="version 3"),
        pytest.param("A5 00 80 01 00 00 00 00 00 00 00 FE 02 06 00 A0 00 00 00 00 57 DC 5A", id="length 6 of 5"),
        pytest.param("A5 00 80 01 00 00 00 00 00 00 00 FE 02 04 00 A0 00 00 00 00 74 1C 5A", id="length 4 of 5"),
    ],
)
def test_a_sound_checksum_is_not_enough(raw: str) -> None:
    # The ACK of screen 1 with one header byte changed; the CRC is that of the changed frame.
    decoder = Decoder()
    assert decoder.feed(bytes.fromhex(raw)) == []
    assert decoder.bad_frames == 1


def test_a_barcode_between_header_and_data_is_skipped() -> None:
    # The ACK of screen 1 with option 1 and sixteen zeros; its CRC worked out apart.
    raw = "A5 00 80 01 00 00 00 00 01 00 00 FE 02 05 00" + "00" * 16 + "A0 00 00 00 00 CD 81 5A"
    assert Decoder().feed(bytes.fromhex(raw)) == [Frame(0x8000, 1, bytes.fromhex("A0 00 00 00 00"))]


def test_an_endless_frame_is_dropped() -> None:
    decoder = Decoder()
    for _ in range(100):
        decoder.feed(b"\xa5" + bytes(MAX_BODY * 2))
        assert len(decoder._body or b"") <= MAX_BODY
    assert decoder.bad_frames == 100
    assert decoder.feed(ACK_1) == [meaning(GOLDEN["ACK of screen 1"])]


@pytest.mark.parametrize("frame", KNOWN, ids=str)
def test_golden_data_is_framed_to_the_golden_bytes(frame: golden.Frame) -> None:
    message = meaning(frame)
    assert encode(message.destination, message.source, message.data) == frame.raw


def test_status_request() -> None:
    assert request(1, STATUS) == GOLDEN["status, screen 1"].raw


@pytest.mark.parametrize(("generation", "width"), [("5K", 16), ("6K", 128)])
def test_text_area_of_both_generations(generation: str, width: int) -> None:
    text, _ = encode_text(PHRASE)
    area = TextArea(width, 16, text, MANY_LINES, QUICK)
    assert update(0xFFFE, area) == GOLDEN[f"text on {generation}, 128 x 16"].raw


def test_text_area_with_voice() -> None:
    text, _ = encode_text(PHRASE)
    words, _ = encode_text(PHRASE + "办理")
    area = TextArea(128, 16, text, MANY_LINES, QUICK, sound=Sound(words, volume=10))
    assert update(0xFFFE, area) == GOLDEN["text on 6K with voice"].raw


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"\xa5" + data)
    assert decoder.feed(b"\x5a" + ACK_1)[-1:] == [meaning(GOLDEN["ACK of screen 1"])]


@given(st.data(), st.lists(st.sampled_from([*NOISE, *(frame.raw for frame in KNOWN)]) | st.binary(max_size=40)))
def test_any_split_gives_the_same(data: st.DataObject, parts: list[bytes]) -> None:
    stream = b"".join(parts)
    whole, cut = Decoder(), Decoder()
    found = []
    rest = stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += cut.feed(rest[:size])
        rest = rest[size:]
    assert found == whole.feed(stream)
    assert (cut.garbage, cut.bad_frames) == (whole.garbage, whole.bad_frames)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=200))
def test_own_frames_come_back(destination: int, source: int, data: bytes) -> None:
    assert Decoder().feed(encode(destination, source, data)) == [Frame(destination, source, data)]


# ---- text


def test_the_golden_phrase() -> None:
    assert encode_text(PHRASE) == (PHRASE_BYTES, 0)


@pytest.mark.parametrize(
    ("text", "charset", "raw", "replaced"),
    [
        ("a\\nb", "gb2312", "61 A3 DC 6E 62", 0),
        ("\\", "gbk", "A3 DC", 0),
        ("一\t二\x07\u200b", "gb2312", "D2 BB 20 B6 FE", 0),
        ("一\u3000二", "gb2312", "D2 BB A1 A1 B6 FE", 0),
        ("—·", "gb2312", "A1 AA A1 A4", 0),
        ("21℃", "gb2312", "32 31 A1 E6", 0),
        ("镕", "gb2312", "A3 BF", 1),
        ("镕", "gbk", "E9 46", 0),
        ("5㎡", "gb2312", "35 6D 32", 1),
        ("😀", "gbk", "A3 BF", 1),
        ("誠", "gb2312", "A3 BF", 1),
        ("誠", "gbk", "A3 BF", 1),  # D55C: its second byte is a backslash
    ],
)
def test_text_policy(text: str, charset: str, raw: str, replaced: int) -> None:
    assert encode_text(text, charset) == (bytes.fromhex(raw), replaced)


@given(st.text(), st.sampled_from(["gb2312", "gbk"]))
def test_user_text_never_holds_an_escape_or_a_control_byte(text: str, charset: str) -> None:
    raw, _ = encode_text(text, charset)
    assert b"\\" not in raw
    assert all(byte >= 0x20 for byte in raw)
    assert len(raw) <= 500
    raw.decode(charset)


def test_long_text_is_cut_between_characters_and_counted() -> None:
    assert encode_text("a" + "中" * 300) == (b"a" + bytes.fromhex("D6D0") * 249, 1)


@pytest.mark.parametrize(
    ("text", "height", "raw", "lines", "display"),
    [
        ("3号窗口", 16, "33 BA C5 B4 B0 BF DA", ONE_LINE, 0x01),
        (PHRASE, 16, PHRASE_BYTES.hex(), ONE_LINE, 0x03),
        ("一\n二", 16, "D2 BB 20 B6 FE", ONE_LINE, 0x01),
        ("一\n二", 32, "D2 BB 5C 6E B6 FE", MANY_LINES, 0x01),
        ("一\n" + PHRASE, 32, "D2 BB 20" + PHRASE_BYTES.hex(), ONE_LINE, 0x03),
        ("", 16, "20", ONE_LINE, 0x01),
    ],
)
def test_text_that_fits_stands_and_the_rest_runs(text: str, height: int, raw: str, lines: int, display: int) -> None:
    area, replaced = lay_out(text, 128, height)
    assert (area.text, area.lines, area.display) == (bytes.fromhex(raw), lines, display)
    assert replaced == 0
