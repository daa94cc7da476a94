"""GSM modems: the device against a modem that answers from a table, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.base import (
    Condition,
    Delivered,
    DeviceEvent,
    Messenger,
    Misconfigured,
    ProtocolError,
    Rejected,
    Unreachable,
)
from drivers.sms import DEVICE, Modem
from simulators.port import Gone
from tests import frames_toml as golden
from tests.wire import End, closed, pair

pytestmark = pytest.mark.looptime

GOLDEN = {frame.name: frame for frame in golden.load("sms")}
A023 = GOLDEN["A023, one part"]
PART_1, PART_2 = (GOLDEN[f"a reminder seven times, part {nth} of 2"] for nth in (1, 2))
NUMBER, TEXT, LONG = "13800138000", A023.means["text"], PART_1.means["text"]
START = ["ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CSQ", "AT+CREG?", "AT+CMGF=0", "AT+CNMI=2,1,0,1,0"]
LOOK = ["AT+CPIN?", "AT+CSQ", "AT+CREG?"]
OK, ERROR, PROMPT = b"\r\nOK\r\n", b"\r\nERROR\r\n", GOLDEN["the prompt"].raw
NOTHING = b""


def said(line: str) -> bytes:
    return f"\r\n{line}\r\n".encode()


def told(line: str) -> bytes:
    """An answer with one line in it."""
    return said(line) + OK


def report(reference: int, status: int = 0, to: str = "0D91683108108300F0") -> bytes:
    """A status report by the rules of 3GPP TS 23.040, 9.2.2.3; the times are those of a message that came in."""
    pdu = f"0006{reference:02X}{to}{'62112271502023' * 2}{status:02X}"
    return said(f"+CDS: {len(pdu) // 2 - 1}") + pdu.encode() + b"\r\n"


class Peer:
    """Answers each command from `answers`: by itself or what stands before `=`, the next in a list, the last for ever.

    `PDU` is for what comes after a prompt. Each PDU that is not refused gets the next message reference.
    """

    def __init__(self, wire: End) -> None:
        self.wire = wire
        self.heard: list[str] = []
        self.echo, self.always_echoes = True, False
        self.before = b""
        """Said before each answer."""
        self.delay = 0.0
        self.chunk, self.pause = 4096, 0.0
        self.mr = 16
        self.answers: dict[str, Any] = {
            "AT+CPIN?": told("+CPIN: READY"),
            "AT+CSQ": told("+CSQ: 20,99"),
            "AT+CREG?": told("+CREG: 0,1"),
            "AT+CEREG?": ERROR,
            "AT+CMGS": PROMPT,
        }

    async def run(self) -> None:
        token = bytearray()
        with contextlib.suppress(Exception):
            while True:
                for byte in await self.wire.read():
                    if byte not in b"\r\x1a\x1b":
                        token.append(byte)
                        continue
                    await self.take(token.decode(), byte)
                    token.clear()

    async def take(self, command: str, end: int) -> None:
        if end == 0x1B:
            self.heard.append("ESC")
            await self.say(self.answers.get("ESC", NOTHING))
        if not command or end == 0x1B:
            return
        self.heard.append(command)
        if self.echo:
            await self.say(command.encode() + bytes([end]))
        if command == "ATE0":
            self.echo = self.always_echoes
        if answer := self.answer("PDU" if end == 0x1A else command):
            await asyncio.sleep(self.delay)
            await self.say(self.before + answer)

    def answer(self, command: str) -> bytes:
        found = self.answers.get(command, self.answers.get(command.split("=")[0]))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if found is None and command == "PDU":
            self.mr += 1
            return told(f"+CMGS: {self.mr}")
        return OK if found is None else found

    async def say(self, data: bytes) -> None:
        for at in range(0, len(data), self.chunk):
            await asyncio.sleep(self.pause if at else 0)
            await self.wire.write(data[at : at + self.chunk])

    @property
    def sent(self) -> list[str]:
        """PDUs."""
        return [each for each in self.heard if each.startswith("00")]


@contextlib.asynccontextmanager
async def connected(answers: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[tuple[Modem, Peer]]:
    link, wire = pair()

    async def opener() -> End:
        return link

    peer = Peer(wire)
    peer.answers |= answers or {}
    running = asyncio.create_task(peer.run())
    try:
        async with Modem(opener, options) as modem:
            yield modem, peer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def watched(
    answers: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[Modem, Peer, list[DeviceEvent]]]:
    """With somebody who iterates its events, and is through with the first look."""
    events: list[DeviceEvent] = []

    async def watch() -> None:
        async for event in modem.events():
            events.append(event)

    async with connected(answers, **options) as (modem, peer):
        watching = asyncio.create_task(watch())
        await asyncio.sleep(2)
        try:
            yield modem, peer, events
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_it_is_a_messenger() -> None:
    assert DEVICE is Modem
    assert issubclass(Modem, Messenger)


@pytest.mark.parametrize("country", ["", "+86", "086", "8686", "cn"])
async def test_a_country_that_is_none_is_misconfigured(country: str) -> None:
    with pytest.raises(Misconfigured):
        async with connected(country=country):
            pass


# ---- sending


async def test_a_message_of_one_part() -> None:
    async with connected() as (modem, peer):
        reference = await modem.send_text(NUMBER, TEXT)
        assert reference
        assert peer.heard == ["ESC", *START, "AT+CMGF=0", "AT+CMGS=30", A023.raw.hex().upper()]
        other = await modem.send_text("+86 138 0013 8000", TEXT)
        assert peer.heard[-6:] == [*LOOK, "AT+CMGF=0", "AT+CMGS=30", A023.raw.hex().upper()]
        assert other != reference
        assert not await closed(peer.wire)


async def test_a_message_of_two_parts_is_announced_with_their_lengths() -> None:
    async with watched() as (modem, peer, _):
        modem._message = 255  # what our parts have in common would be 0, as in the golden ones
        await modem.send_text(NUMBER, LONG)
        assert peer.sent == [PART_1.raw.hex().upper(), PART_2.raw.hex().upper()]
        assert [each for each in peer.heard if each.startswith("AT+CMGS")] == ["AT+CMGS=154", "AT+CMGS=110"]
        await modem.send_text(NUMBER, LONG)
        assert [each[36:38] for each in peer.sent] == ["00", "00", "01", "01"]


async def test_a_number_of_another_country() -> None:
    async with connected(country="27") as (modem, peer):
        await modem.send_text("0820001111", "Hello")
        # source of the address: tests of faucamp/python-gsmmodem, test_pdu.py
        assert peer.sent[0][6:22] == "0B917228001011F1"


@pytest.mark.parametrize("before", [NOTHING, said("RING"), said('+CMTI: "SM",3'), said("+CREG: 2"), b"\0\xff\x07\r\n"])
@pytest.mark.parametrize("chunk", [1, 4096])
async def test_lines_in_between_and_an_echo_that_does_not_end_are_tolerated(before: bytes, chunk: int) -> None:
    async with watched(poll_s=30.0) as (modem, peer, events):
        peer.before, peer.chunk = before, chunk
        for _ in range(2):
            peer.echo = True
            await modem.send_text(NUMBER, TEXT)
        assert peer.sent == [A023.raw.hex().upper()] * 2
        assert events == []


async def test_a_modem_that_always_echoes_works_and_is_not_asked_without_end() -> None:
    async with watched(poll_s=30.0) as (modem, peer, events):
        peer.echo = peer.always_echoes = True
        assert await modem.send_text(NUMBER, TEXT)
        before = len(peer.heard)
        await asyncio.sleep(29)
        assert len(peer.heard) - before < 20
        assert events == []


async def test_two_messages_at_once_go_one_after_the_other() -> None:
    async with watched(poll_s=1.0) as (modem, peer, _):
        peer.answers["PDU"] = NOTHING
        first = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        second = asyncio.create_task(modem.send_text("10086", TEXT))
        await asyncio.sleep(40)
        assert len(peer.sent) == 1
        assert peer.heard[-1] == peer.sent[0]  # no poll either
        await peer.wire.write(told("+CMGS: 1"))
        await first
        await asyncio.sleep(1)
        assert len(peer.sent) == 2
        await peer.wire.write(told("+CMGS: 2"))
        await second


async def test_the_network_may_take_most_of_a_minute() -> None:
    async with connected({"PDU": NOTHING}) as (modem, peer):
        sending = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        await asyncio.sleep(59)
        await peer.wire.write(told("+CMGS: 5"))
        await sending


async def test_no_answer_to_the_message_hangs_up_and_does_not_send_again() -> None:
    async with connected({"PDU": NOTHING}) as (modem, peer):
        with pytest.raises(Unreachable):
            await modem.send_text(NUMBER, TEXT)
        assert 60 <= now() < 62
        assert len(peer.sent) == 1
        assert await closed(peer.wire)


async def test_a_message_takes_four_minutes_at_most() -> None:
    async with connected({"PDU": NOTHING}) as (modem, peer):
        began = now()
        sending = asyncio.create_task(modem.send_text(NUMBER, "号" * 67 * 9))
        while not sending.done():
            await asyncio.sleep(50)
            with contextlib.suppress(Gone):
                await peer.wire.write(told("+CMGS: 5"))
        with pytest.raises(Unreachable):
            await sending
        assert len(peer.sent) == 5
        assert now() - began < 260
        assert await closed(peer.wire)


async def test_cancelling_hangs_up() -> None:
    async with connected({"PDU": NOTHING}) as (modem, peer):
        sending = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        await asyncio.sleep(5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert await closed(peer.wire)


async def test_cancelling_one_that_waits_its_turn_disturbs_nobody() -> None:
    async with connected({"PDU": NOTHING}) as (modem, peer):
        first = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        await asyncio.sleep(5)
        second = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        await asyncio.sleep(5)
        second.cancel()
        await peer.wire.write(told("+CMGS: 5"))
        assert await first
        await asyncio.gather(second, return_exceptions=True)


async def test_an_end_without_a_reference_is_a_protocol_error() -> None:
    async with connected({"PDU": OK}) as (modem, peer):
        with pytest.raises(ProtocolError):
            await modem.send_text(NUMBER, TEXT)
        assert await closed(peer.wire)


@pytest.mark.parametrize(
    ("number", "text", "reason"),
    [("138", "x" * 71, None), ("13x", "x", "bad_number"), (NUMBER, "号" * 18000, "too_long")],
)
async def test_what_cannot_be_sent_is_rejected_before_anything_is_asked(
    number: str, text: str, reason: str | None
) -> None:
    async with connected() as (modem, peer):
        if reason is None:
            assert await modem.send_text(number, text)
            return
        with pytest.raises(Rejected) as caught:
            await modem.send_text(number, text)
        assert caught.value.reason == reason
        assert peer.heard == []


# ---- refusals


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("+CMS ERROR: 1", "bad_number"),
        ("+CMS ERROR: 21", "refused"),
        ("+CMS ERROR: 310", "no_sim"),
        ("+CMS ERROR: 331", "no_network"),
        ("+CMS ERROR: 332", "network_timeout"),
        ("+CME ERROR: 30", "no_network"),
        ("ERROR", "refused"),
    ],
)
@pytest.mark.parametrize("at", ["PDU", "AT+CMGS"])
async def test_a_refusal_is_rejected_with_its_word_and_keeps_the_link(line: str, reason: str, at: str) -> None:
    async with connected() as (modem, peer):
        usual = peer.answers.get(at)
        peer.answers[at] = said(line)
        with pytest.raises(Rejected) as caught:
            await modem.send_text(NUMBER, TEXT)
        assert caught.value.reason == reason
        assert line in str(caught.value)
        assert len(peer.sent) == (at == "PDU")
        peer.answers.update({at: usual} if usual else {})
        peer.answers.pop("PDU", None)
        assert await modem.send_text(NUMBER, TEXT)


async def test_a_part_is_tried_again_and_those_before_it_are_not() -> None:
    answers = [told("+CMGS: 1"), said("+CMS ERROR: 41"), said("+CMS ERROR: 42"), told("+CMGS: 2")]
    async with watched({"PDU": answers}) as (modem, peer, events):
        modem._message = 255
        began = now()
        reference = await modem.send_text(NUMBER, LONG)
        assert peer.sent == [PART_1.raw.hex().upper()] + [PART_2.raw.hex().upper()] * 3
        assert 10 <= now() - began < 11
        await peer.wire.write(report(1) + report(2))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]


async def test_after_three_tries_the_part_is_named() -> None:
    async with connected({"PDU": [told("+CMGS: 1"), said("+CMS ERROR: 41")]}) as (modem, peer):
        with pytest.raises(Rejected) as caught:
            await modem.send_text(NUMBER, LONG)
        assert caught.value.reason == "busy"
        assert "part 2 of 2" in str(caught.value)
        assert len(peer.sent) == 4


async def test_a_lost_prompt_is_left_with_escape_and_asked_for_again() -> None:
    async with connected({"AT+CMGS": [NOTHING, PROMPT]}) as (modem, peer):
        assert await modem.send_text(NUMBER, TEXT)
        assert peer.heard.count("AT+CMGS=30") == 2
        after = peer.heard[peer.heard.index("AT+CMGS=30") + 1 :]
        assert after == ["ESC", *START, "AT+CMGF=0", "AT+CMGS=30", A023.raw.hex().upper()]


async def test_without_any_prompt_nothing_was_sent() -> None:
    async with connected({"AT+CMGS": NOTHING}) as (modem, peer):
        with pytest.raises(Rejected) as caught:
            await modem.send_text(NUMBER, TEXT)
        assert caught.value.reason == "no_prompt"
        assert peer.heard.count("AT+CMGS=30") == 3
        assert peer.sent == []
        peer.answers["AT+CMGS"] = PROMPT
        assert await modem.send_text(NUMBER, TEXT)
        assert peer.heard.count("ESC") == 4


async def test_a_prompt_that_comes_late_is_no_answer_to_the_next_question() -> None:
    async with connected({"AT+CMGS": [NOTHING, PROMPT]}) as (modem, peer):
        sending = asyncio.create_task(modem.send_text(NUMBER, TEXT))
        await asyncio.sleep(7)  # the prompt was given up after 5 s
        await peer.wire.write(PROMPT)
        assert await sending
        assert len(peer.sent) == 1


# ---- how the modem is

NOT_THERE = {
    "no SIM": ({"AT+CPIN?": said("+CME ERROR: 10")}, "no_sim"),
    "a SIM that fails": ({"AT+CPIN?": said("+CME ERROR: 13")}, "no_sim"),
    "no SIM, said without a number": ({"AT+CPIN?": ERROR}, "no_sim"),
    "no SIM, told as a state": ({"AT+CPIN?": told("+CPIN: NOT INSERTED")}, "no_sim"),
    "a PIN is asked for": ({"AT+CPIN?": told("+CPIN: SIM PIN")}, "sim_pin"),
    "a PUK is asked for": ({"AT+CPIN?": said("+CME ERROR: 12")}, "sim_pin"),
    "it reads the SIM": ({"AT+CPIN?": GOLDEN["the SIM is busy"].raw}, "no_network"),
    "not registered": ({"AT+CREG?": told("+CREG: 0,0")}, "no_network"),
    "it searches": ({"AT+CREG?": told("+CREG: 0,2"), "AT+CEREG?": OK}, "no_network"),
    "denied, on 4G too": ({"AT+CREG?": told("+CREG: 0,3"), "AT+CEREG?": told("+CEREG: 0,3")}, "no_network"),
}


@pytest.mark.parametrize(("answers", "name"), NOT_THERE.values(), ids=NOT_THERE)
async def test_what_is_wrong_is_told_and_rejects_messages(answers: dict[str, bytes], name: str) -> None:
    async with watched(answers) as (modem, peer, events):
        assert events == [Condition(name, True)]
        with pytest.raises(Rejected) as caught:
            await modem.send_text(NUMBER, TEXT)
        assert caught.value.reason == name
        assert not any(each.startswith("AT+CMGS") for each in peer.heard)
        peer.answers |= {"AT+CPIN?": told("+CPIN: READY"), "AT+CREG?": told("+CREG: 0,5")}
        await asyncio.sleep(30)
        assert events == [Condition(name, True), Condition(name, False)]
        assert peer.heard.count("AT+CNMI=2,1,0,1,0") == 1
        assert await modem.send_text(NUMBER, TEXT)


async def test_with_a_sim_that_is_put_back_reports_are_asked_for_again() -> None:
    async with watched(poll_s=10.0) as (_, peer, events):
        peer.answers["AT+CPIN?"] = ERROR
        await asyncio.sleep(10)
        peer.answers["AT+CPIN?"] = told("+CPIN: READY")
        await asyncio.sleep(10)
        assert peer.heard[-5:] == START[-5:]
        assert events == [Condition("no_sim", True), Condition("no_sim", False)]


async def test_registered_on_4g_alone_is_registered() -> None:
    async with watched({"AT+CREG?": told("+CREG: 0,0"), "AT+CEREG?": told("+CEREG: 0,1")}) as (modem, _, events):
        assert await modem.send_text(NUMBER, TEXT)
        assert events == []


async def test_a_change_that_a_message_runs_into_is_told_at_once() -> None:
    async with watched(poll_s=1000.0) as (modem, peer, events):
        peer.answers["AT+CPIN?"] = said("+CME ERROR: 10")
        with pytest.raises(Rejected):
            await modem.send_text(NUMBER, TEXT)
        await asyncio.sleep(0.1)
        assert events == [Condition("no_sim", True)]


async def test_a_weak_signal_is_told_and_does_not_flap() -> None:
    strengths = [31, 6, 8, 9, 10, 8, 7, 6, 99]
    answers = [told(f"+CSQ: {strength},99") for strength in strengths]
    counts = []
    async with watched({"AT+CSQ": answers}, poll_s=10.0) as (modem, _, events):
        for _ in strengths:
            counts.append(len(events))
            await asyncio.sleep(10)
        assert counts == [0, 1, 1, 1, 2, 2, 2, 3, 4]
        assert events == [Condition("weak_signal", active) for active in (True, False, True, False)]
        assert await modem.send_text(NUMBER, TEXT)


async def test_it_is_asked_every_half_minute() -> None:
    async with watched() as (_, peer, events):
        assert peer.heard == ["ESC", *START]
        await asyncio.sleep(60)
        assert peer.heard == ["ESC", *START, *LOOK, *LOOK]
        assert events == []


async def test_a_wavecom_modem_does_not_end_the_answer_about_the_pin() -> None:
    async with watched({"AT+CPIN?": said("+CPIN: READY")}, poll_s=30.0) as (modem, peer, events):
        began = now()
        assert await modem.send_text(NUMBER, TEXT)
        assert now() - began < 1
        assert events == []
        assert not await closed(peer.wire)


async def test_others_may_end_it_late() -> None:
    async with watched() as (modem, peer, _):
        peer.heard.clear()
        peer.chunk, peer.pause = len(said("+CPIN: READY")), 0.1
        assert await modem.send_text(NUMBER, TEXT)
        assert peer.heard == [*LOOK, "AT+CMGF=0", "AT+CMGS=30", A023.raw.hex().upper()]


@pytest.mark.parametrize(("refused", "asked"), [(1, ["2,1,0,1,0", "2,1,0,2,0"]), (2, ["2,1,0,1,0", "2,1,0,2,0"] * 2)])
async def test_reports_are_asked_for_as_the_modem_can(refused: int, asked: list[str]) -> None:
    """One that can do neither, or not yet, is asked again with the next message."""
    async with connected({"AT+CNMI": [ERROR] * refused + [OK]}) as (modem, peer):
        await modem.send_text(NUMBER, TEXT)
        await modem.send_text(NUMBER, TEXT)
        found = [each.removeprefix("AT+CNMI=") for each in peer.heard if each.startswith("AT+CNMI")]
        assert found == asked[: 1 + refused]
        assert len(peer.sent) == 2


# ---- start, power, silence


async def test_a_silent_modem_is_unreachable_before_it_counts_as_up() -> None:
    async with connected({"ATE0": NOTHING}) as (modem, peer):
        peer.echo = False
        with pytest.raises(Unreachable):
            await anext(modem.events())
        assert now() < 3.5
        assert peer.heard == ["ESC", "ATE0"] * 3
        assert await closed(peer.wire)


async def test_what_escape_is_answered_with_does_not_matter() -> None:
    for answer in (OK, ERROR, PROMPT):
        async with connected({"ESC": answer}) as (modem, peer):
            assert await modem.send_text(NUMBER, TEXT)
            assert peer.heard[:8] == ["ESC", *START]


async def test_the_first_command_may_be_answered_after_the_second() -> None:
    async with connected({"ATE0": [NOTHING, OK]}) as (modem, peer):
        peer.delay = 0.05

        async def late() -> None:
            await asyncio.sleep(1.3)  # the second goes out now
            await asyncio.sleep(peer.delay + 0.02)
            await peer.wire.write(OK)

        answering = asyncio.create_task(late())
        assert await modem.send_text(NUMBER, TEXT)
        assert peer.heard[:10] == ["ESC", "ATE0", "ESC", *START]
        await answering


async def test_what_was_on_its_way_before_answers_nothing() -> None:
    async with connected() as (modem, peer):
        await peer.wire.write(told("+CPIN: SIM PIN") + PROMPT + said("+CMS ERROR: 500"))
        assert await modem.send_text(NUMBER, TEXT)


async def test_a_modem_that_stops_answering_is_unreachable_at_the_next_poll() -> None:
    async with watched() as (modem, peer, _):
        peer.answers["AT+CPIN?"] = NOTHING
        await asyncio.sleep(34)
        assert await closed(peer.wire)
        with pytest.raises(Unreachable):
            await modem.send_text(NUMBER, TEXT)


@pytest.mark.parametrize("banner", ["RDY", "^SYSSTART", "MODEM:STARTUP"])
async def test_a_modem_that_says_it_has_started_is_set_up_at_once(banner: str) -> None:
    async with watched() as (_, peer, events):
        peer.echo = True
        await peer.wire.write(said(banner) + said("+CFUN: 1"))
        await asyncio.sleep(2)
        assert peer.heard == ["ESC", *START] * 2
        assert events == []


async def test_a_modem_that_echoes_again_is_set_up_before_the_next_message() -> None:
    async with connected() as (modem, peer):
        await modem.send_text(NUMBER, TEXT)
        peer.echo = True
        peer.heard.clear()
        await modem.send_text(NUMBER, TEXT)
        assert peer.heard == [*LOOK, "ESC", *START, "AT+CMGF=0", "AT+CMGS=30", A023.raw.hex().upper()]


async def test_a_modem_that_starts_anew_in_the_middle_of_a_message_is_not_waited_for() -> None:
    async with connected({"PDU": said("RDY")}) as (modem, peer):
        with pytest.raises(Unreachable):
            await modem.send_text(NUMBER, TEXT)
        assert now() < 2
        assert await closed(peer.wire)


async def test_babble_is_a_protocol_error() -> None:
    async with connected() as (modem, peer):
        watching = asyncio.create_task(anext(modem.events()))
        await asyncio.sleep(2)
        for _ in range(20):
            await peer.wire.write(b"\xf0\x0f" * 512)
        with pytest.raises(ProtocolError):
            await watching
        assert modem.counters.bytes_in < 20_000
        assert await closed(peer.wire)


async def test_lines_without_end_do_not_hold_up_the_start() -> None:
    async with connected() as (modem, peer):

        async def ring() -> None:
            while True:
                await peer.wire.write(said("RING"))
                await asyncio.sleep(0.05)

        ringing = asyncio.create_task(ring())
        assert await modem.send_text(NUMBER, TEXT)
        assert now() < 5
        ringing.cancel()
        await asyncio.gather(ringing, return_exceptions=True)


async def test_opened_again_it_starts_anew() -> None:
    links = [pair(), pair()]
    opening = iter(links)

    async def opener() -> End:
        return next(opening)[0]

    modem = Modem(opener)
    for _, wire in links:
        peer = Peer(wire)
        running = asyncio.create_task(peer.run())
        async with modem:
            assert await modem.send_text(NUMBER, TEXT)
        assert peer.heard[:8] == ["ESC", *START]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# ---- reports


async def test_delivered_is_told_when_the_last_part_is() -> None:
    async with watched() as (modem, peer, events):
        reference = await modem.send_text(NUMBER, LONG)
        await peer.wire.write(report(18))
        await asyncio.sleep(1)
        assert events == []
        await peer.wire.write(report(17) + report(17))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]
        assert modem.ignored == 1


async def test_one_part_that_never_will_be_fails_the_message_once() -> None:
    async with watched() as (modem, peer, events):
        reference = await modem.send_text(NUMBER, LONG)
        await peer.wire.write(report(17, 0x46) + report(18, 0x46) + report(18))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, False, "TP-ST 46")]


async def test_while_the_centre_still_tries_nothing_is_told() -> None:
    async with watched() as (modem, peer, events):
        reference = await modem.send_text(NUMBER, TEXT)
        await peer.wire.write(report(17, 0x30))
        await asyncio.sleep(1)
        assert events == []
        await peer.wire.write(report(17))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]


async def test_reports_are_known_by_reference_and_number() -> None:
    async with watched() as (modem, peer, events):
        first = await modem.send_text(NUMBER, TEXT)
        second = await modem.send_text("13900139000", TEXT)
        peer.mr = 16
        third = await modem.send_text("13900139000", TEXT)
        await peer.wire.write(report(19) + report(17, to="05810180F6"))
        await asyncio.sleep(1)
        assert events == []
        national = "0BA13108108300F0"
        await peer.wire.write(report(18, to="0D91683109109300F0") + report(17, to=national))
        await asyncio.sleep(1)
        assert events == [Delivered(second, True), Delivered(first, True)]
        await peer.wire.write(report(17, to="0D91683109109300F0"))
        await asyncio.sleep(1)
        assert events[2:] == [Delivered(third, True)]


async def test_of_two_messages_with_the_same_reference_a_report_is_on_the_newer() -> None:
    async with watched({"PDU": told("+CMGS: 17")}) as (modem, peer, events):
        older, newer = [await modem.send_text(NUMBER, TEXT) for _ in range(2)]
        await peer.wire.write(report(17) + report(17))
        await asyncio.sleep(1)
        assert events == [Delivered(newer, True), Delivered(older, True)]


@pytest.mark.parametrize("at", ["before", "between", "after"])
async def test_a_report_may_come_before_the_message_has_its_reference(at: str) -> None:
    pdu = told("+CMGS: 17")
    pieces = {"before": report(17) + pdu, "between": pdu.replace(OK, report(17) + OK), "after": pdu + report(17)}
    async with watched({"PDU": [pieces[at], told("+CMGS: 18")]}) as (modem, peer, events):
        reference = await modem.send_text(NUMBER, LONG)
        await peer.wire.write(report(18))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]


async def test_a_golden_report_that_is_stored_is_fetched_and_deleted() -> None:
    stored = GOLDEN["the stored status report"].raw
    answers = {"AT+CMGR": stored, "PDU": GOLDEN["a part is accepted"].raw}
    async with watched(answers) as (modem, peer, events):
        reference = await modem.send_text("+27829200000", TEXT)
        await peer.wire.write(GOLDEN["a status report is stored"].raw)
        await asyncio.sleep(1)
        assert peer.heard[-3:] == ['AT+CPMS="SM"', "AT+CMGR=3", "AT+CMGD=3"]
        assert events == [Delivered(reference, True)]


async def test_a_report_in_the_middle_of_fetching_another() -> None:
    head, rest = GOLDEN["the stored status report"].raw.split(b"\r\n", 1)
    answers = {"AT+CMGR": head + report(18) + rest, "PDU": [told("+CMGS: 183"), told("+CMGS: 18")]}
    async with watched(answers) as (modem, peer, events):
        references = [await modem.send_text(number, TEXT) for number in ("+27829200000", NUMBER)]
        await peer.wire.write(GOLDEN["a status report is stored"].raw)
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True) for reference in references]


async def test_a_golden_report_without_the_centre() -> None:
    async with watched(country="1") as (modem, peer, events):
        peer.mr = 84
        reference = await modem.send_text("+1234567890", TEXT)
        await peer.wire.write(GOLDEN["a status report"].raw)
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(said("+CDS: 24") + said("0123456789ABCDEF"), id="too short"),
        pytest.param(said("+CDS: 24") + said("RING"), id="no PDU"),
        pytest.param(said("+CDS: 24") + said("+CDS: 24"), id="announced twice"),
        pytest.param(said('+CDSI: "SM",4'), id="nothing is stored"),
        # a ZTE modem made this one; source: tests of faucamp/python-gsmmodem, test_pdu.py
        pytest.param(said("+CDS: 27") + said("0297F1061C0F910B487228297020F5317062419272803170624192138000"), id="ZTE"),
    ],
)
async def test_a_report_that_makes_no_sense_is_dropped(nonsense: bytes) -> None:
    async with watched() as (modem, peer, events):
        reference = await modem.send_text(NUMBER, TEXT)
        await peer.wire.write(nonsense + report(17))
        await asyncio.sleep(1)
        assert events == [Delivered(reference, True)]
        assert not await closed(peer.wire)


async def test_a_message_that_was_refused_half_way_has_no_report() -> None:
    async with watched({"PDU": [told("+CMGS: 17"), said("+CMS ERROR: 21")]}) as (modem, peer, events):
        with pytest.raises(Rejected):
            await modem.send_text(NUMBER, LONG)
        await peer.wire.write(report(17))
        await asyncio.sleep(1)
        assert events == []


# ---- privacy


async def test_neither_number_nor_text_is_logged_or_in_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []
    answers: list[bytes] = [said("+CMS ERROR: 21"), OK, said("RDY"), NOTHING]
    for answer in answers:
        async with connected({"PDU": answer}) as (modem, _):
            with pytest.raises((Rejected, ProtocolError, Unreachable)) as caught:
                await modem.send_text(NUMBER, TEXT)
            errors.append(str(caught.value))
    told_of = caplog.text + "".join(errors)
    assert len(errors) == 4
    assert all(errors)
    assert not any(each in told_of for each in ("138", "8310", "A023", "00410030"))
