"""The simulated ticket printer over the in-memory wire. Bytes are from Epson's and clones' command descriptions."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import qrcode  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Unreachable
from simulators.escpos import LINGER, RECEIVE_BUFFER, Escpos
from simulators.escpos_tokens import Token, Tokenizer
from simulators.port import Gone
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

INIT, HANZI_ON, HANZI_OFF = bytes.fromhex("1B 40"), bytes.fromhex("1C 26"), bytes.fromhex("1C 2E")
CUT = bytes.fromhex("1D 56 42 00")
BARRIER = bytes.fromhex("1D 72 31")
TAKE_NUMBER = bytes.fromhex("C8 A1 BA C5")  # 取号 in GB 2312: rows 40-01 and 26-37
QR_MODULE_6, QR_LEVEL_M = bytes.fromhex("1D 28 6B 03 00 31 43 06"), bytes.fromhex("1D 28 6B 03 00 31 45 31")
QR_PRINT = bytes.fromhex("1D 28 6B 03 00 31 51 30")
CLEAR = bytes.fromhex("10 14 08 01 03 14 01 06 02 08")


def qr_store(data: bytes) -> bytes:
    return b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data


# ---- the tokenizer

COMMANDS = [  # the command, and how many of its bytes are its name
    ("1B 40", 2),
    ("1C 26", 2),
    ("1C 43 01", 2),
    ("1C 53 00 00", 2),
    ("1B 39 00", 2),
    ("1B 74 10", 2),
    ("1D 21 11", 2),
    ("1B 61 01", 2),
    ("1B 64 03", 2),
    ("1D 4C 10 00", 2),
    ("1B 24 10 00", 2),
    ("1D 56 00", 2),
    ("1D 56 31", 2),
    ("1D 56 42 00", 2),
    ("1D 56 61 05", 2),
    ("1B 69", 2),
    ("1B 42 02 01", 2),
    ("1B 70 00 19 FA", 2),
    ("1D 49 42", 2),
    ("1D 28 6B 04 00 31 41 32 00", 3),
    ("1D 28 6B 04 00 31 50 30 1B", 3),
    ("1B 28 41 04 00 30 31 01 05", 3),
    ("1D 6B 04 41 30 30 31 00", 2),
    ("1D 6B 49 06 7B 42 41 30 30 31", 2),
    ("1D 76 30 00 02 00 02 00 1B 40 1D 56", 3),
    ("1B 2A 00 03 00 1B 1B 1B", 2),
    ("1B 2A 21 01 00 1D 1D 1D", 2),
    ("1D 38 4C 02 00 00 00 30 32", 3),
    ("1B 44 08 10 00", 2),
    ("1D 61 FF", 2),
    ("1D 72 01", 2),
]
REALTIME = ["10 04 01", "10 04 04", "10 04 07 01", "10 04 08 03", "10 04 12 01", "10 05 02"]
REALTIME += ["10 14 01 00 01", "10 14 02 01 08", "10 14 03 00 00 00 00 00", "10 14 07 01", CLEAR.hex()]


@pytest.mark.parametrize(("text", "name"), COMMANDS)
def test_every_command_ends_where_its_length_rule_says(text: str, name: int) -> None:
    command = bytes.fromhex(text)
    tokens = Tokenizer().feed(b"A" + command + b"B")
    middle = Token("command", command[:name], command[name:])
    assert tokens == [Token("character", b"A"), middle, Token("character", b"B")]


@pytest.mark.parametrize("text", REALTIME)
def test_real_time_commands_have_lengths_too(text: str) -> None:
    command = bytes.fromhex(text)
    assert Tokenizer().feed(command + b"B") == [
        Token("realtime", command[:2], command[2:]),
        Token("character", b"B"),
    ]


@pytest.mark.parametrize("text", ["1B 7A", "1D FE", "1C 7A", "1D 6B 40", "1D 76 31", "10 04 09", "10 14 63", "07"])
def test_unknown_commands_are_reported(text: str) -> None:
    unknown = bytes.fromhex(text)
    assert Tokenizer().feed(unknown + b"B") == [Token("unknown", unknown), Token("character", b"B")]


def test_real_time_commands_act_inside_data_and_stay_data() -> None:
    stored = qr_store(bytes.fromhex("41 10 04 01 42 10"))
    tokens = Tokenizer().feed(stored + bytes.fromhex("04 02"))
    assert tokens[:2] == [Token("realtime", b"\x10\x04", b"\x01"), Token("command", stored[:3], stored[3:])]
    assert Token("realtime", b"\x10\x04", b"\x02") in tokens  # it began as the last byte of the payload


def test_doubled_dle_hides_nothing() -> None:
    assert Token("realtime", b"\x10\x04", b"\x01") in Tokenizer().feed(bytes.fromhex("10 10 04 01"))
    assert Token("realtime", b"\x10\x04", b"\x02") in Tokenizer().feed(bytes.fromhex("10 04 10 04 02"))


STREAMS = st.lists(
    st.sampled_from([bytes.fromhex(text) for text, _ in COMMANDS] + [bytes.fromhex(text) for text in REALTIME])
    | st.binary(max_size=6)
    | st.sampled_from([b"\x10", b"\x1b", b"\x1d(k\x08\x00", b"\x1dv0\x00\x03\x00\x02\x00", TAKE_NUMBER])
).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 400)))
def test_any_split_gives_the_same_tokens(stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    tokenizer = Tokenizer()
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert [token for piece in pieces for token in tokenizer.feed(piece)] == Tokenizer().feed(stream)


@given(STREAMS)
def test_no_byte_is_lost(stream: bytes) -> None:
    """Whatever is no real-time command comes out again, in order, as soon as it is whole."""
    tokenizer = Tokenizer()
    tokens = [token for token in tokenizer.feed(stream) if token.kind != "realtime"]
    out = b"".join(token.code + token.args for token in tokens)
    rest = iter(stream)
    assert all(byte in rest for byte in out)
    if b"\x10" not in stream:
        assert stream.startswith(out)


def test_a_command_that_never_ends_is_bounded_and_skipped_whole() -> None:
    tokenizer = Tokenizer(limit=64)
    [huge, after] = tokenizer.feed(bytes.fromhex("1D 76 30 00 FF 00 FF 00") + bytes(255 * 255) + b"A")
    assert len(huge.code + huge.args) == 64
    assert huge.dropped == 8 + 255 * 255 - 64
    assert after == Token("character", b"A")


# ---- a host on the wire


@dataclass
class Host:
    printer: Escpos
    link: End
    heard: bytes = b""

    async def send(self, *pieces: bytes) -> None:
        """Returns when the printer has taken them in."""
        for piece in pieces:
            await self.link.write(piece)
        await asyncio.sleep(0.001)

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(1):
            while len(self.heard) < count:
                self.heard += await self.link.read()
        answer, self.heard = self.heard[:count], self.heard[count:]
        return answer

    async def ask(self, question: bytes) -> bytes:
        await self.link.write(question)
        return await self.hear(1)

    async def everything(self) -> bytes:
        """What the printer says until it is silent for a second."""
        said, self.heard = self.heard, b""
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(1):
                    said += await self.link.read()
        return said

    async def real_time(self) -> str:
        return b"".join([await self.ask(bytes([0x10, 4, n])) for n in (1, 2, 3, 4)]).hex(" ").upper()


@contextlib.asynccontextmanager
async def connected(printer: Escpos) -> AsyncIterator[Host]:
    link, wire = pair()
    talk = asyncio.create_task(printer.talk(wire))
    await asyncio.sleep(0)
    try:
        yield Host(printer, link)
    finally:
        await link.close()
        await talk


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with connected(Escpos("printer-1", {"paper_mm": 58})) as host:
        yield host


# ---- status

Fault = Callable[[Escpos], None]
STATES: list[tuple[str, Fault, str, str]] = [
    ("ok", lambda p: p.set_paper("ok"), "12 12 12 12", "10 00 00 00"),
    ("low", lambda p: p.set_paper("low"), "12 12 12 1E", "10 00 03 00"),
    ("out", lambda p: p.set_paper("out"), "1A 32 12 7E", "18 00 0F 00"),
    ("cover", lambda p: p.set_cover(True), "1A 16 12 12", "38 00 00 00"),
    ("cutter", lambda p: p.set_cutter_error(True), "1A 52 1A 12", "18 08 00 00"),
    ("offline", lambda p: p.set_offline(True), "1A 12 12 12", "18 00 00 00"),
]


@pytest.mark.parametrize(("name", "fault", "real_time", "automatic"), STATES, ids=[row[0] for row in STATES])
async def test_status_bytes_of_the_manual(host: Host, name: str, fault: Fault, real_time: str, automatic: str) -> None:
    await host.send(bytes.fromhex("1D 61 FF"))
    assert await host.hear(4) == bytes.fromhex("10 00 00 00")
    fault(host.printer)
    if name != "ok":
        assert await host.hear(4) == bytes.fromhex(automatic)
    assert await host.real_time() == real_time


async def test_automatic_status_tells_what_was_asked_for(host: Host) -> None:
    await host.send(bytes.fromhex("1D 61 08"))  # paper only
    assert await host.hear(4) == bytes.fromhex("10 00 00 00")
    host.printer.set_cover(True)
    host.printer.set_cover(False)
    assert await host.everything() == b""
    host.printer.set_paper("low")
    assert await host.everything() == bytes.fromhex("10 00 03 00")
    host.printer.set_paper("low")
    assert await host.everything() == b""
    await host.send(bytes.fromhex("1D 61 00"))
    host.printer.set_paper("ok")
    assert await host.everything() == b""


async def test_paper_in_order(host: Host) -> None:
    assert await host.ask(BARRIER) == b"\x00"
    host.printer.set_paper("low")
    assert await host.ask(BARRIER) == b"\x03"
    assert await host.ask(bytes.fromhex("1D 72 01")) == b"\x03"
    assert await host.ask(bytes.fromhex("1D 72 02")) == b"\x00"


async def test_identity(host: Host) -> None:
    await host.send(bytes.fromhex("1D 49 42 1D 49 02"))
    said = await host.everything()
    assert said[0] == 0x5F
    assert said[-2] == 0x00
    assert said[-1] & 0x90 == 0


async def test_the_barrier_waits_behind_print_data_while_a_fault_blocks(host: Host) -> None:
    host.printer.set_paper("out")
    await host.send(TAKE_NUMBER + b"\n" + CUT + BARRIER)
    assert await host.everything() == b""
    assert host.printer.slips == []
    assert host.printer.state()["buffered_bytes"] == 4 + 1 + 4 + 3
    assert await host.ask(b"\x10\x04\x04") == b"\x7e"
    host.printer.set_paper("ok")
    assert await host.everything() == b"\x00"
    assert [slip.text for slip in host.printer.slips] == ["取号"]


async def test_answers_keep_the_order_of_the_questions(host: Host) -> None:
    await host.send(BARRIER + b"\x10\x04\x01" + BARRIER)
    assert await host.everything() == b"\x00\x12\x00"


async def test_paper_runs_out_in_the_middle_of_a_job(host: Host) -> None:
    await host.send(bytes.fromhex("1D 61 08"))
    await host.hear(4)
    host.printer.paper_after(2)
    await host.send(b"1\n2\n3\n", CUT, BARRIER)
    assert await host.everything() == bytes.fromhex("18 00 0F 00")
    [torn] = host.printer.slips
    assert (torn.text, torn.cut) == ("1\n2", "torn")
    host.printer.set_paper("ok")
    assert await host.everything() == bytes.fromhex("10 00 00 00") + b"\x00"
    assert [(slip.text, slip.cut) for slip in host.printer.slips[1:]] == [("3", "partial")]


async def test_paper_runs_out_on_the_line_that_a_cut_prints(host: Host) -> None:
    host.printer.paper_after(1)
    await host.send(b"1", CUT, BARRIER)
    assert await host.everything() == b""
    assert [(slip.text, slip.cut) for slip in host.printer.slips] == [("1", "torn")]
    host.printer.set_paper("ok")
    assert await host.everything() == b"\x00"


async def test_a_question_inside_a_qr_payload_is_answered_and_printed(host: Host) -> None:
    data = b"A\x10\x04\x04B"
    head, tail = (QR_MODULE_6 + qr_store(data))[:-1], qr_store(data)[-1:]
    await host.send(head)
    assert await host.everything() == b"\x12"
    await host.send(tail, QR_PRINT, CUT)
    assert host.printer.slips[0].qrs[0].data == data


async def test_cutter_error_and_recovery(host: Host) -> None:
    host.printer.set_cutter_error(True)
    await host.send(b"kept\n", CUT, b"\x10\x05\x01")
    assert host.printer.slips[0].text == "kept"
    host.printer.set_cutter_error(True)
    await host.send(b"lost\n", CUT, b"\x10\x05\x02", b"next\n", CUT)
    assert host.printer.slips[1].text == "next"


async def test_recovery_is_for_the_cutter_only(host: Host) -> None:
    host.printer.set_paper("out")
    await host.send(b"kept\n", CUT, b"\x10\x05\x02")
    host.printer.set_paper("ok")
    assert host.printer.slips[0].text == "kept"


async def test_clearing_the_buffers_ends_a_half_sent_image(host: Host) -> None:
    await host.send(b"old", bytes.fromhex("1D 76 30 00 30 00 00 01") + b"\x55" * 100)
    await host.send(CLEAR)
    assert await host.everything() == bytes.fromhex("37 25 00")
    await host.send(b"new\n", CUT)
    assert (host.printer.slips[0].text, host.printer.slips[0].rasters) == ("new", [])


async def test_a_full_receive_buffer_stops_reading(host: Host) -> None:
    host.printer.set_cover(True)
    await host.send(b"x" * (RECEIVE_BUFFER + 1), b"\x10\x04\x01")
    assert await host.everything() == b""
    host.printer.set_cover(False)
    assert await host.everything() == b"\x12"
    torn = [*host.printer.slips, host.printer.slip]  # nobody cut it: metres of paper
    assert sum(len(line.text) for slip in torn for line in slip.lines) == (RECEIVE_BUFFER + 1) // 32 * 32


async def test_mute_prints_and_says_nothing(host: Host) -> None:
    host.printer.mute = True
    await host.send(b"1\n", CUT, BARRIER, b"\x10\x04\x01", bytes.fromhex("1D 61 FF"))
    assert await host.everything() == b""
    assert host.printer.slips[0].text == "1"


async def test_mute_while_the_cover_is_open(host: Host) -> None:
    host.printer.mute_open = True
    assert await host.real_time() == "12 12 12 12"
    host.printer.set_cover(True)
    await host.send(b"1\n", CUT, BARRIER, b"\x10\x04\x01")
    assert await host.everything() == b""
    host.printer.set_cover(False)
    assert await host.everything() == b"\x00"
    assert host.printer.slips[0].text == "1"


async def test_taken_offline_by_its_button_it_holds_what_comes(host: Host) -> None:
    host.printer.set_offline(True)
    await host.send(b"1\n", CUT, BARRIER)
    assert await host.everything() == b""
    assert host.printer.slips == []
    host.printer.set_offline(False)
    assert await host.everything() == b"\x00"
    assert host.printer.slips[0].text == "1"


async def test_stray_bytes_on_demand(host: Host) -> None:
    host.printer.say(b"\x11")
    assert await host.everything() == b"\x11"


# ---- connections and power


async def test_a_second_client_is_refused_at_once(host: Host) -> None:
    async with connected(host.printer) as second:
        with pytest.raises(Unreachable):
            await second.hear(1)
    assert await host.ask(b"\x10\x04\x01") == b"\x12"
    await host.link.close()
    await asyncio.sleep(0.001)
    async with connected(host.printer) as third:
        assert await third.ask(b"\x10\x04\x01") == b"\x12"


async def refused(printer: Escpos) -> bool:
    async with connected(printer) as host:
        try:
            return await host.ask(b"\x10\x04\x01") != b"\x12"
        except Unreachable:
            return True


async def test_a_client_that_hung_up_keeps_a_lingering_printer_busy() -> None:
    printer = Escpos("printer-1", {})
    assert not await refused(printer)
    assert not await refused(printer), "without the switch the next one is let in"
    printer.linger = True
    assert not await refused(printer)
    await asyncio.sleep(LINGER - 1)
    assert await refused(printer)
    assert printer.state()["busy"] is True
    await asyncio.sleep(1)
    assert not await refused(printer), "and to be refused has not made it longer"
    printer.power_cycle()
    assert not await refused(printer)


async def test_power_loss_drops_the_link_and_what_was_buffered(host: Host) -> None:
    await host.send(b"half\n", b"line buffer")
    host.printer.set_cover(True)
    await host.send(b"receive buffer\n", CUT)
    host.printer.power_cycle()
    with pytest.raises(Unreachable):
        await host.hear(1)
    await asyncio.sleep(0.001)
    host.printer.set_cover(False)
    assert host.printer.state()["connected"] is False
    async with connected(host.printer) as again:
        await again.send(b"next\n", CUT)
    assert host.printer.slips[0].text == "half\nnext"  # the paper does not forget


class Bus(End):
    """A serial line: it stays when the printer's power goes."""

    async def close(self) -> None:
        pass


async def test_on_a_serial_line_the_printer_comes_back_on_the_same_wire() -> None:
    link, wire = End(Unreachable), Bus(Gone)
    link.other, wire.other = wire, link
    host = Host(Escpos("printer-1", {}), link)
    talk = asyncio.create_task(host.printer.talk(wire))
    assert await host.ask(b"\x10\x04\x01") == b"\x12"
    host.printer.set_cover(True)
    host.printer.power_cycle()
    await asyncio.sleep(0.001)
    assert await host.ask(b"\x10\x04\x02") == b"\x16"
    await link.close()
    await talk


# ---- print


async def printed(host: Host, *job: bytes) -> Escpos:
    await host.send(*job)
    return host.printer


async def test_hanzi_mode_is_on_at_power_up_and_after_init(host: Host) -> None:
    job = TAKE_NUMBER + b"\n" + HANZI_OFF + b"\xc4\xcd\n" + INIT + TAKE_NUMBER + b"A001\n" + CUT
    slip = (await printed(host, job)).slips[0]
    assert [line.text for line in slip.lines] == ["取号", "─═", "取号A001"]
    assert slip.errors == []


async def test_gbk_beyond_gb2312(host: Host) -> None:
    # A3A4 full-width yen, A1AA dash, 8140 the first Hanzi of GBK/3
    slip = (await printed(host, bytes.fromhex("A3 A4 A1 AA 81 40 0A"), CUT)).slips[0]
    assert slip.text == "￥—丂"


async def test_code_pages(host: Host) -> None:
    slip = (await printed(host, HANZI_OFF, b"\x1bt\x10\x80\n\x1bt\x11\x80\n\x1bt\x02\x80\n", CUT)).slips[0]
    assert [line.text for line in slip.lines] == ["€", "А", "Ç"]  # WPC1252, PC866 (Cyrillic), PC850


async def test_lone_lead_bytes_are_seen(host: Host) -> None:
    yen = bytes.fromhex("81 30 84 36")  # U+00A5 in GB18030: four bytes that a GBK printer does not know
    slip = (await printed(host, yen + b"\n" + b"\xc8\n" + b"\xc8" + CUT)).slips[0]
    assert [line.text for line in slip.lines] == ["\ufffd0\ufffd6", "\ufffd", "\ufffd"]
    assert slip.errors == ["lone lead byte 81", "lone lead byte 84", "lone lead byte C8", "lone lead byte C8"]


async def test_delete_is_no_trail_byte(host: Host) -> None:
    slip = (await printed(host, b"\xc8\x7f\n", CUT)).slips[0]
    assert slip.errors == ["lone lead byte C8"]


async def test_a_question_between_two_halves_of_a_hanzi_harms_nothing(host: Host) -> None:
    assert await host.ask(b"\xc8\x10\x04\x01") == b"\x12"
    slip = (await printed(host, b"\xa1\n", CUT)).slips[0]
    assert (slip.text, slip.errors) == ("取", [])


async def test_unassigned_pairs_are_errors(host: Host) -> None:
    slip = (await printed(host, bytes.fromhex("AA A1 0A"), CUT)).slips[0]
    assert (slip.text, slip.errors) == ("□", ["no glyph for AA A1"])


async def test_unknown_commands_are_counted_and_shown(host: Host) -> None:
    printer = await printed(host, bytes.fromhex("1B 7A"), b"A\n", CUT)
    assert printer.slips[0].errors == ["unknown command ESC z"]
    assert printer.state()["unknown_commands"] == 1


async def test_what_is_not_simulated_is_said(host: Host) -> None:
    slip = (await printed(host, bytes.fromhex("1B 4C 1B 56 01 1B 56 00 1B 39 01"), CUT)).slips[0]
    assert slip.errors == ["not simulated: ESC L", "not simulated: ESC V 01", "not simulated: ESC 9 01"]


async def test_size_align_and_bold(host: Host) -> None:
    job = b"\x1ba\x01\x1bE\x01\x1d!\x33A042\n" + INIT + b"small\n\x1ba\x02\x1b!\x30big\n" + CUT
    slip = (await printed(host, job)).slips[0]
    assert [(line.text, line.size, line.align, line.bold) for line in slip.lines] == [
        ("A042", 4, "center", True),
        ("small", 1, "left", False),
        ("big", 2, "right", False),
    ]
    assert [line.left for line in slip.lines] == [(384 - 4 * 48) // 2, 0, 384 - 3 * 24]


async def test_align_counts_at_the_start_of_a_line_only(host: Host) -> None:
    slip = (await printed(host, b"x\x1ba\x01\n", CUT)).slips[0]
    assert slip.lines[0].align == "left"
    assert slip.errors == ["ESC a 01 ignored in mid line"]


@pytest.mark.parametrize(("paper_mm", "hanzi"), [(58, 16), (80, 24)])
async def test_lines_wrap_at_the_edge(paper_mm: int, hanzi: int) -> None:
    async with connected(Escpos("printer-1", {"paper_mm": paper_mm})) as host:
        slip = (await printed(host, TAKE_NUMBER[:2] * (hanzi + 1) + b"\n", b"x" * (hanzi * 2 + 1) + b"\n", CUT)).slips[
            0
        ]
    assert [len(line.text) for line in slip.lines] == [hanzi, 1, hanzi * 2, 1]


async def test_cuts(host: Host) -> None:
    forms = ["1D 56 00", "1D 56 31", "1D 56 41 10", "1D 56 42 00", "1B 69", "1B 6D"]
    printer = await printed(host, *(b"x\n" + bytes.fromhex(form) for form in forms))
    assert [slip.cut for slip in printer.slips] == ["full", "partial", "full", "partial", "full", "partial"]
    assert printer.slips[2].length - printer.slips[0].length == 16


async def test_feeds(host: Host) -> None:
    job = b"x\n\n" + b"x\x1bd\x03" + b"\x1bJ\x0a" + b"\x1b3\x40" + b"x\n" + CUT
    slip = (await printed(host, job)).slips[0]
    heights = [item.height for item in slip.items]
    assert heights == [34, 34, 34, 2 * 34, 10, 64]


async def test_raster(host: Host) -> None:
    job = bytes.fromhex("1B 61 01 1D 76 30 03 02 00 03 00 FF 00 81 01 10 04")
    raster = (await printed(host, job, CUT)).slips[0].rasters[0]
    assert raster.rows == (b"\xff\x00", b"\x81\x01", b"\x10\x04")
    assert (raster.wide, raster.high, raster.left) == (2, 2, (384 - 32) // 2)


async def test_graphics_are_rasters_too(host: Host) -> None:
    job = bytes.fromhex("1D 28 4C 0C 00 30 70 30 01 01 31 09 00 01 00 FF 80 1D 28 4C 02 00 30 32")
    assert (await printed(host, job, CUT)).slips[0].rasters[0].rows == (b"\xff\x80",)


async def test_an_image_wider_than_the_paper_is_an_error(host: Host) -> None:
    slip = (await printed(host, b"\x1dv0\x00\x31\x00\x01\x00" + bytes(49), CUT)).slips[0]
    assert slip.errors == ["image of 392 dots is wider than the paper"]


async def test_barcode_data(host: Host) -> None:
    slip = (await printed(host, bytes.fromhex("1D 6B 49 06 7B 42 41 30 30 31 1D 6B 04 41 31 00"), CUT)).slips[0]
    assert [(code.kind, code.data) for code in slip.barcodes] == [(73, b"{BA001"), (69, b"A1")]


async def test_only_the_last_fifty_slips_are_kept(host: Host) -> None:
    printer = await printed(host, *(b"%d\n" % n + CUT for n in range(60)))
    assert [slip.text for slip in printer.slips] == [str(n) for n in range(10, 60)]
    assert printer.state()["slips"] == 60


# ---- QR codes

WEB = "https://例.cn/t/01948f2a0".encode()  # 26 bytes fill 2-M: libraries do not agree on padding


def stranger_matrices(data: bytes, level: int) -> list[list[list[bool]]]:
    """The eight masks of the smallest QR code of these bytes, by another library."""
    codes = [qrcode.QRCode(error_correction=level, border=0, mask_pattern=mask) for mask in range(8)]
    for code in codes:
        code.add_data(qrcode.util.QRData(data, mode=qrcode.util.MODE_8BIT_BYTE))
        code.make(fit=True)
    return [[[bool(module) for module in row] for row in code.modules] for code in codes]


async def test_the_qr_code_is_stored_printed_and_drawn_exactly(host: Host) -> None:
    slip = (await printed(host, QR_MODULE_6, QR_LEVEL_M, qr_store(WEB), b"\x1ba\x01", QR_PRINT, CUT)).slips[0]
    [code] = slip.qrs
    assert (code.data, code.level, code.module) == (WEB, "M", 6)
    drawn = [[False] * 25 for _ in range(25)]
    for rect in ElementTree.fromstring(slip.svg()).iter("{http://www.w3.org/2000/svg}rect"):
        x, y, width, height = (int(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert ((x - code.left) % 6, height) == (0, 6)
        for module in range(width // 6):
            drawn[(y - 48) // 6][(x - code.left) // 6 + module] = True
    assert code.left == (384 - 25 * 6) // 2
    assert drawn in stranger_matrices(WEB, qrcode.constants.ERROR_CORRECT_M)


async def test_qr_codes_that_a_printer_would_not_print(host: Host) -> None:
    wide = bytes.fromhex("1D 28 6B 03 00 31 43 10")
    printer = await printed(host, QR_PRINT, qr_store(b"x" * 200), wide, QR_PRINT, qr_store(b"x" * 3000), QR_PRINT, CUT)
    assert printer.slips[0].qrs == []
    assert printer.slips[0].errors == [
        "QR code without data",
        "QR code of 848 dots is wider than the paper",
        "QR code of 3000 bytes is too long for level L",
    ]


# ---- the picture

SVG = "{http://www.w3.org/2000/svg}"


async def test_text_stands_in_its_dot_cells(host: Host) -> None:
    slip = (await printed(host, b"\x1d!\x11" + TAKE_NUMBER + b" <&>\n" + CUT)).slips[0]
    texts = list(ElementTree.fromstring(slip.svg()).iter(f"{SVG}text"))
    assert [text.text for text in texts] == ["取号", "<&>"]
    assert [text.attrib["textLength"] for text in texts] == ["48", "36"]
    assert [text.attrib["transform"].split(" ")[0] for text in texts] == ["translate(0", "translate(120"]
    assert all("scale(2 2)" in text.attrib["transform"] for text in texts)


async def test_a_slip_is_as_wide_as_its_paper(host: Host) -> None:
    slip = (await printed(host, b"x\n", CUT)).slips[0]
    assert ElementTree.fromstring(slip.svg()).attrib["width"] == "464"  # 58 mm at 8 dots a millimetre


async def test_the_picture_shows_the_last_three_newest_on_top(host: Host) -> None:
    assert "还没有小票" in host.printer.picture()
    await host.send(*(name + b"\n" + CUT for name in (b"A1", b"A2", b"A3", b"A4")))
    texts = ElementTree.fromstring(host.printer.picture()).iter(f"{SVG}text")
    assert [text.text for text in texts] == ["A4", "A3", "A2"]


# ---- the simulators' page


async def test_controls_do_what_they_say(host: Host) -> None:
    printer = host.printer
    names = [control["name"] for control in printer.controls()]
    switches = ["offline", "mute", "mute_open", "linger"]
    assert names == ["paper_ok", "paper_low", "paper_out", "cover_open", "cover_close", "power_cycle", *switches]
    seen = {}
    for name in names[:5]:
        printer.control(name)
        seen[name] = (printer.state()["paper"], printer.state()["cover"])
    assert seen == {
        "paper_ok": ("ok", "closed"),
        "paper_low": ("low", "closed"),
        "paper_out": ("out", "closed"),
        "cover_open": ("out", "open"),
        "cover_close": ("out", "closed"),
    }
    printer.control("power_cycle")
    await asyncio.sleep(0.001)
    assert json.loads(json.dumps(printer.state()))["connected"] is False
    with pytest.raises(KeyError):
        printer.control("dance")


@pytest.mark.parametrize("name", ["offline", "mute", "mute_open", "linger"])
async def test_a_switch_is_thrown_and_thrown_back(host: Host, name: str) -> None:
    def on() -> list[str]:
        return [control["name"] for control in host.printer.controls() if control.get("on")]

    assert on() == []
    host.printer.control(name)
    assert on() == [name]
    host.printer.control(name)
    assert on() == []
    assert await host.real_time() == "12 12 12 12"


# ---- anything


@settings(max_examples=60)
@given(st.lists(STREAMS | st.sampled_from([CUT, BARRIER, QR_PRINT, b"\n", b"\x1dV\x42\x00", b"\x1d(k\x00\x00"])))
async def test_no_bytes_hurt_the_printer(pieces: list[bytes]) -> None:
    async with connected(Escpos("printer-1", {})) as host:
        host.printer.paper_after(3)
        await host.send(*pieces)
        host.printer.set_paper("ok")
        host.printer.power_cycle()
    for slip in host.printer.slips:
        ElementTree.fromstring(slip.svg())
    ElementTree.fromstring(host.printer.picture())
    async with connected(host.printer) as again:
        assert await again.real_time() == "12 12 12 12"
