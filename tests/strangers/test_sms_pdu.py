"""smspdudecoder 2.2.0 and python-gsmmodem-new 0.13.0, public codecs, read the messages that we send."""

from __future__ import annotations

import warnings
from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from smspdudecoder.fields import SMSSubmit  # type: ignore[import-untyped]

from drivers.sms_pdu import parse_report, submit
from tests import frames_toml as golden

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "invalid escape sequence", DeprecationWarning)
    import gsmmodem.pdu  # type: ignore[import-untyped]

NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True) | st.from_regex("[1-9][0-9]{2,5}", fullmatch=True)
PLANE_0 = st.characters(codec="utf-8", max_codepoint=0xFFFF)
TEXTS = st.text(max_size=500)


def smspdudecoder_reads(pdu: bytes) -> dict[str, Any]:
    rest = StringIO(pdu.hex().upper())
    read: dict[str, Any] = SMSSubmit.decode(rest)
    assert rest.read() == ""
    return read


def place(pdu: bytes) -> tuple[int, int, int]:
    """(message, parts, part) as smspdudecoder reads the header."""
    [element] = smspdudecoder_reads(pdu)["user_data"]["header"]["elements"]
    data = element["data"]
    return data["reference"], data["parts_count"], data["part_number"]


@given(NUMBERS, TEXTS, st.integers(0, 255))
def test_smspdudecoder_puts_the_message_together(number: str, text: str, message: int) -> None:
    pdus = submit(number, text, message)
    reads = [smspdudecoder_reads(pdu) for pdu in pdus]
    assert "".join(read["user_data"]["data"] for read in reads) == text
    assert not any("warning" in read["user_data"] for read in reads)
    for read in reads:
        kind = "international" if number.startswith("+") else "unknown"
        assert (read["recipient"]["number"], read["recipient"]["toa"]["ton"]) == (number.removeprefix("+"), kind)
        assert (read["dcs"]["encoding"], read["header"]["srr"], read["header"]["vpf"]) == ("ucs2", True, 0)
        assert read["smsc"]["number"] is None
    if len(pdus) > 1:
        assert [place(pdu) for pdu in pdus] == [(message, len(pdus), nth) for nth in range(1, len(pdus) + 1)]


@given(NUMBERS, st.text(PLANE_0, max_size=500), st.integers(0, 255))
def test_gsmmodem_puts_the_message_together(number: str, text: str, message: int) -> None:
    pdus = submit(number, text, message)
    reads = [gsmmodem.pdu.decodeSmsPdu(pdu.hex()) for pdu in pdus]
    assert "".join(read["text"] for read in reads) == text
    assert {(read["type"], read["number"], read["smsc"]) for read in reads} == {("SMS-SUBMIT", number, None)}
    assert [read["tpdu_length"] for read in reads] == [len(pdu) - 1 for pdu in pdus]
    if len(pdus) > 1:
        headers = [read["udh"][0] for read in reads]
        places = [(header.reference, header.parts, header.number) for header in headers]
        assert places == [(message, len(pdus), nth) for nth in range(1, len(pdus) + 1)]


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.text(PLANE_0, max_size=500))
def test_gsmmodem_makes_the_same_bytes(number: str, text: str) -> None:
    text = f"您{text}"  # so that it tries no seven bits, where it stumbles over a ÿ
    theirs = gsmmodem.pdu.encodeSmsSubmitPdu(number, text, 0)
    assert [bytes(pdu.data) for pdu in theirs] == submit(number, text, 0)


def test_gsmmodem_reads_the_same_of_status_reports() -> None:
    frames = [frame for frame in golden.load("sms", "in") if "pdu" in frame.means]
    with_centre = [frame for frame in frames if len(frame.raw) > frame.means["length"]]
    assert len(with_centre) == 2
    for frame in with_centre:
        theirs = gsmmodem.pdu.decodeSmsPdu(frame.raw.hex())
        ours = parse_report(frame.raw, theirs["tpdu_length"])
        read = (theirs["reference"], theirs["number"].removeprefix("+"), theirs["status"])
        assert (ours.reference, ours.number, ours.status) == read
