"""Short messages: golden PDUs and lines through the codecs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import sms_at as at
from drivers.base import ProtocolError, Rejected
from drivers.sms_pdu import Report, address, normalise, outcome, parse_report, split, submit
from tests import frames_toml as golden

FRAMES = golden.load("sms")
PDUS = [frame for frame in FRAMES if "pdu" in frame.means]
LINES = [frame for frame in FRAMES if "lines" in frame.means]

# ---- SUBMIT


@pytest.mark.parametrize("frame", golden.load("sms", "out"), ids=str)
def test_submits_are_the_golden_ones(frame: golden.Frame) -> None:
    parts = submit(frame.means["number"], frame.means["text"], 0)
    assert len(parts) == frame.means["parts"]
    assert parts[frame.means["part"] - 1] == frame.raw


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013-8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+8613800138000", "+8613800138000"),
        ("＋86 138 0013 8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),
        ("+27820001111", "+27820001111"),
        ("10086", "10086"),
        ("12345", "12345"),
    ],
)
def test_numbers_as_they_are_typed(typed: str, number: str) -> None:
    assert normalise(typed, "86") == number


@pytest.mark.parametrize(
    "typed", ["", "12", "+12345", "138001380OO", "+", "++8613800138000", "+0613800138000", "1234567890123456", "*100#"]
)
def test_what_is_no_number_is_rejected_and_not_repeated(typed: str) -> None:
    with pytest.raises(Rejected) as caught:
        normalise(typed, "86")
    assert str(caught.value) == "bad_number"


@pytest.mark.parametrize(
    ("number", "raw"),
    [
        # source: tests of faucamp/python-gsmmodem, test_pdu.py
        ("+9876543210", "0A918967452301"),
        ("+27829135934", "0B917228195339F4"),
        # source: 3GPP TS 23.040, 9.1.2.5, by hand
        ("10086", "05810180F6"),
    ],
)
def test_addresses(number: str, raw: str) -> None:
    assert address(number) == bytes.fromhex(raw)


def test_seventy_units_are_one_part_and_the_next_makes_two() -> None:
    assert [len(part) for part in split("号" * 70)] == [140]
    assert [len(part) for part in split("号" * 71)] == [134, 8]
    assert [len(part) for part in split("号" * 134)] == [134, 134]
    assert [len(part) for part in split("号" * 135)] == [134, 134, 2]


def test_a_pair_goes_whole_into_the_next_part() -> None:
    assert [len(part) for part in split("号" * 66 + "😀" + "号" * 9)] == [132, 22]
    assert [len(part) for part in split("号" * 65 + "😀" + "号" * 9)] == [134, 18]
    assert [len(part) for part in split("号" + "😀" * 99)] == [134, 132, 132]
    assert [len(part) for part in split("😀" * 99)] == [132, 132, 132]


def test_a_text_with_half_a_character_is_still_sent() -> None:
    assert split("A\ud83d") == [b"\x00A\x00?"]


def test_more_parts_than_a_header_can_count_are_rejected() -> None:
    assert len(submit("10086", "号" * 67 * 255, 7)) == 255
    with pytest.raises(Rejected) as caught:
        submit("10086", "号" * (67 * 255 + 1), 7)
    assert caught.value.reason == "too_long"


def test_an_empty_text_is_a_message() -> None:
    assert submit("10086", "", 7) == [bytes.fromhex("0021000581 0180F6 0008 00")]


@given(st.text(max_size=600) | st.text(st.sampled_from("号😀"), min_size=60, max_size=300))
def test_parts_fit_and_put_together_are_the_text(text: str) -> None:
    parts = split(text)
    assert "".join(part.decode("utf-16-be") for part in parts) == text
    longest = 140 if len(parts) == 1 else 134
    assert all(len(part) <= longest for part in parts)
    assert all(len(part) >= 132 for part in parts[:-1])


# ---- STATUS-REPORT


@pytest.mark.parametrize("frame", PDUS, ids=str)
def test_golden_reports(frame: golden.Frame) -> None:
    means = frame.means
    assert parse_report(frame.raw, means["length"]) == Report(means["reference"], means["number"], means["status"])


@pytest.mark.parametrize("frame", PDUS, ids=str)
def test_a_report_that_is_cut_short_is_a_protocol_error(frame: golden.Frame) -> None:
    for cut in range(1, len(frame.raw)):
        with pytest.raises(ProtocolError):
            parse_report(frame.raw[:-cut], frame.means["length"])
    for cut in range(1, 21):
        with pytest.raises(ProtocolError):
            parse_report(frame.raw[:-cut], frame.means["length"] - cut)


@given(st.binary(max_size=64), st.integers(0, 300))
def test_nonsense_raises_only_a_protocol_error(raw: bytes, length: int) -> None:
    try:
        report = parse_report(raw, length)
    except ProtocolError:
        return
    assert 0 <= report.reference <= 255


def test_a_message_that_came_in_is_no_report() -> None:
    # source: three independent decoders agree that it is a DELIVER
    raw = bytes.fromhex("00040D91683108108300F00008621122715020230E9A8C8BC178010031003200330034")
    with pytest.raises(ProtocolError):
        parse_report(raw, len(raw) - 1)


@pytest.mark.parametrize(
    ("status", "delivered"),
    [
        (0x00, True),
        (0x01, True),
        (0x02, True),
        (0x1F, True),
        (0x20, None),
        (0x30, None),
        (0x3F, None),
        (0x40, False),
        (0x46, False),
        (0x5F, False),
        (0x60, False),
        (0x7F, False),
        (0x80, None),
        (0xFF, None),
    ],
)
def test_what_a_status_means(status: int, delivered: bool | None) -> None:
    assert outcome(status) is delivered


# ---- lines


def read(*pieces: bytes) -> list[str]:
    decoder = at.Decoder()
    return [line for piece in pieces for line in decoder.feed(piece)]


@pytest.mark.parametrize("frame", LINES, ids=str)
def test_golden_lines_however_they_are_split(frame: golden.Frame) -> None:
    for pieces in golden.splits(frame.raw):
        assert read(*pieces) == frame.means["lines"]


@pytest.mark.parametrize("frame", LINES, ids=str)
def test_noise_on_lines_of_its_own_does_not_hide_a_line(frame: golden.Frame) -> None:
    noise = [b"\0\0\0\r\n", b"\xff\xfe\r\n", b"x\x07y\r", b"A" * 600 + b"\r\n", "请".encode() + b"\n", b"\r\n\r\n"]
    for data in golden.noisy(frame.raw, noise):
        lines = read(data)
        assert lines == frame.means["lines"] * (len(lines) // len(frame.means["lines"]))
        assert lines


def test_a_prompt_has_no_end_and_its_echo_is_a_line() -> None:
    assert read(b"\r\n>") == [">"]
    assert read(b"AT+CMGS=30\r\r\n> 0021\x1a\r\n+CMGS: 1\r\n") == ["AT+CMGS=30", ">", "0021", "+CMGS: 1"]
    assert read(b"+COPS: 0,0,<x>\r\n") == ["+COPS: 0,0,<x>"]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_any_chunks_give_the_same_lines(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == read(data)
    assert all(line and line.isascii() and line.isprintable() for line in read(data))


def test_a_line_without_an_end_keeps_few_bytes() -> None:
    decoder = at.Decoder()
    assert decoder.feed(b"A" * 100_000) == []
    assert len(decoder._line) == at.MAX_LINE
    assert decoder.feed(b"\r\nOK\r\n") == ["OK"]
    assert (decoder.garbage, decoder.bad_frames) == (100_000, 1)
    assert decoder.feed(b"A" * at.MAX_LINE + b"\r") == ["A" * at.MAX_LINE]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ERROR", "refused"),
        ("COMMAND NOT SUPPORT", "refused"),
        ("+CMS ERROR: 1", "bad_number"),
        ("+CMS ERROR: 10", "barred"),
        ("+CMS ERROR: 38", "no_network"),
        ("+CMS ERROR: 41", "busy"),
        ("+CMS ERROR:42", "busy"),
        ("+CMS ERROR: 310", "no_sim"),
        ("+CMS ERROR: 311", "sim_pin"),
        ("+CMS ERROR: 322", "memory_full"),
        ("+CMS ERROR: 330", "no_smsc"),
        ("+CMS ERROR: 331", "no_network"),
        ("+CMS ERROR: 332", "network_timeout"),
        ("+CMS ERROR: 500", "refused"),
        ("+CME ERROR: 10", "no_sim"),
        ("+CME ERROR: 11", "sim_pin"),
        ("+CME ERROR: 14", "busy"),
        ("+CME ERROR: 30", "no_network"),
        ("+CME ERROR: 100", "refused"),
    ],
)
def test_refusals_have_stable_words(line: str, reason: str) -> None:
    refused = at.refusal(line)
    assert refused is not None
    assert refused.reason == reason


@pytest.mark.parametrize("line", ["OK", "+CMS ERROR: x", "NO ERROR", "+CMGS: 41", "RING", ""])
def test_other_lines_refuse_nothing(line: str) -> None:
    assert at.refusal(line) is None


@pytest.mark.parametrize(
    ("line", "registered"),
    [
        ("+CREG: 0,1", True),
        ("+CREG: 0,5", True),
        ('+CREG: 2,1,"1A2B","0C3D"', True),
        ("+CREG: 0,6", True),
        ("+CEREG: 0,1", True),
        ("+CREG: 0,0", False),
        ("+CREG: 0,2", False),
        ("+CREG: 0,3", False),
        ("+CREG: 1", False),
        ('+CREG: 1,"1A2B","0C3D"', False),
        ("+CREG: 1,1A2B,0C3D", False),
    ],
)
def test_registration_is_told_from_what_comes_of_itself(line: str, registered: bool) -> None:
    assert at.is_registered(line) is registered


@pytest.mark.parametrize(
    ("line", "strength"), [("+CSQ: 20,99", 20), ("+CSQ:0,0", 0), ("+CSQ: 99,99", None), ("+CREG: 1,1", None)]
)
def test_signal(line: str, strength: int | None) -> None:
    assert at.signal(line) == strength


def test_what_comes_of_itself() -> None:
    assert at.stored('+CDSI: "SM",3') == at.Stored("SM", 3)
    assert at.stored('+CMTI: "SM",3') is None
    assert at.stored('+CDSI: "S\\",3') is None
    assert (at.follows("+CDS: 24"), at.follows("+CDS: 6,238,x"), at.follows("+CDSI: 1")) == (24, 0, 0)
    assert (at.read_length("+CMGR: 0,,24"), at.read_length('+CMGR: 1,"","24"'), at.read_length("OK")) == (24, 0, 0)
    assert (at.accepted("+CMGS: 183"), at.accepted('+CMGS: 0,"00"'), at.accepted("+CMGS:")) == (183, 0, None)
