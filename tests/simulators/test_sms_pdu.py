"""The simulated modem's own reading of PDUs against published ones and two public codecs, never against our driver."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

with warnings.catch_warnings():  # its sources hold escapes and comparisons that a compiler complains of
    warnings.simplefilter("ignore")
    from gsmmodem.pdu import GSM7_BASIC, GSM7_EXTENDED, decodeSmsPdu, encodeSmsSubmitPdu  # type: ignore[import-untyped]
from smspdudecoder.easy import read_incoming_sms, read_outgoing_sms  # type: ignore[import-untyped]

from simulators.sms_pdu import (
    BASIC,
    CHINA,
    EXTENSION,
    Malformed,
    Part,
    Submit,
    read_submit,
    split,
    write_address,
    write_deliver,
    write_smsc,
    write_status_report,
)

# source: vectors that three independent decoders agree on
PLAIN = "0021000D91683108108300F000081060A8768453F778010041003000320033"
WITH_SMSC = (
    "0891683108100005F011000D91683108108300F00008FF1E60A8768453F778010041003000320033FF0C8BF75230003353F77A9753E3"
)
INCOMING = "00040D91683108108300F00008621122715020230E9A8C8BC178010031003200330034"
NUMBER = "+8613800138000"
HEAD = "01000D91683108108300F0"  # of a SUBMIT, up to its destination


def read(pdu: str) -> Submit:
    return read_submit(split(bytes.fromhex(pdu))[1])


# ---- SUBMIT


def test_the_published_messages_are_read() -> None:
    submit = read(PLAIN)
    assert (submit.number, submit.text, submit.part, submit.report) == (NUMBER, "您的号码A023", None, True)
    assert submit.destination == bytes.fromhex("0D91683108108300F0")
    submit = read(WITH_SMSC)
    assert (submit.number, submit.text, submit.report) == (NUMBER, "您的号码A023，请到3号窗口", False)


def test_the_smsc_is_not_part_of_the_tpdu() -> None:
    assert [len(each) for each in split(bytes.fromhex(PLAIN))] == [0, 30]
    smsc, tpdu = split(bytes.fromhex(WITH_SMSC))
    assert (smsc.hex().upper(), len(tpdu)) == ("91683108100005F0", 45)


@pytest.mark.parametrize(
    ("first", "period"), [("01", ""), ("11", "A7"), ("09", "00" * 7), ("19", "62112271502023"), ("25", "")]
)
def test_every_validity_period_is_stepped_over(first: str, period: str) -> None:
    assert read(f"00{first}{HEAD[2:]}0008{period}0453F77A97").text == "号窗"


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("0B81 3108108300F0", "13800138000"),
        ("0BA1 3108108300F0", "13800138000"),
        ("05A1 0180F6", "10086"),
        ("0481 2143", "1234"),
        ("1491 0000000000000000 0010", "+00000000000000000001"),
    ],
)
def test_numbers_of_every_type_and_length(address: str, number: str) -> None:
    assert read(f"000100{address}0008020041").number == number


@pytest.mark.parametrize(
    ("dcs", "body", "text"),
    [
        ("00", "05 E8329BFD06", "hello"),
        ("10", "05 E8329BFD06", "hello"),  # shows at once
        ("F0", "05 E8329BFD06", "hello"),
        ("00", "07 AA58ACA6AA8D1A", "*115*5#"),
        ("00", "02 9B32", "€"),
        ("00", "02 1B00", "@"),  # what the extension does not have is as in the basic table
        ("00", "01 1B", " "),
        ("04", "03 0041FF", "00 41 FF"),
        ("F4", "01 0A", "0A"),
        ("08", "04 D83DDE00", "😀"),
        ("18", "02 0041", "A"),
        ("08", "02 D83D", "\ufffd"),
        ("08", "00", ""),
        ("00", "00", ""),
    ],
)
def test_every_alphabet(dcs: str, body: str, text: str) -> None:
    assert read(f"00{HEAD}00{dcs}{body}").text == text


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("0500032A0302", Part(0x2A, 3, 2)),
        ("0608041F2A0201", Part(0x1F2A, 2, 1)),
        ("0B 0504 15830000 0003 070101", Part(7, 1, 1)),
        ("00", None),
        ("03 2401 01", None),
    ],
)
def test_the_header_says_which_part_it_is(header: str, part: Part | None) -> None:
    data = bytes.fromhex(header) + "号".encode("utf-16-be")
    submit = read(f"0041{HEAD[2:]}0008{len(data):02X}{data.hex()}")
    assert (submit.part, submit.text) == (part, "号")


MALFORMED = {
    "nothing": "",
    "no TPDU": "00",
    "a DELIVER": INCOMING,
    "a STATUS-REPORT": "0006" + HEAD[2:],
    "SMSC of one octet": "0191" + HEAD + "0008020041",
    "SMSC longer than all": "0891683108",
    "SMSC of twelve octets": "0C91" + "00" * 11 + HEAD + "0008020041",
    "no digits": "0001000091" + "0008020041",
    "21 digits": "0001001591" + "00" * 10 + "F0" + "0008020041",
    "a name": "00010004D04161" + "0008020041",
    "digits that are none": "000100049121C3" + "0008020041",
    "no F after an odd digit": "0001000D91683108108300000008020041",
    "F within": "0001000E91683108108300F00008020041",
    "cut in the number": "0001000D916831",
    "compressed": f"00{HEAD}0020020041",
    "unknown alphabet": f"00{HEAD}000C020041",
    "voicemail waits": f"00{HEAD}00C8020041",
    "validity period missing": f"0011{HEAD[2:]}0008020041",
    "text shorter than UDL": f"00{HEAD}0008040041",
    "text longer than UDL": f"00{HEAD}000802004100",
    "half a character": f"00{HEAD}00080100",
    "141 octets": f"00{HEAD}00048D" + "00" * 141,
    "161 septets": f"00{HEAD}0000A1" + "00" * 141,
    "no UDL": f"00{HEAD}0008",
    "header longer than the text": f"0041{HEAD[2:]}0008050600032A03",
    "header without its length": f"0041{HEAD[2:]}000800",
    "element longer than the header": f"0041{HEAD[2:]}0008060500042A0302",
    "part 0": f"0041{HEAD[2:]}0008060500032A0300",
    "part 4 of 3": f"0041{HEAD[2:]}0008060500032A0304",
    "parts in two octets": f"0041{HEAD[2:]}0008050400020203",
}


@pytest.mark.parametrize("pdu", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused(pdu: str) -> None:
    with pytest.raises(Malformed):
        read(pdu)


@given(st.binary(max_size=200))
def test_garbage_is_malformed_or_read_and_nothing_else(data: bytes) -> None:
    try:
        submit = read_submit(split(data)[1])
    except Malformed:
        return
    assert submit.number.removeprefix("+").isdecimal()


@given(st.binary(max_size=60))
def test_garbage_after_a_good_head_too(data: bytes) -> None:
    for first in ("01", "41", "51"):
        try:
            read_submit(bytes.fromhex(first + HEAD[2:]) + data)
        except Malformed:
            continue


# ---- against public codecs

HALL_WORDS = st.text("您的号码请到窗口办理0123456789ABC，。ü€", min_size=1)
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{2,14}", fullmatch=True)


@given(number=NUMBERS, text=HALL_WORDS, report=st.booleans(), period=st.booleans(), reference=st.integers(0, 255))
def test_what_a_public_encoder_writes_is_read_as_a_public_decoder_does(
    number: str, text: str, report: bool, period: bool, reference: int
) -> None:
    pdus = encodeSmsSubmitPdu(
        number, text, reference, validity=timedelta(days=1) if period else None, requestStatusReport=report
    )
    whole = ""
    for nth, pdu in enumerate(pdus, 1):
        submit = read(str(pdu))
        assert len(split(bytes(pdu.data))[1]) == pdu.tpduLength
        assert submit.report is report
        assert submit.part == (Part(reference, len(pdus), nth) if len(pdus) > 1 else None)
        assert read_outgoing_sms(str(pdu)) == {"recipient": submit.number, "content": submit.text}
        whole += submit.text
    assert (submit.number, whole) == (number, text)


@given(text=st.text([char for char in BASIC if char not in "\x1b§"] + list("^{}\\[~]|€"), max_size=150))
def test_every_character_of_seven_bits_is_read_as_a_public_encoder_wrote_it(text: str) -> None:
    for pdu in encodeSmsSubmitPdu(NUMBER, text)[:1]:
        assert text.startswith(read(str(pdu)).text)


def test_the_tables_are_those_of_others() -> None:
    differing = {(ours, theirs) for ours, theirs in zip(BASIC, GSM7_BASIC, strict=True) if ours != theirs}
    assert differing == {("§", "`")}  # 5F is the section sign in 23.038
    assert {char: chr(code) for code, char in EXTENSION.items() if char != "\f"} == {
        char: code for char, code in GSM7_EXTENDED.items() if char != "\xff"
    }


# ---- what comes from the network


def test_a_published_delivery_is_written() -> None:
    at = datetime(2026, 11, 22, 17, 5, 2, tzinfo=CHINA)
    assert "00" + write_deliver(NUMBER, "验证码1234", at).hex().upper() == INCOMING
    assert "00" + write_deliver(NUMBER, "验证码1234", at.astimezone(UTC)).hex().upper() == INCOMING


def test_a_published_smsc_is_written() -> None:
    assert write_smsc("+8613800100500").hex().upper() == "0891683108100005F0"
    assert write_address("10086").hex().upper() == "05810180F6"


@pytest.mark.parametrize("number", [NUMBER, "10086"])
def test_a_delivery_is_read_by_a_public_decoder(number: str) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    pdu = (write_smsc("+8613800100500") + write_deliver(number, "收到😀", at)).hex().upper()
    assert read_incoming_sms(pdu) == {"date": at, "sender": number, "content": "收到😀", "partial": False}


@pytest.mark.parametrize("status", [0x00, 0x43])
def test_a_status_report_is_read_by_a_public_decoder(status: int) -> None:
    at = datetime(2026, 11, 22, 17, 5, 2, tzinfo=CHINA)
    destination = bytes.fromhex("0D91683108108300F0")
    tpdu = write_status_report(7, destination, at, at + timedelta(seconds=90), status)
    report = decodeSmsPdu((write_smsc("+8613800100500") + tpdu).hex().upper())
    assert (report["type"], report["reference"], report["number"]) == ("SMS-STATUS-REPORT", 7, NUMBER)
    assert (report["time"], report["discharge"], report["status"]) == (at, at + timedelta(seconds=90), status)
    assert (report["smsc"], report["tpdu_length"]) == ("+8613800100500", len(tpdu))
