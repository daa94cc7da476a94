"""The simulated modem against what hosts type, byte for byte, and published PDUs; never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

with warnings.catch_warnings():  # its sources hold escapes and comparisons that a compiler complains of
    warnings.simplefilter("ignore")
    from gsmmodem.pdu import decodeSmsPdu, encodeSmsSubmitPdu  # type: ignore[import-untyped]
from smspdudecoder.easy import read_incoming_sms  # type: ignore[import-untyped]

from simulators.sms import Modem
from simulators.sms_picture import modem_and_phone, wrapped
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

# source: vectors that three independent decoders agree on; the first wants a report
PLAIN = b"0021000D91683108108300F000081060A8768453F778010041003000320033"
WITH_SMSC = (
    b"0891683108100005F011000D91683108108300F00008FF1E60A8768453F778010041003000320033FF0C8BF75230003353F77A9753E3"
)
NUMBER, TEXT = "+8613800138000", "您的号码A023"
OK, PROMPT = b"\r\nOK\r\n", b"\r\n> "


@contextlib.asynccontextmanager
async def talking(modem: Modem) -> AsyncIterator[End]:
    link, wire = pair()
    talk = asyncio.create_task(modem.talk(wire))
    await asyncio.sleep(0)
    try:
        yield link
    finally:
        await link.close()
        await talk


@contextlib.asynccontextmanager
async def line(*setup: bytes, **options: Any) -> AsyncIterator[tuple[Modem, End]]:
    """A modem without echo, in PDU mode, with codes for errors; then what else it is told."""
    modem = Modem("sms", options)
    async with talking(modem) as link:
        for command in (b"ATE0", b"AT+CMEE=1", b"AT+CMGF=0", *setup):
            assert (await ask(link, command + b"\r")).endswith(OK)
        yield modem, link


async def ask(link: End, data: bytes, quiet: float = 0.5) -> bytes:
    """All that the modem says until it is silent for that long."""
    await link.write(data)
    return await silence(link, quiet)


async def silence(link: End, quiet: float = 0.5) -> bytes:
    heard = b""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(quiet):
                heard += await link.read()
    return heard


async def send(link: End, pdu: bytes, octets: int) -> bytes:
    assert await ask(link, b"AT+CMGS=%d\r" % octets) == PROMPT
    return await ask(link, pdu + b"\x1a")


def pressed(modem: Modem) -> set[str]:
    return {each["name"] for each in modem.controls() if each.get("on")}


# ---- commands


async def test_everything_typed_comes_back_until_ate0_and_again_after_ate1() -> None:
    async with talking(Modem("sms", {})) as link:
        assert await ask(link, b"AT\r\n") == b"AT\r" + OK + b"\n"
        assert await ask(link, b"ATE0\r") == b"ATE0\r" + OK
        assert await ask(link, b"AT\r") == OK
        assert await ask(link, b"ATE1\r") == OK
        assert await ask(link, b"at\r") == b"at\r" + OK
        assert await ask(link, b"AT+CMGF=0;+CMGS=30\r") == b"AT+CMGF=0;+CMGS=30\r" + PROMPT
        assert await ask(link, b"00\r21\x1b") == b"00\r21" + OK


PROBES = {
    "AT": "",
    "ATE0": "",
    "AT+CMEE=1": "",
    "AT+CSCS?": '+CSCS: "GSM"',
    "AT+CSCS=?": '+CSCS: ("GSM","IRA","HEX","UCS2")',
    'AT+CSCS="HEX"': "",
    "AT+CGMM": "SMS-SIM",
    "AT+CGMI": "HALL",
    "AT+CGMR": "1.00",
    "AT+CGSN": "860000000000009",
    "AT+CIMI": "460001234567890",
    "AT+CHUP=?": "",
    "AT+CFUN=1": "",
    "AT+CFUN?": "+CFUN: 1",
    "AT+CSCA?": '+CSCA: "+8613800100500",145',
    "AT+CPIN?": "+CPIN: READY",
    "AT+CSQ": "+CSQ: 23,99",
    "AT+CREG?": "+CREG: 0,1",
    "AT+CMGF?": "+CMGF: 0",
    "AT+CMGF=?": "+CMGF: (0,1)",
    "AT+CNMI=?": "+CNMI: (0-2),(0,1),(0),(0,1),(0,1)",
    "AT+CNMI?": "+CNMI: 0,0,0,0,0",
    "AT+CMGS=?": "",
    "AT+CMGD=1,4": "",
    "AT+CMGL=4": "",
    "AT+CMGL": "",
    "AT+CPMS=?": '+CPMS: ("SM"),("SM"),("SM")',
    "AT+CPMS?": '+CPMS: "SM",0,20,"SM",0,20,"SM",0,20',
    'AT+CPMS="SM","SM","SM"': "+CPMS: 0,20,0,20,0,20",
    "AT+COPS?": '+COPS: 0,0,"CHINA MOBILE"',
    "AT+COPS=3,2": "",
    "ATZ": "",
    "AT&F": "",
    "ATH": "",
    "ATE0Q0V1X4&C1&D2S0=0": "",
    " AT+CSQ ": "+CSQ: 23,99",
    "at+csq": "+CSQ: 23,99",
    "AR\bT": "",
    "\x1bAT": "",
}


@pytest.mark.parametrize(("command", "answer"), PROBES.items(), ids=PROBES)
async def test_what_hosts_probe_for_is_answered_at_once(command: str, answer: str) -> None:
    async with line() as (_, link):
        began = asyncio.get_running_loop().time()
        await link.write(command.encode() + b"\r")
        assert await link.read() == (f"\r\n{answer}\r\n".encode() if answer else b"") + OK
        assert asyncio.get_running_loop().time() - began < 0.01


UNKNOWN = [
    "AT+MODE=2",
    "AT+SYNCML=?",
    "AT$TSSPCSW=?",
    "AT+WIND?",
    "AT^CVOICE=0",
    "ATD10086;",
    "ATV0",
    "AT+",
    "AT;",
    "ATT",
]
UNKNOWN += ["AT+CGMI?", "AT+CSQ=1", "ATE2", "AT+CLAC?", "AT" + "E0" * 400]


@pytest.mark.parametrize("command", UNKNOWN, ids=lambda command: command[:20])
async def test_what_it_does_not_know_is_an_error_at_once(command: str) -> None:
    async with line() as (_, link):
        assert await ask(link, command.encode() + b"\r", quiet=0.01) == b"\r\nERROR\r\n"
        assert await ask(link, b"AT\r") == OK


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("AT+CFUN=0", "+CME ERROR: 4"),
        ("AT+CREG=2", "+CME ERROR: 4"),
        ("AT+COPS=2", "+CME ERROR: 4"),
        ("AT+CMEE=3", "+CME ERROR: 4"),
        ('AT+CSCS="8859-1"', "+CME ERROR: 4"),
        ('AT+CPIN="1234"', "+CME ERROR: 3"),
        ("AT+CMGF=2", "+CMS ERROR: 303"),
        ("AT+CNMI=2,1,0,2", "+CMS ERROR: 303"),
        ('AT+CPMS="ME"', "+CMS ERROR: 303"),
        ("AT+CMGR=1", "+CMS ERROR: 321"),
        ("AT+CMGD=21", "+CMS ERROR: 321"),
        ("AT+CMGD=1,5", "+CMS ERROR: 321"),
        ("AT+CMGL=5", "+CMS ERROR: 304"),
        ('AT+CMGL="ALL"', "+CMS ERROR: 304"),
        ('AT+CSCA="10A"', "+CMS ERROR: 304"),
        ("AT+CMGS", "+CMS ERROR: 304"),
        ("AT+CMGS=0", "+CMS ERROR: 304"),
        ("AT+CMGS=165", "+CMS ERROR: 304"),
        ('AT+CMGS="10086"', "+CMS ERROR: 304"),
    ],
)
async def test_what_it_will_not_do_has_a_code(command: str, result: str) -> None:
    async with line() as (_, link):
        assert await ask(link, command.encode() + b"\r") == f"\r\n{result}\r\n".encode()


async def test_the_first_command_that_fails_ends_the_line() -> None:
    async with line() as (_, link):
        assert await ask(link, b"AT+CSQ;+CMGR=1;+CREG?\r") == b"\r\n+CSQ: 23,99\r\n\r\n+CMS ERROR: 321\r\n"
        assert await ask(link, b"AT+CSQ;+CREG?\r") == b"\r\n+CSQ: 23,99\r\n\r\n+CREG: 0,1\r\n" + OK


async def test_what_holds_no_at_is_no_command() -> None:
    async with line() as (_, link):
        assert await ask(link, b"\r\r\nhello\r" + bytes(range(0x80, 0x100)) + b"\r") == b""
        assert await ask(link, b"\xff\x00AT\r") == OK


async def test_cmee_says_how_much_is_told() -> None:
    async with line() as (modem, link):
        modem.control("no_sim")
        assert await ask(link, b"AT+CPIN?\r") == b"\r\n+CME ERROR: 10\r\n"
        assert await ask(link, b"AT+CMEE=2\r") == OK
        assert await ask(link, b"AT+CPIN?\r") == b"\r\n+CME ERROR: SIM not inserted\r\n"
        assert await ask(link, b"AT+CMEE=0\r") == OK
        assert await ask(link, b"AT+CPIN?\r") == b"\r\nERROR\r\n"
        assert await ask(link, b"AT+CMGS=30\r") == b"\r\n+CMS ERROR: 310\r\n"


async def test_clac_lists_what_it_knows() -> None:
    async with line() as (_, link):
        listed = (await ask(link, b"AT+CLAC\r")).decode().split()
        assert {"AT+CMGS", "AT+CSCS", "AT+CPIN", "OK"} <= set(listed)
        for command in listed[:-1]:
            assert (await ask(link, command.encode() + b"=?\r")).endswith(OK)


# ---- sending


async def test_a_published_message_arrives() -> None:
    async with line() as (modem, link):
        assert await ask(link, b"AT+CMGS=30\r") == PROMPT
        assert await ask(link, PLAIN + b"\x1a") == b"\r\n+CMGS: 1\r\n" + OK
        assert modem.texts == [(NUMBER, TEXT)]
        assert modem.state()["messages"] == [{"number": NUMBER, "text": TEXT, "state": "sent", "parts": "1/1"}]
        await asyncio.sleep(1)
        assert modem.state()["messages"][0]["state"] == "delivered"


async def test_an_smsc_is_not_counted_and_the_reference_grows() -> None:
    async with line() as (modem, link):
        assert await send(link, WITH_SMSC, 45) == b"\r\n+CMGS: 1\r\n" + OK
        assert await send(link, PLAIN.lower(), 30) == b"\r\n+CMGS: 2\r\n" + OK
        assert modem.texts == [(NUMBER, "您的号码A023，请到3号窗口"), (NUMBER, TEXT)]
        assert [each["text"] for each in modem.state()["messages"]] == [TEXT, "您的号码A023，请到3号窗口"]
        assert [each.reference for each in modem.sent] == [1, 2]


async def test_pieces_do_not_matter() -> None:
    async with line() as (modem, link):
        for byte in b"AT+CMGS=30\r" + PLAIN[:20]:
            await link.write(bytes([byte]))
        assert await silence(link) == PROMPT
        assert await ask(link, b"\r\n" + PLAIN[20:] + b"\x1aAT+CSQ\r") == (
            b"\r\n+CMGS: 1\r\n" + OK + b"\r\n+CSQ: 23,99\r\n" + OK
        )
        assert modem.texts == [(NUMBER, TEXT)]


@pytest.mark.parametrize(
    ("octets", "entry"),
    [
        (31, PLAIN),
        (29, PLAIN),
        (31, b"0891683108100005F0" + PLAIN[2:-4]),
        (38, b"0891683108100005F0" + PLAIN[2:]),  # the SMSC was counted
        (30, PLAIN[:-1]),
        (30, PLAIN[:-1] + b"G"),
        (30, b" " + PLAIN),
        (30, b""),
        (30, PLAIN + b"00"),
        (30, b"00" + b"04" + PLAIN[4:]),  # no SUBMIT
        (30, PLAIN * 20),
    ],
)
async def test_what_is_malformed_is_refused(octets: int, entry: bytes) -> None:
    async with line() as (modem, link):
        assert await send(link, entry, octets) == b"\r\n+CMS ERROR: 304\r\n"
        assert modem.texts == []
        assert len(modem.state()["refused"]) == 1
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK


async def test_escape_drops_what_was_entered() -> None:
    async with line() as (modem, link):
        assert await ask(link, b"AT+CMGS=30\r") == PROMPT
        assert await ask(link, PLAIN + b"\x1b") == OK
        assert await ask(link, b"\x1b\x1bAT\r") == OK
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK
        assert modem.texts == [(NUMBER, TEXT)]


async def test_without_an_smsc_nothing_is_sent_unless_the_pdu_brings_one() -> None:
    async with line(b'AT+CSCA=""') as (_, link):
        assert await send(link, PLAIN, 30) == b"\r\n+CMS ERROR: 330\r\n"
        assert await send(link, WITH_SMSC, 45) == b"\r\n+CMGS: 1\r\n" + OK
        assert await ask(link, b'AT+CSCA="+8613800100500",145\r') == OK
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 2\r\n" + OK


LONG = "您好，" + "请到3号窗口办理业务。" * 14
PARTS = [(str(each).encode(), each.tpduLength) for each in encodeSmsSubmitPdu(NUMBER, LONG, reference=42)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_the_parts_of_a_long_message_come_together(order: tuple[int, ...]) -> None:
    async with line() as (modem, link):
        for nth in order[:2]:
            await send(link, *PARTS[nth])
        assert modem.texts == []
        assert modem.state()["messages"][0]["parts"] == "2/3"
        assert "[…]" in modem.state()["messages"][0]["text"]
        await send(link, PLAIN, 30)
        await send(link, *PARTS[order[2]])
        assert modem.texts == [(NUMBER, LONG), (NUMBER, TEXT)]


async def test_a_part_that_comes_twice_and_parts_of_others_stay_apart() -> None:
    others = [encodeSmsSubmitPdu("10086", LONG, reference=42)[1], encodeSmsSubmitPdu(NUMBER, LONG, reference=43)[1]]
    async with line() as (modem, link):
        await send(link, *PARTS[0])
        await send(link, *PARTS[0])
        for each in others:
            await send(link, str(each).encode(), each.tpduLength)
        assert [each["parts"] for each in modem.state()["messages"]] == ["1/3"] * 4
        await send(link, *PARTS[1])
        await send(link, *PARTS[2])
        assert modem.texts == [(NUMBER, LONG)]
        assert len(modem.sent) == 6


# ---- what comes of it


async def reported(link: End) -> dict[str, Any]:
    """The next +CDS, as a public decoder reads it."""
    head, pdu = (await silence(link, 2)).decode().strip().split("\r\n")
    report: dict[str, Any] = decodeSmsPdu(pdu)
    assert head == f"+CDS: {report['tpdu_length']}"
    return report


async def test_a_report_comes_a_moment_after_when_it_was_asked_for() -> None:
    async with line(b"AT+CNMI=2,0,0,1,0") as (modem, link):
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK
        report = await reported(link)
        assert (report["type"], report["reference"], report["number"]) == ("SMS-STATUS-REPORT", 1, NUMBER)
        assert report["status"] == 0
        assert (report["discharge"] - report["time"]).total_seconds() == 1
        modem.control("undelivered")
        await send(link, PLAIN, 30)
        report = await reported(link)
        assert (report["reference"], report["status"]) == (2, 0x43)
        assert [each["state"] for each in modem.state()["messages"]] == ["failed", "delivered"]


@pytest.mark.parametrize(
    ("setting", "pdu", "octets"),
    [
        (b"AT+CNMI=2,0,0,1", WITH_SMSC, 45),  # a message that wants none
        (b"AT+CNMI=2,1", PLAIN, 30),
        (b"AT+CNMI=0,1,0,1", PLAIN, 30),  # the modem keeps it for itself
        (b"AT", PLAIN, 30),
    ],
)
async def test_there_is_no_report_that_nobody_wants(setting: bytes, pdu: bytes, octets: int) -> None:
    async with line(setting) as (modem, link):
        await send(link, pdu, octets)
        assert await silence(link, 3) == b""
        assert modem.state()["messages"][0]["state"] == "delivered"


async def test_a_message_that_comes_in_can_be_listed_read_and_deleted() -> None:
    async with line(b"AT+CNMI=2,1,0,0,0") as (modem, link):
        modem.control("receive")
        modem.receive("10086", "余额10元")
        assert await silence(link) == b'\r\n+CMTI: "SM",1\r\n\r\n+CMTI: "SM",2\r\n'
        answer = (await ask(link, b"AT+CMGR=2\r")).decode()
        pdu = answer.split("\r\n")[2]
        message = read_incoming_sms(pdu)
        assert answer == f"\r\n+CMGR: 0,,{len(pdu) // 2 - 9}\r\n{pdu}\r\n\r\nOK\r\n"
        assert (message["sender"], message["content"]) == ("10086", "余额10元")
        unread = (await ask(link, b"AT+CMGL=0\r")).decode().split("\r\n")
        assert unread[1].startswith("+CMGL: 1,0,,")
        assert read_incoming_sms(unread[2])["content"] == "收到，谢谢"
        assert len(unread) == 6
        listed = (await ask(link, b"AT+CMGL=4\r")).decode().split("\r\n")
        assert [each[:10] for each in listed[1:4:2]] == ["+CMGL: 1,1", "+CMGL: 2,1"]
        assert len(listed) == 8
        assert await ask(link, b"AT+CMGD=1\r") == OK
        assert await ask(link, b"AT+CMGR=1\r") == b"\r\n+CMS ERROR: 321\r\n"
        assert await ask(link, b"AT+CMGD=0,1\r") == OK
        assert modem.state()["inbox"] == 0


async def test_a_full_sim_takes_no_more() -> None:
    async with line(b"AT+CNMI=2,1") as (modem, link):
        for _ in range(21):
            modem.receive("10086", "1")
        assert (await silence(link)).count(b"+CMTI") == 20
        assert await ask(link, b"AT+CPMS?\r") == b'\r\n+CPMS: "SM",20,20,"SM",20,20,"SM",20,20\r\n' + OK
        assert await ask(link, b"AT+CMGD=1,4\r") == OK
        assert modem.state()["inbox"] == 0


# ---- trouble


@pytest.mark.parametrize(
    ("fault", "pin", "registration", "signal", "sending"),
    [
        ("no_sim", b"+CME ERROR: 10", 0, 23, 310),
        ("pin", b"+CPIN: SIM PIN", 0, 23, 311),
        ("no_network", b"+CPIN: READY", 3, 23, 331),
        ("no_signal", b"+CPIN: READY", 2, 99, 331),
        ("weak_signal", b"+CPIN: READY", 1, 4, None),
    ],
)
async def test_sim_and_network(fault: str, pin: bytes, registration: int, signal: int, sending: int | None) -> None:
    async with line() as (modem, link):
        modem.control(fault)
        assert pressed(modem) == {fault}
        assert pin in await ask(link, b"AT+CPIN?\r")
        assert await ask(link, b"AT+CREG?\r") == b"\r\n+CREG: 0,%d\r\n" % registration + OK
        assert await ask(link, b"AT+CSQ\r") == b"\r\n+CSQ: %d,99\r\n" % signal + OK
        assert (b"MOBILE" in await ask(link, b"AT+COPS?\r")) is (registration == 1)
        answer = await ask(link, b"AT+CMGS=30\r")
        if answer == PROMPT:
            answer = await ask(link, PLAIN + b"\x1a")
        expected = b"\r\n+CMGS: 1\r\n" + OK if sending is None else b"\r\n+CMS ERROR: %d\r\n" % sending
        assert answer == expected
        modem.control(fault)
        assert pressed(modem) == set()
        assert (await send(link, PLAIN, 30)).startswith(b"\r\n+CMGS: ")


async def test_nothing_comes_in_without_a_network() -> None:
    async with line(b"AT+CNMI=2,1,0,1") as (modem, link):
        await send(link, PLAIN, 30)
        modem.control("no_network")
        modem.control("receive")
        assert await silence(link, 3) == b""


async def test_a_sim_asks_for_its_pin_and_three_wrong_ones_lock_it() -> None:
    async with line(pin="0815") as (modem, link):
        modem.control("pin")
        for command in (b"AT+CIMI", b"AT+CSCA?", b"AT+CPMS?", b"AT+CMGL=4", b"AT+CMGD=1", b"AT+CMGR=1"):
            assert await ask(link, command + b"\r") in (b"\r\n+CME ERROR: 11\r\n", b"\r\n+CMS ERROR: 311\r\n")
        assert await ask(link, b'AT+CPIN="1234"\r') == b"\r\n+CME ERROR: 16\r\n"
        for _ in range(3):  # what cannot be a PIN is not tried
            assert await ask(link, b"AT+CPIN\r") == b"\r\n+CME ERROR: 4\r\n"
        assert await ask(link, b'AT+CPIN="0815"\r') == OK
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK
        modem.power_cycle()
        await silence(link, 4)
        assert await ask(link, b"ATE0+CMEE=1\r") == b"ATE0+CMEE=1\r" + OK
        for code in (16, 16, 12, 12):
            assert await ask(link, b"AT+CPIN=1234\r") == b"\r\n+CME ERROR: %d\r\n" % code
        assert await ask(link, b"AT+CPIN?\r") == b"\r\n+CPIN: SIM PUK\r\n" + OK
        assert await ask(link, b"AT+CMGF=0;+CMGS=30\r") == b"\r\n+CMS ERROR: 316\r\n"


async def test_creg_tells_of_changes_when_it_is_asked_to() -> None:
    async with line() as (modem, link):
        modem.control("no_network")
        assert await silence(link) == b""
        assert await ask(link, b"AT+CREG=1\r") == OK
        modem.control("no_network")
        assert await silence(link) == b"\r\n+CREG: 1\r\n"
        modem.control("weak_signal")
        assert await silence(link) == b""
        assert await ask(link, b"AT+CREG?\r") == b"\r\n+CREG: 1,1\r\n" + OK


@pytest.mark.parametrize(("name", "result"), [("cms:500", "+CMS ERROR: 500"), ("cme:13", "+CME ERROR: 13")])
async def test_one_message_fails_and_the_next_does_not(name: str, result: str) -> None:
    async with line() as (modem, link):
        modem.control(name)
        assert pressed(modem) == {name}
        assert await send(link, PLAIN, 30) == f"\r\n{result}\r\n".encode()
        assert pressed(modem) == set()
        assert modem.texts == []
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK


async def test_every_message_fails_until_the_switch_is_thrown_back() -> None:
    async with line() as (modem, link):
        modem.control("fail_all")
        assert await send(link, PLAIN, 30) == b"\r\n+CMS ERROR: 500\r\n"
        assert await send(link, PLAIN, 30) == b"\r\n+CMS ERROR: 500\r\n"
        modem.control("cms:42")
        modem.control("cms:42")
        modem.control("fail_all")
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK


async def test_a_prompt_that_is_late_comes_and_what_was_typed_before_it_counts() -> None:
    async with line() as (modem, link):
        modem.control("late_prompt")
        assert await ask(link, b"AT+CMGS=30\r", 3.9) == b""
        assert await silence(link) == PROMPT
        assert await ask(link, PLAIN + b"\x1a") == b"\r\n+CMGS: 1\r\n" + OK
        await link.write(b"AT+CMGS=30\r\x1bAT\r")
        assert await silence(link, 5) == PROMPT + OK + OK


async def test_without_a_prompt_only_escape_brings_the_modem_back() -> None:
    async with line() as (modem, link):
        modem.control("no_prompt")
        assert await ask(link, b"AT+CMGS=30\r", 100) == b""
        assert await ask(link, b"AT\r") == b""
        assert await ask(link, b"\x1b") == OK
        assert await ask(link, b"AT\r") == OK
        modem.control("no_prompt")
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 1\r\n" + OK


async def test_a_late_result_is_of_a_message_that_has_long_arrived() -> None:
    async with line(b"AT+CNMI=2,1,0,1") as (modem, link):
        modem.control("slow_answer")
        began = asyncio.get_running_loop().time()
        assert await ask(link, b"AT+CMGS=30\r") == PROMPT
        assert (await ask(link, PLAIN + b"\x1a", 2)).startswith(b"\r\n+CDS: ")
        assert modem.texts == [(NUMBER, TEXT)]
        await link.write(b"AT\r")
        assert await link.read() == b"\r\n+CMGS: 1\r\n" + OK
        assert 40 < asyncio.get_running_loop().time() - began < 41
        assert await link.read() == OK


async def test_a_host_that_comes_back_hears_the_result_of_the_last_one() -> None:
    modem = Modem("sms", {})
    modem.control("slow_answer")
    async with talking(modem) as first, talking(modem) as second:
        assert await ask(first, b"ATE0;+CMGF=0;+CMGS=30\r") == b""  # the later one is told
        assert (await silence(second)).endswith(PROMPT)
        assert await ask(first, PLAIN + b"\x1a") == b""
        assert await ask(second, b"AT\r", 41) == b"\r\n+CMGS: 1\r\n" + OK + OK
        await second.close()
        await asyncio.sleep(0.01)
        assert await ask(first, b"AT\r") == OK


async def test_chatter_stands_before_and_in_every_answer() -> None:
    async with line() as (modem, link):
        modem.control("chatter")
        ring, news = b"\r\nRING\r\n", b'\r\n+CMTI: "SM",1\r\n'
        assert await ask(link, b"AT+CSQ\r") == ring + b"\r\n+CSQ: 23,99\r\n" + news + OK
        assert await ask(link, b"AT+CMGS=30\r") == ring + PROMPT
        assert await ask(link, PLAIN + b"\x1a") == ring + b"\r\n+CMGS: 1\r\n" + news + OK
        modem.control("chatter")
        modem.control("ring")
        assert await silence(link) == ring


async def test_after_a_power_cut_it_is_deaf_for_a_while_and_has_forgotten_what_it_was_told() -> None:
    async with line(b"AT+CNMI=2,1,0,1", b"AT+CREG=1") as (modem, link):
        await send(link, PLAIN, 30)
        modem.control("power_cycle")
        assert modem.state()["powered"] is False
        modem.control("ring")
        assert await ask(link, b"AT\r", 2.9) == b""
        assert await silence(link) == b"\r\nRDY\r\n"
        assert modem.state()["powered"] is True
        assert await ask(link, b"AT+CMGF?;+CNMI?;+CREG?\r") == (
            b"AT+CMGF?;+CNMI?;+CREG?\r\r\n+CMGF: 1\r\n\r\n+CNMI: 0,0,0,0,0\r\n\r\n+CREG: 0,1\r\n" + OK
        )
        assert await ask(link, b"ATE0+CMGS=30\r") == b"ATE0+CMGS=30\r\r\n+CMS ERROR: 303\r\n"
        assert await ask(link, b"AT+CMGF=0\r") == OK
        assert await send(link, PLAIN, 30) == b"\r\n+CMGS: 2\r\n" + OK


@pytest.mark.parametrize("fault", ["", "late_prompt", "slow_answer"])
async def test_a_power_cut_ends_what_was_under_way(fault: str) -> None:
    async with line() as (modem, link):
        if fault:
            modem.control(fault)
        await ask(link, b"AT+CMGS=30\r" + (PLAIN + b"\x1a") * (fault == "slow_answer"))
        modem.control("power_cycle")
        modem.control("power_cycle")
        assert await silence(link, 60) == b"\r\nRDY\r\n"
        assert await ask(link, b"ATE0\r") == b"ATE0\r" + OK
        assert await ask(link, PLAIN + b"\x1a") == b""
        assert len(modem.texts) == (fault == "slow_answer")


# ---- what people see


async def test_every_control_has_a_chinese_label_and_can_be_pressed_twice() -> None:
    async with line() as (modem, _):
        for each in modem.controls():
            assert any(char > "\u2fff" for char in each["label"])
            modem.control(each["name"])
            modem.control(each["name"])
        assert pressed(modem) == set()
        with pytest.raises(KeyError):
            modem.control("nothing")


async def test_the_picture_shows_lamps_and_messages() -> None:
    modem = Modem("sms", {})
    assert "还没有短信" in modem.picture()
    async with line() as (modem, link):
        await send(link, PLAIN, 30)
        await send(link, WITH_SMSC, 45)
        words = "".join(ElementTree.fromstring(modem.picture()).itertext())
        assert words.index("请到3号窗") < words.rindex(TEXT)
        assert "已发出" in words
        await asyncio.sleep(1)
        assert "已送达" in modem.picture()
        bright = modem.picture()
        for fault, word in (("no_sim", "未插卡"), ("no_network", "未入网"), ("pin", "卡要密码")):
            modem.control(fault)
            assert word in modem.picture()
            modem.control(fault)
        assert modem.picture() == bright
        modem.control("no_signal")
        assert modem.picture().count("#ffb000") < bright.count("#ffb000")
        modem.control("power_cycle")
        assert "#2fbf94" not in modem.picture()


@settings(max_examples=60)
@given(st.lists(st.text(max_size=90), min_size=1, max_size=3))
def test_no_text_breaks_the_picture(texts: list[str]) -> None:
    picture = modem_and_phone(True, "ready", True, 23, [(NUMBER, text, "delivered") for text in texts])
    ElementTree.fromstring(picture)
    assert all(len(wrapped(text)) <= 6 for text in texts)


TYPED = st.sampled_from(
    [b"AT+CMGF=0\r", b"AT+CMGS=30\r", PLAIN, b"\x1a", b"\x1b", b"ATE0\r", b"ATE1\r", b"AT+CNMI=2,1,0,1\r"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(TYPED, st.binary(max_size=30)), max_size=12))
def test_nothing_that_is_typed_breaks_it_and_escape_brings_it_back(pieces: list[bytes]) -> None:
    async def run() -> bytes:
        async with talking(Modem("sms", {})) as link:
            await ask(link, b"".join(pieces), 5)
            return await ask(link, b"\x1b\rAT\r", 5)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        assert runner.run(run()).endswith(OK)
